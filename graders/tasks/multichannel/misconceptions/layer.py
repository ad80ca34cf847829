"""Exercise 3, continued: mistakes about the layer that can step in for `nn.Conv2d`."""

from __future__ import annotations

import operator
from typing import Any

import torch
from torch import Tensor, nn

from graders.diagnosis.mistakes import Probe
from graders.diagnosis.observing import settled, telling
from graders.diagnosis.written import Function, entries, entry
from graders.tasks.conv2d.probes import forgotten
from graders.tasks.convolution_slips import DETACHED
from graders.testing.strategies import tensor
from graders.testing.submission import Module, Submission

from .batched import BATCHED
from .channels import convolve, pair

_STATE = "What would nn.Conv2d(3, 8, 5).state_dict() print: which names, which shapes?"
_WITHOUT = "What does bias=False leave in the state_dict of nn.Conv2d?"
_PASSED = "Which of the arguments of __init__ does forward need, and where does it find them?"
_REGISTERED = "Which numbers does the optimizer find in layer.parameters(), and what puts them there?"
_PAIR = "What do kernel_size=3 and kernel_size=(2, 3) mean?"

NO_INIT = "Module.__init__"


def _built_on(function: Function, **methods: Any) -> type[nn.Module]:
    """A right layer on some convolution, but for the methods given."""

    class MultiChannelConv2d(nn.Module):
        def __init__(
            self,
            in_channels: int,
            out_channels: int,
            kernel_size: Any,
            stride: Any = 1,
            padding: Any = 0,
            bias: bool = True,
        ) -> None:
            super().__init__()
            self.stride, self.padding = stride, padding
            size = (out_channels, in_channels, *self.size(kernel_size))
            self.weight = nn.Parameter(self.new_weight(size))
            self.bias = nn.Parameter(self.new_bias(size)) if self.has_bias(bias) else None

        def size(self, kernel_size: Any) -> tuple[int, int]:
            return pair(kernel_size)

        def has_bias(self, bias: bool) -> bool:
            return bias

        def new_weight(self, size: tuple[int, ...]) -> Tensor:
            return torch.rand(size) - 0.5

        def new_bias(self, size: tuple[int, ...]) -> Tensor:
            return torch.rand(size[0]) - 0.5

        def convolve(self, *args: Any) -> Tensor:
            result: Tensor = function(*args)
            return result

        def forward(self, X: Tensor) -> Tensor:
            return self.convolve(X, self.weight, self.bias, self.stride, self.padding)

    return type("MultiChannelConv2d", (MultiChannelConv2d,), methods)


def _without_init(self: Any, *args: Any, **kwargs: Any) -> None:
    self.weight = nn.Parameter(torch.rand(1))


def _made(
    self: Any, in_channels: int, out_channels: int, kernel_size: Any, stride: Any, padding: Any, bias: bool
) -> tuple[Tensor, Tensor | None]:
    nn.Module.__init__(self)
    self.stride, self.padding = stride, padding
    size = (out_channels, in_channels, *pair(kernel_size))
    return torch.rand(size) - 0.5, torch.rand(out_channels) - 0.5 if bias else None


def _init(keep: Any) -> Any:
    """An `__init__` that keeps weight and bias in its own way: `keep(self, weight, bias)`."""

    def __init__(
        self: Any,
        in_channels: int,
        out_channels: int,
        kernel_size: Any,
        stride: Any = 1,
        padding: Any = 0,
        bias: bool = True,
    ) -> None:
        keep(self, *_made(self, in_channels, out_channels, kernel_size, stride, padding, bias))

    return __init__


def _plain(self: Any, weight: Tensor, bias: Tensor | None) -> None:
    self.weight, self.bias = weight.requires_grad_(), bias


def _plain_weight(self: Any, weight: Tensor, bias: Tensor | None) -> None:
    self.weight, self.bias = weight, None if bias is None else nn.Parameter(bias)


