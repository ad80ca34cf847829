"""What goes wrong in pooling, by name. What a student is told stands in words.toml."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor, nn

from graders.diagnosis.pipeline import Call, Pipeline, Slip, Slips, after, refusing, step
from graders.tasks.layers import Layer, class_of, inside
from graders.tasks.windows import (
    ALL,
    HABITS,
    PADDINGS,
    SIZES,
    STRIDES,
    Pair,
    Size,
    Windows,
    ceiling,
    cut,
    first,
    pair,
    read_in_order,
    refused,
    swapped,
    zeros_outside,
)

from .probes import PROBES

INFINITY = float("inf")


def maximum(windows: Tensor) -> Tensor:
    """The largest of the last axis."""
    return windows.max(-1).values


def mean(windows: Tensor) -> Tensor:
    """The mean of the last axis."""
    return windows.mean(-1)


class Pooling(Windows):
    """One call of a pooling."""

    pool_size: Size
    mode: str = "max"

    @step
    def k(self) -> Pair:  # type: ignore[override]
        """The window."""
        return pair(self.pool_size)

    @step
    def default(self) -> Pair:
        """Windows lie side by side."""
        return self.k

    @step
    def fill(self) -> float:
        """What padding counts as."""
        return -INFINITY if self.mode == "max" else 0.0

    @step
    def reduce(self) -> Callable[[Tensor], Any]:
        """What becomes of the numbers of a window."""
        return maximum if self.mode == "max" else mean

    @step
    def combined(self) -> Callable[[Tensor], Any]:
        return lambda windows: self.reduce(windows.flatten(-2))

    cell = combined


# ------------------------------------------------------------------------------------------- how to slip


def divided(divisor: Callable[[Pooling], float]) -> Slip:
    """A sum divided by something else than the size of the window."""
    return lambda a: a.then(lambda Y: Y * (a.k[0] * a.k[1]) / divisor(a))


def at_once(numbers: Callable[[Pooling], Tensor]) -> Slip:
    """Numbers of something else than a window are summarised."""
    return lambda a: a.but(way=lambda b: b.reduce(numbers(b)))


def everywhere(part: Callable[[Tensor], Tensor]) -> Slip:
    """A part of the result, in every place."""
    return lambda a: a.then(lambda Y: part(Y).expand(*a.X.shape[:-2], *a.count))


def by_the_window(a: Pooling) -> Callable[[Tensor], Tensor]:
    """A mean of a window cut short that is still divided by the size of a whole one."""
    size = a.k[0] * a.k[1]
    return a.cell if a.mode == "max" else lambda window: window.sum((-2, -1)) / size


def blocks(a: Pooling) -> Tensor:
    P: Tensor = a.image
    kh, kw = a.k
    return (
        P.reshape(*a.X.shape[:-2], P.shape[-2] // kh, kh, P.shape[-1] // kw, kw).transpose(-3, -2).flatten(-2)
    )


def into_the_image(a: Any) -> Tensor:
    X: Tensor = a.image
    rows, columns = a.count
    for i in range(rows):
        for j in range(columns):
            window = X[..., i * a.s[0] : i * a.s[0] + a.k[0], j * a.s[1] : j * a.s[1] + a.k[1]]
            X[..., i, j] = a.reduce(window.flatten(-2))
    return X[..., :rows, :columns]


def scaled(a: Pooling) -> dict[str, Any]:
    return {"cell": lambda window: window.div_(a.k[0] * a.k[1]).sum((-2, -1))}


def every_step(n: int, k: int, s: int) -> int:
    return -(-n // s)


# -------------------------------------------------------------------------------------- slips of any pooling

EVERYWHERE: Slips = {
    "stride-defaults-to-one": lambda a: a.but(s=a.given or (1, 1)),
    "stride-defaults-to-two": lambda a: a.but(s=a.given or (2, 2)),
    "stride-always-one": lambda a: a.but(s=(1, 1)),
    "stride-and-padding-ignored": lambda a: a.but(s=a.k, p=(0, 0)),
    "every-position-without-padding": lambda a: a.but(s=(1, 1), p=(0, 0)),
    "window-exchanged": lambda a: a.but(k=swapped(a.k), s=a.s),
    "window-and-its-stride-exchanged": lambda a: a.but(k=swapped(a.k), s=a.given or swapped(a.k)),
    "pairs-read-as-width-and-height": lambda a: a.but(k=swapped(a.k), s=swapped(a.s), p=swapped(a.p)),
    "first-number-of-the-window-for-both": lambda a: a.but(k=first(a.k), s=a.s),
    "first-number-of-the-window-and-its-stride-for-both": lambda a: a.but(
        k=first(a.k), s=a.given or first(a.k)
    ),
    "first-number-of-a-given-stride-for-both": lambda a: a.but(s=first(a.given) if a.given else a.k),
    "first-number-of-each-pair-for-both": lambda a: a.but(k=first(a.k), s=first(a.s), p=first(a.p)),
    **STRIDES,
    "window-moves-by-its-own-size": cut(lambda a: {"start": lambda i, j: (i * a.k[0], j * a.k[1])}),
    "stride-added-to-the-place": cut(lambda a: {"start": lambda i, j: (i + a.s[0], j + a.s[1])}),
    "leftover-edge-kept": cut(lambda a: {"fits": ceiling}),
    "leftover-edge-kept-and-divided-by-the-window": cut(
        lambda a: {"fits": ceiling, "cell": by_the_window(a)}
    ),
    "a-window-at-every-step": cut(lambda a: {"fits": every_step}),
    "a-window-at-every-step-divided-by-the-window": cut(
        lambda a: {"fits": every_step, "cell": by_the_window(a)}
    ),
    "size-is-length-over-stride": cut(lambda a: {"fits": lambda n, k, s: n // s}),
    "size-is-bare-length-over-stride": cut(
        lambda a: {"fits": lambda n, k, s: n // s, "lengths": a.X.shape[-2:]}
    ),
    "size-is-length-over-window": cut(lambda a: {"fits": lambda n, k, s: n // k}),
    "one-window-too-many": cut(lambda a: {"fits": lambda n, k, s: (n - k) // s + 2}),
    "window-one-pixel-short": cut(lambda a: {"long": (a.k[0] - 1, a.k[1] - 1)}),
    "window-one-pixel-long": cut(lambda a: {"long": (a.k[0] + 1, a.k[1] + 1)}),
    "rows-and-columns-exchanged": cut(lambda a: {"start": lambda i, j: (j * a.s[0], i * a.s[1])}),
    **SIZES,
    "whole-image-at-once": at_once(lambda a: a.X.flatten(-2)),
    "whole-image-at-once-with-its-axes": lambda a: at_once(lambda b: b.X.flatten(-2))(a).then(
        lambda Y: Y[..., None, None]
    ),
    "window-not-cut-out": lambda a: everywhere(lambda Y: Y[..., None, None])(
        at_once(lambda b: b.image.flatten(-2))(a)
    ),
    "wrong-axes-summarised": at_once(lambda a: a.blocks.movedim((-2, -1), (-4, -3)).flatten(-2)),
    "image-cut-into-blocks": at_once(blocks),
    **{name: slip for name, slip in PADDINGS.items() if name != "border-repeated"},
    "padding-exchanged-for-pad-only": cut(lambda a: {"image": a.but(p=swapped(a.p)).image}),
    "padding-mixed-up-for-pad": lambda a: a.but(frame=(*a.p, *a.p)),
    "padding-in-the-size-only": cut(lambda a: {"image": a.X}),
    "modes-exchanged": lambda a: a.but(reduce=mean if a.mode == "max" else maximum, fill=a.fill),
    "modes-exchanged-throughout": lambda a: a.but(mode="avg" if a.mode == "max" else "max"),
    "result-written-into-the-image": lambda a: a.but(way=into_the_image),
}

# In the other mode these are right.
MAXIMA: Slips = {
    "max-pads-with-zero": lambda a: a.but(fill=0.0),
    "max-pads-with-a-finite-number": lambda a: a.but(fill=-1e9),
    "max-pads-with-minus-hundred": lambda a: a.but(fill=-100.0),
    "always-the-mean": lambda a: a.but(mode="avg"),
    "always-the-mean-in-a-frame-of-minus-infinity": lambda a: a.but(reduce=mean),
    "smallest-instead-of-largest": lambda a: a.but(reduce=lambda w: w.min(-1).values),
    "largest-without-its-sign": lambda a: a.but(X=a.X.abs()),
    "running-maximum-starts-at-zero": after(lambda Y: Y.clamp(min=0)),
    "running-maximum-starts-at-a-finite-number": after(lambda Y: Y.clamp(min=-1e9)),
    "place-instead-of-value": lambda a: a.but(reduce=lambda w: w.argmax(-1).to(w.dtype)),
}

MEANS: Slips = {
    "avg-leaves-padding-out": lambda a: a.then(lambda Y: Y / a.but(X=torch.ones_like(a.X)).result),
    "avg-pads-with-minus-infinity": lambda a: a.but(fill=-INFINITY),
    "border-repeated": PADDINGS["border-repeated"],
    "always-the-maximum": lambda a: a.but(mode="max"),
    "always-the-maximum-in-a-frame-of-zeros": lambda a: a.but(reduce=maximum),
    "sum-instead-of-mean": divided(lambda a: 1),
    "divided-by-height-squared": divided(lambda a: a.k[0] ** 2),
    "divided-by-width-squared": divided(lambda a: a.k[1] ** 2),
    "divided-by-the-height": divided(lambda a: a.k[0]),
    "divided-by-the-width": divided(lambda a: a.k[1]),
    "divided-by-height-plus-width": divided(lambda a: a.k[0] + a.k[1]),
    "divided-by-the-image": divided(lambda a: a.X.shape[-2] * a.X.shape[-1]),
    "whole-number-division": lambda a: a.but(reduce=lambda w: w.sum(-1) // w.shape[-1]),
    "average-scaled-in-place": cut(scaled),
    "average-scaled-in-a-copy": lambda a: cut(scaled)(a).but(image=a.image.clone()),
}


def in_mode(mode: str, slips: Slips) -> Slips:
    """The same slips, in one mode only."""

    def only(slip: Slip) -> Slip:
        return lambda a: slip(a) if a.mode == mode else a

    return {name: only(slip) for name, slip in slips.items()}


def viewed(a: Pooling) -> Pooling:
    return a if any(a.p) else a.then(lambda Y: (a.X.view(-1), Y)[1])


TENSORS: Slips = {
    **HABITS,
    "always-float64-and-detached": after(lambda Y: Y.detach().double()),
    "only-without-gradients": refusing(lambda a: a.X.requires_grad, RuntimeError),
    "list-of-rows-returned": after(list),
    "memory-read-row-by-row": lambda a: a if any(a.p) else a.but(X=read_in_order(a.X)),
    "needs-contiguous-memory": viewed,
    "int-window-refused": refused(int, "pool_size"),
    "int-stride-refused": refused(int, "stride"),
    "int-window-and-stride-refused": refused(int, "pool_size", "stride"),
    "pair-of-windows-refused": refused(tuple, "pool_size"),
    "pair-of-strides-refused": refused(tuple, "stride"),
    "pair-of-paddings-refused": refused(tuple, "padding"),
    "pairs-of-strides-and-paddings-refused": refused(tuple, "stride", "padding"),
    "all-pairs-refused": refused(tuple, "pool_size", "stride", "padding"),
}


# ------------------------------------------------------------------------------------- channels and batches


def in_batch(change: Callable[[Tensor], Any], otherwise: bool = False) -> Slip:
    """The result of a batch, or that of a single image, is changed."""
    return lambda a: a.then(change) if (a.X.dim() == 4) is not otherwise else a


def over_channels(keep: bool) -> Slip:
    return lambda a: a.then(
        lambda Y: Y.amax(-3, keepdim=keep) if a.mode == "max" else Y.mean(-3, keepdim=keep)
    )


CHANNELS: Slips = {
    "pooled-over-the-channels-too": over_channels(keep=False),
    "pooled-over-the-channels-into-one": over_channels(keep=True),
    "channels-summed": after(lambda Y: Y.sum(-3)),
    "channels-summed-into-one": after(lambda Y: Y.sum(-3, keepdim=True)),
    "channels-averaged": after(lambda Y: Y.mean(-3)),
    "first-channel-for-all": everywhere(lambda Y: Y.narrow(-3, 0, 1)),
    "last-channel-for-all": everywhere(lambda Y: Y.narrow(-3, -1, 1)),
    "first-channel-only": after(lambda Y: Y.select(-3, 0)),
    "first-channel-only-with-its-axis": after(lambda Y: Y.narrow(-3, 0, 1)),
    "last-channel-only": after(lambda Y: Y.select(-3, -1)),
    "only-the-first-channel-filled": zeros_outside(slice(1), ALL, ALL),
    "channels-stacked-last": after(lambda Y: Y.movedim(-3, -1)),
    "reshaped-instead-of-permuted": after(lambda Y: Y.movedim(-3, -1).reshape(Y.shape)),
    "channels-side-by-side": after(lambda Y: Y.flatten(-3, -2)),
    "first-axes-pooled": lambda a: a.but(X=a.X.movedim(-3, -1)).then(lambda Y: Y.movedim(-1, -3)),
    "batch-refused": refusing(lambda a: a.X.dim() != 3, ValueError),
    "single-image-refused": refusing(lambda a: a.X.dim() != 4, ValueError),
    "batch-flattened": after(lambda Y: Y.flatten(0, -3)),
    "single-image-with-a-batch-axis": in_batch(lambda Y: Y[None], otherwise=True),
    "single-image-squeezed": in_batch(lambda Y: Y.squeeze(), otherwise=True),
    "first-sample-only": in_batch(lambda Y: Y[0]),
    "first-sample-only-with-its-axis": in_batch(lambda Y: Y[:1]),
    "first-sample-for-all": in_batch(lambda Y: Y[:1].expand(Y.shape)),
    "samples-summed": in_batch(lambda Y: Y.sum(0)),
    "pooled-over-the-samples-too": lambda a: in_batch(lambda Y: a.reduce(Y.movedim(0, -1)))(a),
    "samples-and-channels-exchanged": in_batch(lambda Y: Y.transpose(0, 1)),
    "samples-and-channels-in-the-wrong-order": in_batch(lambda Y: Y.transpose(0, 1).reshape(Y.shape)),
}

LISTS: Slips = {
    "list-of-maps-returned": after(list),
    "nested-list-of-maps-returned": after(lambda Y: [list(maps) if maps.dim() == 3 else maps for maps in Y]),
}


# ----------------------------------------------------------------------------------------------- functions


def function(slip: Slip) -> Callable[..., Any]:
    def pooled(
        X: Tensor, pool_size: Size, mode: str | None = None, stride: Any = None, padding: Any = 0
    ) -> Any:
        call = Pooling(X=X, pool_size=pool_size, stride=stride, padding=padding, given_mode=mode)
        return slip(call.but(mode=mode or "max")).answer()

    return pooled


def mean_by_default(a: Any) -> Any:
    return a.but(mode=a.given_mode or "avg")


OF_ONE_IMAGE = {**EVERYWHERE, **in_mode("max", MAXIMA), **in_mode("avg", MEANS)}
OF_LISTS = {"list-of-rows-returned", "list-of-numbers-returned"}
OF_CHANNELS = {name: slip for name, slip in TENSORS.items() if name not in OF_LISTS}


# -------------------------------------------------------------------------------------------------- layers


class PoolingLayer(Layer):
    """A pooling as a module."""

    mode: str

    @step
    def arguments(self) -> dict[str, Any]:
        return {"kernel_size": None, "stride": None, "padding": 0}

    @step
    def keep(self) -> Callable[..., None]:
        return lambda module, **sizes: vars(module).update(sizes)

    @step
    def forward(self) -> Callable[[Any, Tensor], Any]:
        def forward(module: Any, X: Tensor) -> Any:
            sizes = {"pool_size": module.kernel_size, "stride": module.stride, "padding": module.padding}
            return self.slip(Pooling(X=X, mode=self.mode, **sizes)).answer()

        return forward


def weighted(layer: PoolingLayer) -> PoolingLayer:
    def keep(module: Any, **sizes: Any) -> None:
        layer.keep(module, **sizes)
        module.weight = nn.Parameter(torch.ones(pair(sizes["kernel_size"])))

    return layer.but(keep=keep)


def window_only(layer: PoolingLayer) -> PoolingLayer:
    keep = layer.keep
    return layer.but(
        arguments={"kernel_size": None}, keep=lambda module, **k: keep(module, stride=None, padding=0, **k)
    )


LAYERS: Slips = {
    "stride-and-padding-in-the-wrong-order": lambda layer: layer.but(
        arguments={"kernel_size": None, "padding": 0, "stride": None}
    ),
    "no-module": lambda layer: layer.but(bases=()),
    "no-module-but-callable": lambda layer: layer.but(bases=(), called=True),
    "super-init-forgotten": lambda layer: layer.but(ready=lambda module: None),
    "weight-to-learn": weighted,
    "window-only": window_only,
}

# A layer has one mode and knows batches only: there these are the same as others, or no mistake.
NOT_OF_LAYERS = {
    *("modes-exchanged", "modes-exchanged-throughout"),
    *("single-image-refused", "single-image-with-a-batch-axis", "single-image-squeezed"),
}
SAME_IN_MODE = {
    "max": {
        "leftover-edge-kept-and-divided-by-the-window",
        "a-window-at-every-step-divided-by-the-window",
        *MEANS,
    },
    "avg": {"leftover-edge-filled-with-zeros", "channels-averaged", *MAXIMA},
}


def layer(task: str, mode: str) -> Pipeline:
    left_out = NOT_OF_LAYERS | SAME_IN_MODE[mode]
    values = {**OF_ONE_IMAGE, **CHANNELS}
    return Pipeline(
        task,
        lambda slip: class_of(task, slip(PoolingLayer(mode=mode))),
        {**{name: inside(slip) for name, slip in values.items() if name not in left_out}, **LAYERS},
        PROBES[task],
        {name: inside(slip) for name, slip in {**OF_CHANNELS, **LISTS}.items()},
    )


# ----------------------------------------------------------------------------------------- receptive_field

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


# ---------------------------------------------------------------------------------------- avg_pool_as_conv


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


# ----------------------------------------------------------------------------------------- pool2d_backward

Share = Callable[[Tensor, Tensor], Tensor]
"""What a window gets of one number, as large as the window."""


def to_place(find: Callable[[Tensor], Any]) -> Share:
    """All of it to one place, counted row by row."""

    def share(window: Tensor, value: Tensor) -> Tensor:
        given = torch.zeros(window.numel(), dtype=value.dtype)
        given[int(find(window.reshape(-1)))] = value
        return given.reshape(window.shape)

    return share


first_maximum = to_place(torch.argmax)


def evenly(window: Tensor, value: Tensor) -> Tensor:
    return torch.ones_like(window) * value / window.numel()


class Backward(Pooling):
    """The way back through a pooling."""

    G: Tensor

    @step
    def share(self) -> Share:
        return first_maximum if self.mode == "max" else evenly

    @step
    def added(self) -> bool:
        """Whether what windows give to a pixel is added up."""
        return True

    @step
    def place(self) -> Callable[[int, int], Pair] | None:
        """Where in the image all of it goes, by the window's place and argmax."""
        return None

    @step
    def result(self) -> Tensor:
        grad_X = torch.zeros_like(self.X, dtype=torch.result_type(self.X, self.G))
        for i in range(self.G.shape[0]):
            for j in range(self.G.shape[1]):
                top, left = self.start(i, j)
                at = slice(top, top + self.k[0]), slice(left, left + self.k[1])
                given = self.share(self.X[at], self.G[i, j])
                grad_X[at] = grad_X[at] + given if self.added else self.overwritten(grad_X[at], given)
        return grad_X

    def overwritten(self, before: Tensor, given: Tensor) -> Tensor:
        """The later of two shares."""
        return given if self.mode == "avg" else torch.where(given != 0, given, before)


