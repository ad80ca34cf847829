"""Exercise 1, continued: mistakes about the layer."""

from __future__ import annotations

import operator
from collections.abc import Iterable
from typing import Any

import torch
from torch import Tensor, nn

from graders.diagnosis.catalogue import Probe
from graders.diagnosis.slips import Function, Slip, draws_weights_anew, entries, entry, settled, telling
from graders.tasks.convolution_slips import DETACHED
from graders.testing.module import Module
from graders.testing.strategies import tensor
from graders.testing.submission import Submission

# ------------------------------------------------------------------------------------------------- Conv2D

REGISTERED = "Which tensors does the optimizer find in layer.parameters(), and what puts them there?"
ONCE = "To how many elements of the result is the bias added, and how many times to each of them?"
DRAWN = "From which range does torch.rand draw, and from which does torch.randn?"
PAIR = "What kernel should Conv2D(3) create, and what should Conv2D((2, 3)) create?"

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
        "There is a bias, but forward doesn't add it.",
        ONCE,
    ),
    (
        "bias-added-for-each-kernel-element",
        {"forward": lambda self, X: self.convolve(X, self.weight) + self.weight.numel() * self.bias},
        "The bias is added once for each element of the kernel. It belongs to the result: it is added once "
        "to each of its elements.",
        ONCE,
    ),
    (
        "bias-added-to-the-kernel",
        {"forward": lambda self, X: self.convolve(X, self.weight + self.bias)},
        "The bias is added to the kernel. It belongs to the result: it is added once to each of its "
        "elements.",
        ONCE,
    ),
    (
        "bias-added-to-the-image",
        {"forward": lambda self, X: self.convolve(X + self.bias, self.weight)},
        "The bias is added to the image. It belongs to the result: it is added once to each of its elements.",
        ONCE,
    ),
    (
        "bias-added-twice",
        {"forward": lambda self, X: self.convolve(X, self.weight) + self.bias + self.bias},
        "The bias is added twice. It belongs to the result: it is added once to each of its elements.",
        ONCE,
    ),
    (
        "bias-subtracted",
        {"forward": lambda self, X: self.convolve(X, self.weight) - self.bias},
        "The bias is subtracted. It should be added to each element of the result.",
        ONCE,
    ),
    (
        "result-multiplied-by-the-bias",
        {"forward": lambda self, X: self.convolve(X, self.weight) * self.bias},
        "The result is multiplied by the bias. The bias should be added to each element of the result.",
        ONCE,
    ),
    (
        "activation-added",
        {"forward": lambda self, X: (self.convolve(X, self.weight) + self.bias).relu()},
        "Negative numbers are set to zero at the end. That's an activation function, a layer of its own; "
        "this layer keeps them.",
        "What should this layer return where convolution plus bias is -2?",
    ),
    (
        "bias-as-large-as-the-kernel",
        {"new_bias": lambda self, size: torch.zeros(size)},
        "The bias has as many elements as the kernel. One kernel gives one result, and a single number is "
        "added to all of it: the bias has shape (1,).",
        ONCE,
    ),
    (
        "bias-without-an-axis",
        {"new_bias": lambda self, size: torch.zeros(())},
        "The bias is a scalar of shape (), without an axis. It should have shape (1,).",
        "What is the difference between torch.zeros(()) and torch.zeros(1)?",
    ),
    (
        "bias-with-two-axes",
        {"new_bias": lambda self, size: torch.zeros(1, 1)},
        "The bias has shape (1, 1). It should have shape (1,), which broadcasts just as well.",
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
        "The weight is drawn from the normal distribution, as with torch.randn. It should be drawn with "
        "torch.rand, uniformly between 0 and 1.",
        DRAWN,
    ),
    (
        "weight-around-zero",
        {"new_weight": lambda self, size: torch.rand(size) - 0.5},
        "The weight is drawn around zero, including negative numbers. It should be drawn with torch.rand, "
        "uniformly between 0 and 1.",
        DRAWN,
    ),
    (
        "weight-of-zeros",
        {"new_weight": lambda self, size: torch.zeros(size)},
        "The weight starts as zeros. It should be drawn with torch.rand, so that two layers differ.",
        DRAWN,
    ),
    (
        "weight-of-ones",
        {"new_weight": lambda self, size: torch.ones(size)},
        "The weight starts as ones. It should be drawn with torch.rand, so that two layers differ.",
        DRAWN,
    ),
    (
        "always-the-same-weight",
        {"new_weight": lambda self, size: torch.rand(size, generator=torch.Generator().manual_seed(0))},
        "Every new layer has the same weight: the layer sets the random seed. Two layers should differ.",
        "Who should choose the seed: the layer, or whoever uses it?",
    ),
    (
        "square-kernels-only",
        {"size": lambda self, size: (size, size) if isinstance(size, int) else (size[0], size[0])},
        "Only the height of a pair (height, width) is used, so every kernel is square.",
        PAIR,
    ),
    (
        "width-for-both-axes",
        {"size": lambda self, size: (size, size) if isinstance(size, int) else (size[1], size[1])},
        "Only the width of a pair (height, width) is used, so every kernel is square.",
        PAIR,
    ),
    (
        "height-and-width-exchanged",
        {"size": lambda self, size: (size, size) if isinstance(size, int) else (size[1], size[0])},
        "Height and width of the kernel are swapped: in a pair, the height comes first.",
        PAIR,
    ),
    (
        "int-gives-one-row",
        {"size": lambda self, size: (1, size) if isinstance(size, int) else size},
        "An int kernel_size gives a kernel with a single row. It should stand for both axes: Conv2D(3) has "
        "a 3 × 3 kernel.",
        PAIR,
    ),
    (
        "int-gives-a-flat-kernel",
        {"size": lambda self, size: (size,) if isinstance(size, int) else size},
        "An int kernel_size gives a kernel with one axis only. It should stand for both axes: Conv2D(3) "
        "has a 3 × 3 kernel.",
        PAIR,
    ),
    (
        "pair-demanded",
        {"size": lambda self, size: (size[0], size[1])},
        "An int kernel_size raises an error. It should stand for both axes: Conv2D(3) has a 3 × 3 kernel.",
        PAIR,
    ),
    (
        "int-demanded",
        {"size": lambda self, size: (operator.index(size), operator.index(size))},
        "A pair as kernel_size raises an error. Conv2D((2, 3)) has a kernel with 2 rows and 3 columns.",
        PAIR,
    ),
    (
        "weight-and-bias-not-registered",
        {"__init__": _plain_tensors},
        "Weight and bias are plain tensors: the module doesn't register them as parameters, so no "
        "optimizer finds them and they aren't saved.",
        REGISTERED,
    ),
    (
        "weight-not-registered",
        {"__init__": _plain_weight},
        "The weight is a plain tensor: the module doesn't register it as a parameter, so no optimizer "
        "finds it and it isn't saved.",
        REGISTERED,
    ),
    (
        "bias-not-registered",
        {"__init__": _plain_bias},
        "The layer has no bias among its parameters: either there is none, or it is a plain tensor or "
        "number, which no optimizer finds and which isn't saved.",
        REGISTERED,
    ),
    (
        "buffers-for-parameters",
        {"__init__": _buffers},
        "Weight and bias are buffers. Buffers are saved but never trained; whatever should be learned has "
        "to be a Parameter.",
        REGISTERED,
    ),
    (
        "weight-made-in-forward",
        {"__init__": _keeps_size, "forward": _made_in_forward},
        "The weight is created in every call of forward, so the layer gives different results each time "
        "and can never learn. Parameters are created once, in __init__.",
        "How often does __init__ run for one layer, and how often does forward?",
    ),
    (
        "weight-drawn-anew-in-forward",
        {"forward": _drawn_in_forward},
        "The weight is redrawn in every call of forward, so the layer gives different results each time "
        "and can never learn. It should be drawn once, in __init__.",
        "How often does __init__ run for one layer, and how often does forward?",
    ),
    (
        "parameters-not-trainable",
        {"__init__": _frozen},
        "The parameters don't require gradients, so no training can change them.",
        "What does requires_grad=False mean for a parameter?",
    ),
    (
        "parameters-under-other-names",
        {
            "__init__": _other_names,
            "forward": lambda self, X: self.convolve(X, self.kernel) + self.offset,
        },
        "The parameters are right but have other names. They should be called weight and bias, so that a "
        "saved state_dict can be loaded.",
        "Which names does layer.state_dict() list?",
    ),
    (
        "super-init-forgotten",
        {"__init__": _without_init},
        "The layer doesn't call super().__init__() before it sets its parameters, so the module isn't "
        "ready to register them.",
        "What must be the first line of every module's __init__?",
    ),
    (
        "forward-reads-a-global",
        {"forward": _reads_a_global},
        "The forward method uses a name that is defined neither in it nor in the file. In a notebook, some "
        "other cell may have defined it; a module has to keep what it needs on self.",
        "Which of the names in forward start with self., and which one should?",
    ),
    (
        "weight-detached",
        {"forward": lambda self, X: self.convolve(X, self.weight.detach()) + self.bias},
        "The values are right, but no gradient reaches the weight: forward uses its .data or .detach().",
        "Which operation in forward cuts the weight off from the computation graph?",
    ),
    (
        "weight-and-bias-detached",
        {"forward": lambda self, X: self.convolve(X, self.weight.detach()) + self.bias.detach()},
        "The values are right, but no gradient reaches weight and bias: forward uses their .data or "
        ".detach().",
        "Which operation in forward cuts the parameters off from the computation graph?",
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
        if draws_weights_anew(layer, X, labels):
            return "weight drawn anew"
        reply = submission.ask(layer, X, cotangent=cotangent)
        gradients = {labels.get(name, name): value for name, value in reply.parameter_gradients.items()}
        return (reply.value, reply.gradients, dict(sorted(gradients.items())))

    return telling(settled(probe), NO_INIT)


# ---------------------------------------------------------------------------------------- entries, probes


def entries_of(right: Function, slips: Iterable[Slip]) -> tuple[Any, ...]:
    """The layer built on every wrong convolution, and the other wrong layers."""
    before = "The layer builds on conv2d, and that's where the mistake is. "
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