def _buffers(self: Any, weight: Tensor, bias: Tensor | None) -> None:
    self.register_buffer("weight", weight)
    self.register_buffer("bias", bias)


def _frozen(self: Any, weight: Tensor, bias: Tensor | None) -> None:
    self.weight = nn.Parameter(weight, requires_grad=False)
    self.bias = None if bias is None else nn.Parameter(bias, requires_grad=False)


def _other_names(self: Any, weight: Tensor, bias: Tensor | None) -> None:
    self.kernel = nn.Parameter(weight)
    self.offset = None if bias is None else nn.Parameter(bias)


def _zero_buffer_for_no_bias(self: Any, weight: Tensor, bias: Tensor | None) -> None:
    self.weight = nn.Parameter(weight)
    if bias is None:
        self.register_buffer("bias", torch.zeros(len(weight)))
    else:
        self.bias = nn.Parameter(bias)


def _frozen_bias_for_no_bias(self: Any, weight: Tensor, bias: Tensor | None) -> None:
    self.weight = nn.Parameter(weight)
    frozen = bias is None
    self.bias = nn.Parameter(torch.zeros(len(weight)) if bias is None else bias, requires_grad=not frozen)


def _inner_layer(self: Any, weight: Tensor, bias: Tensor | None) -> None:
    self.conv = nn.Module()
    self.conv.weight = nn.Parameter(weight)
    self.conv.bias = None if bias is None else nn.Parameter(bias)


def _in_forward(self: Any, weight: Tensor, bias: Tensor | None) -> None:
    self.shape = weight.shape


def _made_in_forward(self: Any, X: Tensor) -> Tensor:
    result: Tensor = self.convolve(X, torch.rand(self.shape), None, self.stride, self.padding)
    return result


def _drawn_in_forward(self: Any, X: Tensor) -> Tensor:
    self.weight = nn.Parameter(torch.rand(self.weight.shape) - 0.5)
    result: Tensor = self.convolve(X, self.weight, self.bias, self.stride, self.padding)
    return result


def _reads_a_global(self: Any, X: Tensor) -> Tensor:
    raise NameError("name 'weight' is not defined")


def _other_order(
    self: Any,
    in_channels: int,
    out_channels: int,
    kernel_size: Any,
    padding: Any = 0,
    stride: Any = 1,
    bias: bool = True,
) -> None:
    weight, of_bias = _made(self, in_channels, out_channels, kernel_size, stride, padding, bias)
    self.weight = nn.Parameter(weight)
    self.bias = None if of_bias is None else nn.Parameter(of_bias)


def _channels_exchanged(
    self: Any,
    out_channels: int,
    in_channels: int,
    kernel_size: Any,
    stride: Any = 1,
    padding: Any = 0,
    bias: bool = True,
) -> None:
    _other_order(self, in_channels, out_channels, kernel_size, padding, stride, bias)


def _calls(*names: str) -> Any:
    """A forward that passes other things on: attributes by name, or None."""

    def forward(self: Any, X: Tensor) -> Tensor:
        given = (
            getattr(self, name, default) for name, default in zip(names, (None, None, 1, 0), strict=True)
        )
        result: Tensor = self.convolve(X, *given)
        return result

    return forward