def unravelled(width: Callable[[Backward], int], offset: bool = True, kept_inside: bool = False) -> Slip:
    """Row and column made of argmax in a wrong way."""

    def scattered(a: Backward) -> Tensor:
        grad_X = torch.zeros_like(a.X, dtype=torch.result_type(a.X, a.G))
        for i in range(a.G.shape[0]):
            for j in range(a.G.shape[1]):
                top, left = a.start(i, j)
                found = int(a.X[top : top + a.k[0], left : left + a.k[1]].reshape(-1).argmax())
                row, column = divmod(found, width(a))
                if kept_inside:
                    row, column = min(row, a.k[0] - 1), min(column, a.k[1] - 1)
                grad_X[row + top * offset, column + left * offset] += a.G[i, j]
        return grad_X

    return lambda a: a.but(result=scattered(a))


def sharing(share: Share) -> Slip:
    return lambda a: a.but(share=share)


def tied(window: Tensor) -> Tensor:
    return window == window.max()


WAYS_OF_MAXIMA: Slips = {
    "last-of-tied-maxima": sharing(lambda w, value: first_maximum(w.flip(0, 1), value).flip(0, 1)),
    "first-of-tied-maxima-column-by-column": sharing(lambda w, value: first_maximum(w.T, value).T),
    "every-tied-maximum": sharing(lambda w, value: tied(w) * value),
    "tied-maxima-share": sharing(lambda w, value: tied(w) * value / tied(w).sum()),
    "maximum-taken-for-a-relu": sharing(lambda w, value: (w > 0) * value),
    "positive-maxima-only": sharing(lambda w, value: first_maximum(w, value) * (w.max() > 0)),
    "gradient-times-the-maximum": sharing(lambda w, value: first_maximum(w, value * w.max())),
    "maximum-instead-of-gradient": sharing(lambda w, value: first_maximum(w, w.max())),
    "gradient-to-the-smallest": sharing(to_place(torch.argmin)),
    "gradient-to-the-first-place": sharing(to_place(lambda numbers: 0)),
    "gradient-of-a-maximum-to-all": sharing(lambda w, value: torch.ones_like(w) * value),
    "largest-of-the-whole-image": lambda a: a.but(result=a.X.eq(a.X.max()) * a.G.sum()),
    "place-unravelled-by-the-height": unravelled(lambda a: a.k[0]),
    "place-unravelled-by-the-height-and-kept-inside": unravelled(lambda a: a.k[0], kept_inside=True),
    "place-unravelled-by-the-image": unravelled(lambda a: a.X.shape[1]),
    "place-without-the-window": unravelled(lambda a: a.k[1], offset=False),
}

