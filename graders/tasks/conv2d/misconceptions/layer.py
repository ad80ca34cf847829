"""Exercise 1, continued: mistakes about the layer."""

from __future__ import annotations

import operator
from collections.abc import Iterable
from typing import Any

import torch
from torch import Tensor, nn

from graders.diagnosis.mistakes import Probe
from graders.diagnosis.observing import settled, telling
from graders.diagnosis.written import Function, Slip, entries, entry
from graders.tasks.convolution_slips import DETACHED
from graders.testing.strategies import tensor
from graders.testing.submission import Module, Submission

# ------------------------------------------------------------------------------------------------- Conv2D

REGISTERED = "Which numbers does the optimizer find in layer.parameters(), and what puts them there?"
ONCE = "To how many numbers of the result is the bias added, and how often to each of them?"
DRAWN = "Between which numbers does torch.rand draw, and where does torch.randn?"
PAIR = "What should Conv2D(3) make, and what should Conv2D((2, 3)) make?"

NO_INIT = "Module.__init__"


def _built_on(convolve: Function, **methods: Any) -> type[nn.Module]:
    """A right layer on some convolution, but for the methods given."""

    class Conv2D(nn.Module):
        def __init__(self, kernel_size: int | tuple[int, int]) -> None:
            super().__init__()
            size = self.size(kernel_size)
            self.weight = nn.Parameter(self.new_weight(size))
            self.bias = nn.Parameter(self.new_bias(size))

        def size(self, kernel_size: int | tuple[int, int]) -> tuple[int, int]:
            return (kernel_size, kernel_size) if isinstance(kernel_size, int) else kernel_size

        def new_weight(self, size: tuple[int, int]) -> Tensor:
            return torch.rand(size)

        def new_bias(self, size: tuple[int, int]) -> Tensor:
            return torch.zeros(1)

        def convolve(self, X: Tensor, K: Tensor) -> Tensor:
            result: Tensor = convolve(X, K)
            return result

        def forward(self, X: Tensor) -> Tensor:
            return self.convolve(X, self.weight) + self.bias

    return type("Conv2D", (Conv2D,), methods)


def _without_init(self: Any, kernel_size: Any) -> None:
    self.weight = nn.Parameter(torch.rand(1))


def _plain_tensors(self: Any, kernel_size: Any) -> None:
    nn.Module.__init__(self)
    self.weight = torch.rand(self.size(kernel_size), requires_grad=True)
    self.bias = torch.zeros(1, requires_grad=True)


def _plain_weight(self: Any, kernel_size: Any) -> None:
    nn.Module.__init__(self)
    self.weight = torch.rand(self.size(kernel_size))
    self.bias = nn.Parameter(torch.zeros(1))


def _plain_bias(self: Any, kernel_size: Any) -> None:
    nn.Module.__init__(self)
    self.weight = nn.Parameter(torch.rand(self.size(kernel_size)))
    self.bias = torch.zeros(1)


def _buffers(self: Any, kernel_size: Any) -> None:
    nn.Module.__init__(self)
    self.register_buffer("weight", torch.rand(self.size(kernel_size)))
    self.register_buffer("bias", torch.zeros(1))


def _made_in_forward(self: Any, X: Tensor) -> Tensor:
    weight, bias = nn.Parameter(torch.rand(self.kernel)), nn.Parameter(torch.zeros(1))
    return self.convolve(X, weight) + bias  # type: ignore[no-any-return]


def _drawn_in_forward(self: Any, X: Tensor) -> Tensor:
    self.weight = nn.Parameter(torch.rand(self.weight.shape))
    return self.convolve(X, self.weight) + self.bias  # type: ignore[no-any-return]


def _keeps_size(self: Any, kernel_size: Any) -> None:
    nn.Module.__init__(self)
    self.kernel = self.size(kernel_size)


def _frozen(self: Any, kernel_size: Any) -> None:
    nn.Module.__init__(self)
    self.weight = nn.Parameter(torch.rand(self.size(kernel_size)), requires_grad=False)
    self.bias = nn.Parameter(torch.zeros(1), requires_grad=False)


def _other_names(self: Any, kernel_size: Any) -> None:
    nn.Module.__init__(self)
    self.kernel = nn.Parameter(torch.rand(self.size(kernel_size)))
    self.offset = nn.Parameter(torch.zeros(1))


def _reads_a_global(self: Any, X: Tensor) -> Tensor:
    raise NameError("name 'weight' is not defined")