_LAYERS: tuple[tuple[str, dict[str, Any], str, str], ...] = (
    (
        "forgets-the-bias",
        {"forward": _calls("weight", "", "stride", "padding")},
        "The layer has a bias, but it has no effect: either forward does not pass it on, or conv2d_batched "
        "leaves it out.",
        _PASSED,
    ),
    (
        "forgets-the-stride",
        {"forward": _calls("weight", "bias", "", "padding")},
        "The layer is given a stride, but it has no effect: either forward does not pass it on, or "
        "conv2d_batched leaves it out.",
        _PASSED,
    ),
    (
        "forgets-the-padding",
        {"forward": _calls("weight", "bias", "stride", "")},
        "The layer is given a padding, but it has no effect: either forward does not pass it on, or "
        "conv2d_batched leaves it out.",
        _PASSED,
    ),
    (
        "forgets-stride-and-padding",
        {"forward": _calls("weight", "bias", "", "")},
        "The layer is given stride and padding, but they have no effect: either forward does not pass them "
        "on, or conv2d_batched leaves them out.",
        _PASSED,
    ),
    (
        "exchanges-stride-and-padding",
        {"forward": lambda self, X: self.convolve(X, self.weight, self.bias, self.padding, self.stride)},
        "Stride and padding are exchanged in the call that forward makes: the order is X, weight, bias, "
        "stride, padding.",
        _PASSED,
    ),
    (
        "stride-and-padding-in-the-other-order",
        {"__init__": _other_order},
        "Stride and padding are exchanged where they are given without a name: the order is in_channels, "
        "out_channels, kernel_size, stride, padding, bias.",
        "In which order does nn.Conv2d take its arguments?",
    ),
    (
        "channels-in-the-other-order",
        {"__init__": _channels_exchanged},
        "Input and output channels are exchanged: in_channels is the first argument, and the second axis "
        "of the weight.",
        "In which order does nn.Conv2d take its arguments, and in which order are the axes of its weight?",
    ),
    (
        "weight-with-inputs-first",
        {
            "new_weight": lambda self, size: torch.rand(size[1], size[0], *size[2:]) - 0.5,
            "forward": lambda self, X: self.convolve(
                X, self.weight.transpose(0, 1), self.bias, self.stride, self.padding
            ),
        },
        "The weight has shape (in, out, kh, kw). The output channels come first: (out, in, kh, kw).",
        _STATE,
    ),
    (
        "weight-with-channels-last",
        {
            "new_weight": lambda self, size: torch.rand(size[2], size[3], size[1], size[0]) - 0.5,
            "forward": lambda self, X: self.convolve(
                X, self.weight.permute(3, 2, 0, 1), self.bias, self.stride, self.padding
            ),
        },
        "The weight has its channels in the last axes, as in other libraries. Here the shape is (out, in, "
        "kh, kw).",
        _STATE,
    ),
    (
        "bias-shaped-for-broadcasting",
        {
            "new_bias": lambda self, size: torch.rand(size[0], 1, 1) - 0.5,
            "forward": lambda self, X: self.convolve(
                X, self.weight, None if self.bias is None else self.bias.flatten(), self.stride, self.padding
            ),
        },
        "The bias has the shape (out, 1, 1). In the state_dict it should be (out,); reshape it where it is "
        "added.",
        _STATE,
    ),
    (
        "bias-with-four-axes",
        {
            "new_bias": lambda self, size: torch.rand(1, size[0], 1, 1) - 0.5,
            "forward": lambda self, X: self.convolve(
                X, self.weight, None if self.bias is None else self.bias.flatten(), self.stride, self.padding
            ),
        },
        "The bias has the shape (1, out, 1, 1). In the state_dict it should be (out,); reshape it where it "
        "is added.",
        _STATE,
    ),
    (
        "one-bias-for-the-layer",
        {
            "new_bias": lambda self, size: torch.rand(1) - 0.5,
            "forward": lambda self, X: (
                self.convolve(X, self.weight, None, self.stride, self.padding)
                + (0 if self.bias is None else self.bias)
            ),
        },
        "The layer has one bias for all output channels. Each of them has its own: shape (out,).",
        _STATE,
    ),
    (
        "bias-for-each-input-channel",
        {"new_bias": lambda self, size: torch.rand(size[1]) - 0.5},
        "The bias has one number for each input channel. It has one for each output channel: shape (out,).",
        _STATE,
    ),
    (
        "bias-always-there",
        {"has_bias": lambda self, bias: True},
        "The layer has a bias even with bias=False.",
        _WITHOUT,
    ),
    (
        "bias-never-there",
        {"has_bias": lambda self, bias: False},
        "The layer never has a bias among its parameters: either there is none, or it is a plain tensor "
        "that no optimizer finds. Without bias=False there is one, of shape (out,).",
        _STATE,
    ),
    (
        "bias-the-wrong-way-round",
        {"has_bias": lambda self, bias: not bias},
        "The layer has a bias with bias=False, and none otherwise.",
        _WITHOUT,
    ),
    (
        "zeros-for-no-bias",
        {"__init__": _init(_zero_buffer_for_no_bias)},
        "With bias=False the state_dict holds a bias of zeros. It should hold none: self.bias = None.",
        _WITHOUT,
    ),
    (
        "frozen-bias-for-no-bias",
        {"__init__": _init(_frozen_bias_for_no_bias)},
        "With bias=False the layer still has a bias, one that does not learn. It should have none: "
        "self.bias = None.",
        _WITHOUT,
    ),
    (
        "bias-asked-for-its-truth",
        {
            "forward": lambda self, X: self.convolve(
                X,
                self.weight,
                self.bias if self.bias is not None and bool(self.bias) else None,
                self.stride,
                self.padding,
            )
        },
        "The code says if bias, in the layer or in conv2d_batched, which asks a tensor of several numbers "
        "whether it is true. Ask whether there is one: if bias is not None.",
        "What should bool(torch.tensor([0.0, 1.0])) be?",
    ),
    (
        "weight-and-bias-not-registered",
        {"__init__": _init(_plain)},
        "Weight and bias are plain tensors: the module does not know them as parameters, so no optimizer "
        "finds them and nothing saves them.",
        _REGISTERED,
    ),
    (
        "weight-not-registered",
        {"__init__": _init(_plain_weight)},
        "The weight is a plain tensor: the module does not know it as a parameter, so no optimizer finds "
        "it and nothing saves it.",
        _REGISTERED,
    ),
    (
        "buffers-for-parameters",
        {"__init__": _init(_buffers)},
        "Weight and bias are buffers. Buffers are saved but never trained; what is to be learned is a "
        "Parameter.",
        _REGISTERED,
    ),
    (
        "parameters-not-trainable",
        {"__init__": _init(_frozen)},
        "The parameters do not ask for a gradient, so no training can change them.",
        "What does requires_grad=False say about a parameter?",
    ),
    (
        "parameters-under-other-names",
        {"__init__": _init(_other_names), "forward": _calls("kernel", "offset", "stride", "padding")},
        "The parameters are right, but have other names. They are to be called weight and bias, as those "
        "of nn.Conv2d, so that each can load what the other has saved.",
        _STATE,
    ),
    (
        "parameters-of-an-inner-layer",
        {
            "__init__": _init(_inner_layer),
            "forward": lambda self, X: self.convolve(
                X, self.conv.weight, self.conv.bias, self.stride, self.padding
            ),
        },
        "The parameters belong to a layer inside the layer, so their names have its name in front. They "
        "are to be called weight and bias, as those of nn.Conv2d.",
        _STATE,
    ),
    (
        "weight-made-in-forward",
        {"__init__": _init(_in_forward), "forward": _made_in_forward},
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
        "weight-of-zeros",
        {"new_weight": lambda self, size: torch.zeros(size)},
        "The weight starts as zeros. With all output channels equal they would stay equal for ever: draw "
        "it at random.",
        "Which gradients do two output channels get that start alike?",
    ),
    (
        "weight-of-ones",
        {"new_weight": lambda self, size: torch.ones(size)},
        "The weight starts as ones. With all output channels equal they would stay equal for ever: draw it "
        "at random.",
        "Which gradients do two output channels get that start alike?",
    ),
    (
        "always-the-same-weight",
        {"new_weight": lambda self, size: torch.rand(size, generator=torch.Generator().manual_seed(0))},
        "Every new layer has the same weight: the random numbers are seeded in the layer. Two layers "
        "should differ.",
        "Who should decide about the seed: the layer, or the one who uses it?",
    ),
    (
        "outputs-start-alike",
        {"new_weight": lambda self, size: torch.rand(1, *size[1:]).repeat(size[0], 1, 1, 1)},
        "All output channels start with the same numbers, so they would stay equal for ever.",
        "Which gradients do two output channels get that start alike?",
    ),
    (
        "square-kernels-only",
        {"size": lambda self, size: (pair(size)[0], pair(size)[0])},
        "Of a pair (height, width) only the height is used, so every kernel is square.",
        _PAIR,
    ),
    (
        "kernel-width-for-both-axes",
        {"size": lambda self, size: (pair(size)[1], pair(size)[1])},
        "Of a pair (height, width) only the width is used, so every kernel is square.",
        _PAIR,
    ),
    (
        "kernel-height-and-width-exchanged",
        {"size": lambda self, size: pair(size)[::-1]},
        "Height and width of the kernel are exchanged: in a pair the height comes first.",
        _PAIR,
    ),
    (
        "pair-demanded",
        {"size": lambda self, size: (size[0], size[1])},
        "A kernel_size of one number is refused. It should stand for both axes.",
        _PAIR,
    ),
    (
        "int-demanded",
        {"size": lambda self, size: (operator.index(size), operator.index(size))},
        "A kernel_size that is a pair is refused. It is (height, width).",
        _PAIR,
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
        {
            "forward": lambda self, X: self.convolve(
                X, self.weight.detach(), self.bias, self.stride, self.padding
            )
        },
        "The values are right, but no gradient reaches the weight: forward uses .data or .detach() of it.",
        "Which operation in forward takes the weight out of autograd's notes?",
    ),
    (
        "weight-and-bias-detached",
        {
            "forward": lambda self, X: self.convolve(
                X,
                self.weight.detach(),
                None if self.bias is None else self.bias.detach(),
                self.stride,
                self.padding,
            )
        },
        "The values are right, but no gradient reaches weight and bias: forward uses .data or .detach() of "
        "them.",
        "Which operation in forward takes the parameters out of autograd's notes?",
    ),
    (
        "input-made-float32",
        {
            "forward": lambda self, X: self.convolve(
                X.float(), self.weight.float(), self.bias, self.stride, self.padding
            ).float()
        },
        "The result is always float32: somewhere in forward there is a .float(). The dtype is the caller's "
        "to choose.",
        "What should a layer answer after .double(), for an image of float64?",
    ),
    (
        "activation-added",
        {
            "forward": lambda self, X: self.convolve(
                X, self.weight, self.bias, self.stride, self.padding
            ).relu()
        },
        "Negative numbers are set to zero at the end. That is an activation function, a layer of its own; "
        "this layer keeps them.",
        "What should this layer answer where convolution plus bias is -2?",
    ),
)