WAYS_OF_MEANS: Slips = {
    "mean-not-divided": sharing(lambda w, value: torch.ones_like(w) * value),
    "mean-divided-by-height-squared": sharing(lambda w, value: torch.ones_like(w) * value / w.shape[0] ** 2),
    "mean-divided-by-the-height": sharing(lambda w, value: torch.ones_like(w) * value / w.shape[0]),
    "mean-divided-by-the-image": lambda a: a.but(
        share=lambda w, value: torch.ones_like(w) * value / a.X.numel()
    ),
    "mean-times-the-pixels": sharing(lambda w, value: w * value / w.numel()),
}

BACK: Slips = {
    "overlaps-lost": lambda a: a.but(added=False),
    **in_mode("max", WAYS_OF_MAXIMA),
    **in_mode("avg", WAYS_OF_MEANS),
    "upstream-ignored": lambda a: a.but(G=torch.ones_like(a.G)),
    "always-the-maximum": lambda a: a.but(mode="max"),
    "always-the-mean": lambda a: a.but(mode="avg"),
    "modes-exchanged": lambda a: a.but(mode="avg" if a.mode == "max" else "max"),
    **{name: STRIDES[name] for name in ("stride-ignored", "stride-exchanged")},
    **{
        name: EVERYWHERE[name]
        for name in (
            "stride-always-one",
            "stride-defaults-to-one",
            "first-number-of-a-given-stride-for-both",
            "window-exchanged",
        )
    },
    "added-to-the-image": lambda a: a.then(lambda gradient: a.X.add_(gradient)),
    "gradient-added-to-a-copy-of-the-image": lambda a: a.then(lambda gradient: a.X + gradient),
}


