"""What goes wrong with the layer that can step in for `nn.Conv2d`, and with its number of parameters."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import torch
from torch import Tensor, nn

from graders.diagnosis.pipeline import Call, Slip, Slips, after, found, step
from graders.tasks.convolution_layers import DETACHED, LAYERS, ConvolutionLayer, as_parameters, passing
from graders.tasks.layers import inside
from graders.tasks.windows import HABITS, Pair, pair, refused

from .batch_slips import BATCHED, BIAS_DETACHED, PAIRS_REFUSED, asked_for_its_truth

# -------------------------------------------------------------------------------------------- num_parameters


class Parameters(Call):
    """How many numbers a layer learns."""

    i: int
    o: int
    kernel_size: Any
    bias: bool

    @step
    def size(self) -> Pair:
        return pair(self.kernel_size)

    @step
    def weights(self) -> int:
        return self.i * self.o * self.size[0] * self.size[1]

    @step
    def biases(self) -> int:
        return self.o * self.bias

    @step
    def result(self) -> Any:
        return self.weights + self.biases


def sized(change: Callable[[int, int], Pair]) -> Slip:
    return lambda a: a.but(size=change(*a.size))


NUMBERS: Slips = {
    "input-channels-left-out": lambda a: a.but(i=1),
    "output-channels-left-out": lambda a: a.but(o=1),
    "bias-left-out": lambda a: a.but(biases=0),
    "bias-always-counted": lambda a: a.but(bias=True),
    "bias-the-wrong-way-round": lambda a: a.but(bias=not a.bias),
    "one-bias-for-the-layer": found(biases=lambda a: int(a.bias)),
    "bias-for-each-input-channel": found(biases=lambda a: a.i * a.bias),
    "bias-for-each-kernel": found(biases=lambda a: a.i * a.o * a.bias),
    "bias-for-each-kernel-element": found(biases=lambda a: a.weights * a.bias),
    "bias-for-each-place-of-the-kernel": found(biases=lambda a: a.o * a.size[0] * a.size[1] * a.bias),
    "kernel-size-not-squared": sized(lambda h, w: (h, 1)),
    "kernel-width-not-its-height": sized(lambda h, w: (1, w)),
    "square-kernels-only": sized(lambda h, w: (h, h)),
    "square-kernels-of-the-width": sized(lambda h, w: (w, w)),
    "height-and-width-added": sized(lambda h, w: (h + w, 1)),
    "channels-added": found(weights=lambda a: (a.i + a.o) * a.size[0] * a.size[1]),
    "pairs-refused": refused(tuple, "kernel_size"),
}


# ------------------------------------------------------------------------------------------------- the layer

PASSED = ("bias", "stride", "padding")


class MultiChannelConv2d(ConvolutionLayer):
    """The layer that can step in for `nn.Conv2d`."""

    @step
    def arguments(self) -> Mapping[str, Any]:
        names = ("in_channels", "out_channels", "kernel_size", "stride", "padding", "bias")
        return dict(zip(names, (None, None, None, 1, 0, True), strict=True))

    @step
    def shape(self) -> Callable[..., tuple[int, ...]]:
        return lambda in_channels, out_channels, kernel_size, **_: (
            out_channels,
            in_channels,
            *self.size(kernel_size),
        )

    @step
    def new_weight(self) -> Callable[[Any], Tensor]:
        return lambda shape: torch.rand(shape) - 0.5

    @step
    def new_bias(self) -> Callable[[Any], Tensor]:
        return lambda shape: torch.rand(shape[0]) - 0.5

    @step
    def passes(self) -> Callable[[Any], dict[str, Any]]:
        return lambda module: {"K": module.weight, **{name: getattr(module, name) for name in PASSED}}


def in_order(*names: str) -> Slip:
    """Arguments in another order, with the defaults that are theirs."""

    def slip(layer: Any) -> Any:
        right = layer.arguments
        rest = [name for name in right if name not in names]
        place = list(right).index(min(names, key=list(right).index))
        order = (*rest[:place], *names, *rest[place:])
        return layer.but(arguments={name: right[name] for name in order})

    return slip


def new_bias(make: Callable[[Any], Tensor]) -> Slip:
    return lambda layer: layer.but(new_bias=make)


def new_weight(make: Callable[[Any], Tensor]) -> Slip:
    return lambda layer: layer.but(new_weight=make)


def has_bias(decide: Callable[[bool], bool]) -> Slip:
    return lambda layer: layer.but(has_bias=decide)


def flattened(right: dict[str, Any]) -> Any:
    return None if right["bias"] is None else right["bias"].flatten()


def both(one: Slip, other: Slip) -> Slip:
    return lambda layer: other(one(layer))


def bias_added_afterwards(layer: Any) -> Any:
    def forward(module: Any, X: Tensor) -> Any:
        right = layer.passes(module)
        Y = layer.convolve(X, **{**right, "bias": None})
        return Y if right["bias"] is None else Y + right["bias"]

    return layer.but(forward=forward)


def zeros_for_no_bias(module: Any, weight: Tensor, bias: Tensor | None) -> None:
    module.weight = nn.Parameter(weight)
    if bias is None:
        module.register_buffer("bias", torch.zeros(len(weight)))
    else:
        module.bias = nn.Parameter(bias)


def frozen_for_no_bias(module: Any, weight: Tensor, bias: Tensor | None) -> None:
    as_parameters(module, weight, torch.zeros(len(weight)) if bias is None else bias)
    module.bias.requires_grad_(bias is not None)


def inner_layer(module: Any, weight: Tensor, bias: Tensor | None) -> None:
    module.conv = nn.Module()
    as_parameters(module.conv, weight, bias)


LAYER: Slips = {
    "forgets-the-bias": passing(bias=lambda right: None),
    "forgets-the-stride": passing(stride=lambda right: 1),
    "forgets-the-padding": passing(padding=lambda right: 0),
    "forgets-stride-and-padding": passing(stride=lambda right: 1, padding=lambda right: 0),
    "exchanges-stride-and-padding": passing(
        stride=lambda right: right["padding"], padding=lambda right: right["stride"]
    ),
    "stride-and-padding-in-the-wrong-order": in_order("padding", "stride"),
    "channels-in-the-other-order": in_order("out_channels", "in_channels"),
    "weight-with-inputs-first": both(
        new_weight(lambda size: torch.rand(size[1], size[0], *size[2:]) - 0.5),
        passing(K=lambda right: right["K"].transpose(0, 1)),
    ),
    "weight-with-channels-last": both(
        new_weight(lambda size: torch.rand(size[2], size[3], size[1], size[0]) - 0.5),
        passing(K=lambda right: right["K"].permute(3, 2, 0, 1)),
    ),
    "bias-shaped-for-broadcasting": both(
        new_bias(lambda size: torch.rand(size[0], 1, 1) - 0.5), passing(bias=flattened)
    ),
    "bias-with-four-axes": both(
        new_bias(lambda size: torch.rand(1, size[0], 1, 1) - 0.5), passing(bias=flattened)
    ),
    "one-bias-for-the-layer": both(new_bias(lambda size: torch.rand(1) - 0.5), bias_added_afterwards),
    "bias-for-each-input-channel": new_bias(lambda size: torch.rand(size[1]) - 0.5),
    "bias-always-there": has_bias(lambda bias: True),
    "bias-never-there": has_bias(lambda bias: False),
    "bias-the-wrong-way-round": has_bias(lambda bias: not bias),
    "zeros-for-no-bias": lambda layer: layer.but(register=zeros_for_no_bias),
    "frozen-bias-for-no-bias": lambda layer: layer.but(register=frozen_for_no_bias),
    "bias-asked-for-its-truth": inside(asked_for_its_truth),
    "parameters-of-an-inner-layer": lambda layer: layer.but(
        register=inner_layer,
        passes=lambda m: {"K": m.conv.weight, "bias": m.conv.bias, "stride": m.stride, "padding": m.padding},
    ),
    "outputs-start-alike": new_weight(lambda size: torch.rand(1, *size[1:]).repeat(size[0], 1, 1, 1)),
    **LAYERS,
    **DETACHED,
}

# The same behaviour, whether the layer or its convolution is to blame; or none that the layer shows.
SAID_OF_THE_LAYER = (
    "bias-forgotten",
    "stride-ignored",
    "padding-ignored",
    "negatives-cut-off",
    "stride-and-padding-in-the-wrong-order",
    "bias-asked-for-its-truth",
)
OF_ITS_FUNCTION: Slips = {
    **{name: slip for name, slip in BATCHED.items() if name not in SAID_OF_THE_LAYER},
    **PAIRS_REFUSED,
    **BIAS_DETACHED,
}
LAYER_HABITS: Slips = {
    "detached": inside(HABITS["detached"]),
    "input-made-float32": after(lambda Y: Y.float()),
}