def _new(submission: Submission, *args: Any, **kwargs: Any) -> Any:
    return submission.create("MultiChannelConv2d", *args, **kwargs)


def _kinds(*args: Any, **kwargs: Any) -> Probe:
    """Which parameters, buffers and saved tensors a layer has, and whether they have the right names."""

    def probe(submission: Submission) -> Any:
        layer = _new(submission, *args, **kwargs)
        if not isinstance(layer, Module) or not layer.is_module():
            return "no module"
        about = layer.describe()
        names = {name for name, _ in about.parameters}
        named = (
            "right"
            if names <= {"weight", "bias"}
            else "inner"
            if any("." in name for name in names)
            else "other"
        )
        shapes = sorted(tuple(value.shape) for _, value in about.parameters)
        return (shapes, named, len(about.buffers), len(about.state), sorted(about.trainable.values()))

    return telling(settled(probe), NO_INIT)


def _start(submission: Submission) -> Any:
    """What can be said of the first weights whatever the random numbers are."""
    weights = []
    for _ in range(2):
        layer = _new(submission, 3, 4, (2, 5))
        if not isinstance(layer, Module) or not layer.is_module():
            return "no module"
        weights += [value for _, value in layer.describe().parameters if value.numel() == 120][:1]
    alike = len(weights) == 2 and torch.equal(weights[0], weights[1])
    return (
        alike,
        [(len(w.unique()) == 1, bool((w == 1).all()), len(w.flatten(1).unique(dim=0))) for w in weights],
    )