def way_back(slip: Slip) -> Callable[..., Any]:
    def pool2d_backward(
        grad_Y: Tensor, X: Tensor, pool_size: Size, mode: str = "max", stride: Size | None = None
    ) -> Any:
        return slip(Backward(G=grad_Y, X=X, pool_size=pool_size, mode=mode, stride=stride)).answer()

    return pool2d_backward


# ----------------------------------------------------------------------------------------------- pipelines

PIPELINES = (
    Pipeline(
        "pool2d", function, {**OF_ONE_IMAGE, "mean-by-default": mean_by_default}, PROBES["pool2d"], TENSORS
    ),
    Pipeline(
        "pool2d_multi_channel",
        function,
        {**OF_ONE_IMAGE, **CHANNELS, "mean-by-default": mean_by_default},
        PROBES["pool2d_multi_channel"],
        {**OF_CHANNELS, **LISTS},
    ),
    layer("MaxPool2d", "max"),
    layer("AvgPool2d", "avg"),
    Pipeline(
        "receptive_field",
        lambda slip: lambda layers: slip(Field(layers=layers)).answer(),
        FIELDS,
        PROBES["receptive_field"],
    ),
    Pipeline(
        "avg_pool_as_conv",
        lambda slip: (
            lambda channels, kernel_size: slip(
                AsConvolution(channels=channels, kernel_size=kernel_size)
            ).answer()
        ),
        AVERAGES,
        PROBES["avg_pool_as_conv"],
    ),
    Pipeline(
        "pool2d_backward",
        way_back,
        BACK,
        PROBES["pool2d_backward"],
        {"always-float32": HABITS["always-float32"]},
    ),
)
