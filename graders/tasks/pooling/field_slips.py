"""What goes wrong with receptive fields, and with an average pooling as a convolution."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

from torch import nn

from graders.diagnosis.pipeline import Call, Slip, Slips, after, refusing, step
from graders.tasks.windows import (
    Pair,
    Size,
    pair,
    refused,
    swapped,
)

# ------------------------------------------------------------------------------------------- receptive_field

Stack = Sequence[Pair]


def below(layers: Stack, place: int) -> int:
    """The product of the strides below a layer."""
    return math.prod(stride for _, stride in layers[:place])


class Field(Call):
    """How far one element sees."""

    layers: Stack
    start: int = 1
    less: int = 1

    @step
    def apart(self) -> Callable[[Stack, int], int]:
        """How far two neighbours lie apart below a layer."""
        return below

    @step
    def result(self) -> Any:
        steps = enumerate(self.layers)
        return self.start + sum((kernel - self.less) * self.apart(self.layers, n) for n, (kernel, _) in steps)


def apart(distance: Callable[[Stack, int], int]) -> Slip:
    return lambda a: a.but(apart=distance)


def places(a: Field) -> int:
    """How many pixels are seen, holes left out."""
    seen = {0}
    for kernel, stride in reversed(list(a.layers)):
        seen = {place * stride + element for place in seen for element in range(kernel)}
    return len(seen)


def times_and_plus(layers: Stack, less: int) -> int:
    field = 1
    for kernel, stride in layers:
        field = field * stride + kernel - less
    return field


def field_is(value: Callable[[Any], Any]) -> Slip:
    return lambda a: a.but(result=value(a))


FIELDS: Slips = {
    "own-stride-to-the-power-of-the-depth": apart(lambda layers, n: layers[n][1] ** n),
    "first-stride-to-the-power-of-the-depth": apart(lambda layers, n: layers[0][1] ** n),
    "stride-below-to-the-power-of-the-depth": apart(lambda layers, n: layers[max(n - 1, 0)][1] ** n),
    "two-to-the-power-of-the-depth": apart(lambda layers, n: 2**n),
    "sum-of-the-kernels": field_is(lambda a: sum(kernel for kernel, _ in a.layers)),
    "product-of-the-kernels": field_is(lambda a: math.prod(kernel for kernel, _ in a.layers)),
    "kernel-instead-of-kernel-minus-one": lambda a: a.but(less=0),
    "kernel-instead-of-kernel-minus-one-from-zero": lambda a: a.but(less=0, start=0),
    "strides-ignored": apart(lambda layers, n: 1),
    "strides-added-to-one": apart(lambda layers, n: 1 + sum(stride for _, stride in layers[:n])),
    "strides-added": apart(lambda layers, n: sum(stride for _, stride in layers[:n]) or 1),
    "strides-less-one-added": apart(lambda layers, n: 1 + sum(stride - 1 for _, stride in layers[:n])),
    "stride-below-only": apart(lambda layers, n: layers[n - 1][1] if n else 1),
    "own-stride-only": apart(lambda layers, n: layers[n][1]),
    "own-stride-counted": apart(lambda layers, n: below(layers, n + 1)),
    "all-strides-for-every-layer": apart(lambda layers, n: below(layers, len(layers))),
    "wrong-way-round": lambda a: a.but(layers=list(a.layers)[::-1]),
    "field-times-stride": field_is(lambda a: times_and_plus(list(a.layers)[::-1], less=1)),
    "field-times-stride-from-the-input": field_is(lambda a: times_and_plus(a.layers, less=1)),
    "field-times-stride-plus-kernel": field_is(lambda a: times_and_plus(list(a.layers)[::-1], less=0)),
    "one-pixel-short": lambda a: a.but(start=0),
    "kernel-and-stride-exchanged": lambda a: a.but(layers=[(stride, kernel) for kernel, stride in a.layers]),
    "last-layer-left-out": lambda a: a.but(layers=list(a.layers)[:-1]),
    "first-layer-left-out": lambda a: a.but(layers=list(a.layers)[1:]),
    "holes-left-out": field_is(places),
    "distance-instead-of-field": field_is(lambda a: below(a.layers, len(a.layers))),
    "area-instead-of-side": after(lambda field: field**2),
    "pair-instead-of-side": after(lambda field: (field, field)),
    "field-and-distance-returned": lambda a: a.then(lambda field: (field, below(a.layers, len(a.layers)))),
    "field-after-every-layer": field_is(
        lambda a: [a.but(layers=list(a.layers)[: n + 1]).result for n in range(len(a.layers))]
    ),
    "empty-stack-is-nothing": lambda a: a if a.layers else a.but(result=0),
    "empty-stack-refused": refusing(lambda a: not a.layers, IndexError),
}


# ------------------------------------------------------------------------------------------ avg_pool_as_conv


class AsConvolution(Call):
    """An average pooling as a convolution."""

    channels: int
    kernel_size: Size
    padding: Any = 0
    bias: bool = False
    trainable: bool = False

    @step
    def k(self) -> Pair:
        return pair(self.kernel_size)

    @step
    def stride(self) -> Pair:
        return self.k

    @step
    def groups(self) -> int:
        return self.channels

    @step
    def outputs(self) -> int:
        return self.channels

    @step
    def weight(self) -> float | None:
        return 1 / math.prod(self.k)

    @step
    def result(self) -> nn.Module:
        options: dict[str, Any] = {"groups": self.groups, "bias": self.bias}
        conv = nn.Conv2d(self.channels, self.outputs, self.k, self.stride, self.padding, **options)
        if self.weight is not None:
            nn.init.constant_(conv.weight, self.weight)
        return conv.requires_grad_(self.trainable)


AVERAGES: Slips = {
    "convolution-mixes-the-channels": lambda a: a.but(groups=1),
    "convolution-averages-the-channels": lambda a: a.but(groups=1, weight=a.weight / a.channels),
    "convolution-into-one-channel": lambda a: a.but(groups=1, outputs=1),
    "convolution-divided-by-the-channels-too": lambda a: a.but(weight=a.weight / a.channels),
    "convolution-of-stride-one": lambda a: a.but(stride=1),
    "convolution-of-ones": lambda a: a.but(weight=1.0),
    "convolution-divided-by-height-squared": lambda a: a.but(weight=1 / a.k[0] ** 2),
    "convolution-divided-by-the-height": lambda a: a.but(weight=1 / a.k[0]),
    "convolution-with-random-weights": lambda a: a.but(weight=None),
    "convolution-with-a-bias": lambda a: a.but(bias=True),
    "convolution-with-padding": lambda a: a.but(padding=(a.k[0] // 2, a.k[1] // 2)),
    "convolution-of-exchanged-windows": lambda a: a.but(k=swapped(a.k)),
    "convolution-of-square-windows-only": refused(tuple, "kernel_size"),
    "convolution-still-learning": lambda a: a.but(trainable=True),
    "pooling-instead-of-convolution": lambda a: a.but(result=nn.AvgPool2d(a.kernel_size)),
}