def _set(layer: Module, shape: tuple[int, ...]) -> dict[str, str]:
    """Give the layer known parameters, whatever their names; a label for each."""
    labels: dict[str, str] = {}
    values = []
    for name, value in layer.describe().parameters:
        weight = (
            value.numel() == torch.Size(shape).numel()
            and value.dim() == 4
            and "weight" not in labels.values()
        )
        labels[name] = "weight" if weight else f"other of shape {tuple(value.shape)}"
        values.append(tensor(*value.shape, seed=41 if weight else 42))
    layer.assign(values)
    return labels


def _forward(
    image: tuple[int, int, int, int],
    channels: int,
    kernel_size: Any,
    *order: Any,
    dtype: torch.dtype = torch.float32,
    **options: Any,
) -> Probe:
    """The answer with known parameters, and all gradients."""
    shape = (channels, image[1], *pair(kernel_size))
    given = [*order, 1, 0][:2] if order else [options.get("stride", 1), options.get("padding", 0)]
    cotangent = tensor(*convolve(torch.zeros(image), torch.zeros(shape), None, *given).shape, seed=43)

    def probe(submission: Submission) -> Any:
        layer = _new(submission, image[1], channels, kernel_size, *order, **options)
        if not isinstance(layer, Module) or not layer.is_module():
            return "no module"
        labels = _set(layer, shape)
        X = tensor(*image, seed=44, dtype=dtype).requires_grad_()
        if "weight" not in labels.values() or len(labels) < 1 + options.get("bias", True):
            # A parameter cannot be known: only whether it stays the same from call to call.
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


