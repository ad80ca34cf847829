"""What goes wrong with the windows of a pooling: strides, sizes, padding, summaries, channels, tensors."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from graders.diagnosis.pipeline import Slip, Slips, after, refusing, step
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


# ----------------------------------------------------------------------------------------------- how to slip


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


# -------------------------------------------------------------------------------------- channels and batches


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