_LAYERS: tuple[tuple[str, dict[str, Any], str, str], ...] = (
    (
        "bias-forgotten",
        {"forward": lambda self, X: self.convolve(X, self.weight)},
        "The bias is there, but forward does not add it.",
        ONCE,
    ),
    (
        "bias-added-for-each-kernel-element",
        {"forward": lambda self, X: self.convolve(X, self.weight) + self.weight.numel() * self.bias},
        "The bias is added once for each number of the kernel. It belongs to the result: once to each "
        "number of it.",
        ONCE,
    ),
    (
        "bias-added-to-the-kernel",
        {"forward": lambda self, X: self.convolve(X, self.weight + self.bias)},
        "The bias is added to the kernel. It belongs to the result: once to each number of it.",
        ONCE,
    ),
    (
        "bias-added-to-the-image",
        {"forward": lambda self, X: self.convolve(X + self.bias, self.weight)},
        "The bias is added to the image. It belongs to the result: once to each number of it.",
        ONCE,
    ),
    (
        "bias-added-twice",
        {"forward": lambda self, X: self.convolve(X, self.weight) + self.bias + self.bias},
        "The bias is added twice. It belongs to the result: once to each number of it.",
        ONCE,
    ),
    (
        "bias-subtracted",
        {"forward": lambda self, X: self.convolve(X, self.weight) - self.bias},
        "The bias is subtracted. It is added to each number of the result.",
        ONCE,
    ),
    (
        "result-multiplied-by-the-bias",
        {"forward": lambda self, X: self.convolve(X, self.weight) * self.bias},
        "The result is multiplied by the bias. The bias is added to each number of the result.",
        ONCE,
    ),
    (
        "activation-added",
        {"forward": lambda self, X: (self.convolve(X, self.weight) + self.bias).relu()},
        "Negative numbers are set to zero at the end. That is an activation function, a layer of its own; "
        "this layer keeps them.",
        "What should this layer answer where convolution plus bias is -2?",
    ),
    (
        "bias-as-large-as-the-kernel",
        {"new_bias": lambda self, size: torch.zeros(size)},
        "The bias has as many numbers as the kernel. One kernel makes one result, and one number is added "
        "to all of it: the bias has shape (1,).",
        ONCE,
    ),
    (
        "bias-without-an-axis",
        {"new_bias": lambda self, size: torch.zeros(())},
        "The bias is a single number without an axis, of shape (). It should have shape (1,).",
        "What is the difference between torch.zeros(()) and torch.zeros(1)?",
    ),
    (
        "bias-with-two-axes",
        {"new_bias": lambda self, size: torch.zeros(1, 1)},
        "The bias has shape (1, 1). It should have shape (1,), which broadcasts as well.",
        "Which shape does torch.zeros(1) have?",
    ),
    (
        "bias-drawn-at-random",
        {"new_bias": lambda self, size: torch.rand(1)},
        "The bias is drawn at random. It should start at zero.",
        "What should a new layer add to its result, before anything is learned?",
    ),
    (
        "bias-of-one",
        {"new_bias": lambda self, size: torch.ones(1)},
        "The bias starts at one. It should start at zero.",
        "What should a new layer add to its result, before anything is learned?",
    ),
    (
        "weight-from-the-normal-distribution",
        {"new_weight": lambda self, size: torch.randn(size)},
        "The weight is drawn from the normal distribution, as torch.randn does. It should come from "
        "torch.rand, uniformly between 0 and 1.",
        DRAWN,
    ),
    (
        "weight-around-zero",
        {"new_weight": lambda self, size: torch.rand(size) - 0.5},
        "The weight is drawn around zero, with negative numbers. It should come from torch.rand, uniformly "
        "between 0 and 1.",
        DRAWN,
    ),
    (
        "weight-of-zeros",
        {"new_weight": lambda self, size: torch.zeros(size)},
        "The weight starts as zeros. It should be drawn by torch.rand, so that two layers differ.",
        DRAWN,
    ),
    (
        "weight-of-ones",
        {"new_weight": lambda self, size: torch.ones(size)},
        "The weight starts as ones. It should be drawn by torch.rand, so that two layers differ.",
        DRAWN,
    ),
    (
        "always-the-same-weight",
        {"new_weight": lambda self, size: torch.rand(size, generator=torch.Generator().manual_seed(0))},
        "Every new layer has the same weight: the random numbers are seeded in the layer. Two layers "
        "should differ.",
        "Who should decide about the seed: the layer, or the one who uses it?",
    ),
    (
        "square-kernels-only",
        {"size": lambda self, size: (size, size) if isinstance(size, int) else (size[0], size[0])},
        "Of a pair (height, width) only the height is used, so every kernel is square.",
        PAIR,
    ),
    (
        "width-for-both-axes",
        {"size": lambda self, size: (size, size) if isinstance(size, int) else (size[1], size[1])},
        "Of a pair (height, width) only the width is used, so every kernel is square.",
        PAIR,
    ),
    (
        "height-and-width-exchanged",
        {"size": lambda self, size: (size, size) if isinstance(size, int) else (size[1], size[0])},
        "Height and width of the kernel are exchanged: in a pair the height comes first.",
        PAIR,
    ),
    (
        "int-gives-one-row",
        {"size": lambda self, size: (1, size) if isinstance(size, int) else size},
        "A kernel_size of one number makes a kernel of one row. It should stand for both axes: Conv2D(3) "
        "has a kernel of 3 × 3.",
        PAIR,
    ),
    (
        "int-gives-a-flat-kernel",
        {"size": lambda self, size: (size,) if isinstance(size, int) else size},
        "A kernel_size of one number makes a kernel with one axis only. It should stand for both axes: "
        "Conv2D(3) has a kernel of 3 × 3.",
        PAIR,
    ),
    (
        "pair-demanded",
        {"size": lambda self, size: (size[0], size[1])},
        "A kernel_size of one number is refused. It should stand for both axes: Conv2D(3) has a kernel of "
        "3 × 3.",
        PAIR,
    ),
    (
        "int-demanded",
        {"size": lambda self, size: (operator.index(size), operator.index(size))},
        "A kernel_size that is a pair is refused. Conv2D((2, 3)) has a kernel of 2 rows and 3 columns.",
        PAIR,
    ),
    (
        "weight-and-bias-not-registered",
        {"__init__": _plain_tensors},
        "Weight and bias are plain tensors: the module does not know them as parameters, so no optimizer "
        "finds them and nothing saves them.",
        REGISTERED,
    ),
    (
        "weight-not-registered",
        {"__init__": _plain_weight},
        "The weight is a plain tensor: the module does not know it as a parameter, so no optimizer finds "
        "it and nothing saves it.",
        REGISTERED,
    ),
    (
        "bias-not-registered",
        {"__init__": _plain_bias},
        "The layer has no bias among its parameters: either there is none, or it is a plain tensor or "
        "number, which no optimizer finds and nothing saves.",
        REGISTERED,
    ),
    (
        "buffers-for-parameters",
        {"__init__": _buffers},
        "Weight and bias are buffers. Buffers are saved but never trained; what is to be learned is a "
        "Parameter.",
        REGISTERED,
    ),
    (
        "weight-made-in-forward",
        {"__init__": _keeps_size, "forward": _made_in_forward},
        "The weight is made anew in every call of forward, so the layer answers differently each time and "
        "can never learn. Parameters are made once, in __init__.",
        "How often does __init__ run for one layer, and how often forward?",
    ),
    (
        "weight-drawn-anew-in-forward",
        {"forward": _drawn_in_forward},
        "The weight is drawn anew in every call of forward, so the layer answers differently each time and "
        "can never learn. It is drawn once, in __init__.",
        "How often does __init__ run for one layer, and how often forward?",
    ),
    (
        "parameters-not-trainable",
        {"__init__": _frozen},
        "The parameters do not ask for a gradient, so no training can change them.",
        "What does requires_grad=False say about a parameter?",
    ),
    (
        "parameters-under-other-names",
        {
            "__init__": _other_names,
            "forward": lambda self, X: self.convolve(X, self.kernel) + self.offset,
        },
        "The parameters are right, but have other names. They are to be called weight and bias, so that "
        "saved ones can be loaded.",
        "Which names does layer.state_dict() list?",
    ),
    (
        "super-init-forgotten",
        {"__init__": _without_init},
        "The layer does not call super().__init__() before its parameters are set, so the module is not "
        "ready to keep them.",
        "What has to be the first line of the __init__ of every module?",
    ),
    (
        "forward-reads-a-global",
        {"forward": _reads_a_global},
        "The forward method uses a name that exists neither in it nor in the file. In a notebook some "
        "other cell may have set it; a module has to keep what it needs on self.",
        "Which of the names in forward begin with self., and which one should?",
    ),
    (
        "weight-detached",
        {"forward": lambda self, X: self.convolve(X, self.weight.detach()) + self.bias},
        "The values are right, but no gradient reaches the weight: forward uses .data or .detach() of it.",
        "Which operation in forward takes the weight out of autograd's notes?",
    ),
    (
        "weight-and-bias-detached",
        {"forward": lambda self, X: self.convolve(X, self.weight.detach()) + self.bias.detach()},
        "The values are right, but no gradient reaches weight and bias: forward uses .data or .detach() of "
        "them.",
        "Which operation in forward takes the parameters out of autograd's notes?",
    ),
)