# The same behaviour, whether the layer or its convolution is to blame; or none that the layer shows.
_SAID_OF_THE_LAYER = (
    "bias-forgotten",
    "stride-ignored",
    "padding-ignored",
    "negatives-cut-off",
    "stride-and-padding-in-the-other-order",
    "bias-asked-for-its-truth",
)

ENTRIES = (
    *entries(
        "multichannel",
        "MultiChannelConv2d",
        convolve,
        (*(one for one in BATCHED if one.name not in _SAID_OF_THE_LAYER), DETACHED),
        prefix="layer-",
        before="The layer builds on conv2d_batched, and the mistake is there. ",
        make=_built_on,
    ),
    *(
        entry(
            "multichannel", "MultiChannelConv2d", f"layer-{name}", _built_on(convolve, **methods), says, hint
        )
        for name, methods, says, hint in _LAYERS
    ),
)

PROBES: dict[str, tuple[Probe, ...]] = {
    "MultiChannelConv2d": (
        _kinds(3, 2, (2, 4)),
        _kinds(2, 3, 3),
        _kinds(2, 3, 2, bias=False),
        telling(settled(_start), NO_INIT),
        _forward((2, 3, 4, 5), 4, (2, 3)),
        _forward((2, 3, 4, 5), 3, (2, 2)),
        _forward((1, 2, 5, 4), 3, 2),
        _forward((2, 3, 3, 5), 2, (2, 2), bias=False),
        _forward((2, 2, 8, 9), 3, (3, 2), stride=(2, 3)),
        _forward((1, 2, 6, 7), 2, (3, 2), stride=2),
        _forward((2, 2, 4, 5), 3, (2, 3), padding=(2, 1)),
        _forward((1, 2, 2, 3), 2, (4, 4), padding=1),
        _forward((2, 3, 6, 5), 4, (3, 2), stride=(2, 3), padding=(1, 2)),
        _forward((1, 2, 5, 6), 3, (2, 2), (2, 1), (1, 0)),
        _forward((2, 3, 4, 5), 4, (2, 3), dtype=torch.float64),
    ),
}
