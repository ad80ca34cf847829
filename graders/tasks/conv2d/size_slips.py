"""What goes wrong with the length of an axis."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

from graders.diagnosis.pipeline import Call, Slip, Slips, after, step


class OutputSize(Call):
    """The length of one axis."""

    n: int
    kernel: int
    stride: int
    padding: int
    dilation: int
    in_order: int
    """How many of stride, padding and dilation were given by their place."""

    @step
    def padded(self) -> int:
        return self.n + 2 * self.padding

    @step
    def extent(self) -> int:
        """How many pixels the kernel spans."""
        return self.dilation * (self.kernel - 1) + 1

    @step
    def room(self) -> int:
        return self.padded - self.extent

    @step
    def result(self) -> Any:
        return self.room // self.stride + 1


def size(formula: Callable[[Any], Any]) -> Slip:
    return lambda a: a.but(result=formula(a))


def spanning(extent: Callable[[Any], int]) -> Slip:
    return lambda a: a.but(extent=extent(a))


def other_order(a: OutputSize) -> OutputSize:
    if a.in_order == 0:
        return a
    return a.but(stride=a.padding if a.in_order > 1 else 1, padding=a.stride)


OUTPUT_SIZE: Slips = {
    "plus-one-forgotten": after(lambda length: length - 1),
    "plus-one-divided-too": size(lambda a: (a.room + 1) // a.stride),
    "partial-windows-counted": size(lambda a: math.ceil(a.room / a.stride) + 1),
    "rounded-to-the-nearest": size(lambda a: round(a.room / a.stride) + 1),
    "fraction-returned": size(lambda a: a.room / a.stride + 1),
    "padding-counted-once": lambda a: a.but(padded=a.n + a.padding),
    "padding-ignored": lambda a: a.but(padded=a.n),
    "padding-subtracted": lambda a: a.but(padded=a.n - 2 * a.padding),
    "padding-added-after-the-division": lambda a: a.but(padded=a.n).then(
        lambda length: length + 2 * a.padding
    ),
    "stride-ignored": lambda a: a.but(stride=1),
    "stride-defaults-to-the-kernel": lambda a: a.but(stride=a.kernel if a.stride == 1 else a.stride),
    "divided-before-the-kernel-is-subtracted": size(lambda a: a.padded // a.stride - a.extent + 1),
    "only-the-kernel-divided": size(lambda a: a.padded - a.extent // a.stride + 1),
    "divided-by-stride-plus-one": size(lambda a: a.room // (a.stride + 1)),
    "window-left-out": size(lambda a: a.padded // a.stride),
    "same-size-expected": size(lambda a: math.ceil(a.n / a.stride)),
    "dilation-ignored": spanning(lambda a: a.kernel),
    "dilation-as-number-of-holes": spanning(lambda a: (a.dilation + 1) * (a.kernel - 1) + 1),
    "kernel-times-dilation": spanning(lambda a: a.kernel * a.dilation),
    "extent-one-too-small": spanning(lambda a: a.extent - 1),
    "dilation-added-to-the-kernel": spanning(lambda a: a.kernel + a.dilation - 1),
    "dilation-on-the-input": lambda a: a.but(extent=a.kernel, stride=a.stride * a.dilation),
    "pair-returned": after(lambda length: (length, length)),
    "stride-and-padding-in-the-wrong-order": other_order,
}


def output_size(slip: Slip) -> Callable[..., Any]:
    def length(n: int, kernel: int, *order: int, **named: int) -> Any:
        given = dict(zip(("stride", "padding", "dilation"), order, strict=False))
        sizes = {"stride": 1, "padding": 0, "dilation": 1, **given, **named}
        return slip(OutputSize(n=n, kernel=kernel, in_order=len(order), **sizes)).answer()

    return length