def _new(submission: Submission, kernel_size: Any) -> Any:
    return submission.create("Conv2D", kernel_size)


def _kinds(kernel_size: int | tuple[int, int]) -> Probe:
    """Which parameters and buffers a layer has: their shapes, and whether they have the right names."""

    def probe(submission: Submission) -> Any:
        layer = _new(submission, kernel_size)
        if not isinstance(layer, Module) or not layer.is_module():
            return "no module"
        about = layer.describe()
        shapes = sorted(tuple(value.shape) for _, value in about.parameters)
        named = {name for name, _ in about.parameters} <= {"weight", "bias"}
        return (shapes, named, len(about.buffers), sorted(about.trainable.values()))

    return telling(settled(probe), NO_INIT)


def _start(submission: Submission) -> Any:
    """What can be said of the first weights whatever the random numbers are."""
    layers = [_new(submission, (31, 32)) for _ in range(2)]
    weights: list[Tensor] = []
    biases: list[Tensor] = []
    for layer in layers:
        if not isinstance(layer, Module) or not layer.is_module():
            return "no module"
        found = [value for _, value in layer.describe().parameters]
        weights += [value for value in found if value.dim() == 2 and value.numel() > 900][:1]
        biases += [value for value in found if value.numel() == 1][:1]
    about = [
        (bool((w < 0).any()), bool((w >= 1).any()), bool((w.abs() > 1.5).any()), len(w.unique()) == 1)
        for w in weights
    ]
    alike = len(weights) == 2 and torch.equal(weights[0], weights[1])
    return (about, alike, [(float(b) == 0, float(b) == 1) for b in biases])


def _set(layer: Module, kernel: tuple[int, int]) -> dict[str, str]:
    """Give the layer known parameters, by shape; a label for each of its names."""
    labels: dict[str, str] = {}
    values = []
    for number, (name, value) in enumerate(layer.describe().parameters):
        weight = tuple(value.shape) == kernel and "weight" not in labels.values()
        labels[name] = "weight" if weight else f"other of shape {tuple(value.shape)}"
        values.append(tensor(*value.shape, seed=41 if weight else 42 + (number if number > 1 else 0)))
    layer.assign(values)
    return labels


def forgotten(layer: Module, X: Tensor, labels: dict[str, str]) -> bool:
    """Whether each call leaves another weight behind, and answers by it."""
    seen = []
    for _ in range(2):
        answer = layer(X.detach())
        weight = next((w for name, w in layer.describe().parameters if labels.get(name) == "weight"), None)
        if weight is None or not isinstance(answer, Tensor):
            return False
        seen.append((weight, answer))
    (one, first), (other, second) = seen
    return not torch.equal(one, other) and not torch.equal(first.detach(), second.detach())


def _forward(
    kernel_size: int | tuple[int, int], image: tuple[int, int], dtype: torch.dtype = torch.float32
) -> Probe:
    """The answer with known parameters, and all gradients."""
    kernel = (kernel_size, kernel_size) if isinstance(kernel_size, int) else kernel_size
    cotangent = tensor(image[0] - kernel[0] + 1, image[1] - kernel[1] + 1, seed=43)

    def probe(submission: Submission) -> Any:
        layer = _new(submission, kernel_size)
        if not isinstance(layer, Module) or not layer.is_module():
            return "no module"
        labels = _set(layer, kernel)
        X = tensor(*image, seed=44, dtype=dtype).requires_grad_()
        if "weight" not in labels.values():
            # The weight cannot be known: only whether it stays the same from call to call.
            X = X.detach().float()
            one, other = layer(X), layer(X)
            return isinstance(one, Tensor) and isinstance(other, Tensor) and torch.equal(one, other)
        if dtype != torch.float32:
            layer.convert(dtype=dtype)
        if forgotten(layer, X, labels):
            return "weight drawn anew"
        reply = submission.ask(layer, X, cotangent=cotangent)
        gradients = {labels.get(name, name): value for name, value in reply.parameter_gradients.items()}
        return (reply.value, reply.gradients, dict(sorted(gradients.items())))

    return telling(settled(probe), NO_INIT)


# ---------------------------------------------------------------------------------------- entries, probes


def entries_of(right: Function, slips: Iterable[Slip]) -> tuple[Any, ...]:
    """The layer built on every wrong convolution, and the other wrong layers."""
    before = "The layer builds on conv2d, and the mistake is there. "
    return (
        *entries(
            "conv2d", "Conv2D", right, (*slips, DETACHED), prefix="layer-", before=before, make=_built_on
        ),
        *(
            entry("conv2d", "Conv2D", f"layer-{name}", _built_on(right, **methods), says, hint)
            for name, methods, says, hint in _LAYERS
        ),
    )


PROBES: dict[str, tuple[Probe, ...]] = {
    "Conv2D": (
        _kinds((2, 3)),
        _kinds(4),
        telling(settled(_start), NO_INIT),
        _forward((2, 3), (4, 6)),
        _forward((3, 2), (5, 4)),
        _forward((2, 2), (3, 5)),
        _forward(2, (4, 4)),
        _forward((4, 2), (4, 4)),
        _forward((2, 3), (4, 6), torch.float64),
    ),
}
