"""What goes wrong with batches: bias, stride, padding, dilation, groups, and the one matrix product."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F

from graders.diagnosis.pipeline import Slip, Slips, after, refusing
from graders.tasks.convolutions import (
    FILLED,
    KERNEL,
    SUM,
    TENSORS,
    convolved,
    looping,
    of_image,
)
from graders.tasks.windows import HABITS, PADDINGS, STRIDES, Pair, refused, second

from .channel_slips import CHANNELS, OUTPUTS

# --------------------------------------------------------------------------------------------------- batches


def pairs_in_a_batch(a: Any) -> Tensor:
    maps = [
        convolved(a.but(X=a.X[:, c : c + 1], K=a.K[o : o + 1, c : c + 1], bias=None, d=(1, 1), groups=1))
        for o in range(a.K.shape[0])
        for c in range(a.K.shape[1])
    ]
    return torch.cat(maps, 1)


BATCH: Slips = {
    "images-added-up": of_image(lambda X: X.sum(0, keepdim=True).expand_as(X)),
    "first-image-only": after(lambda Y: Y[:1]),
    "other-images-left-zero": after(lambda Y: torch.cat([Y[:1], Y[1:] * 0])),
    "first-image-for-all": of_image(lambda X: X[:1].expand_as(X)),
    "batch-and-channels-exchanged": after(lambda Y: Y.transpose(0, 1)),
    "channels-in-the-last-axis": after(lambda Y: Y.permute(0, 2, 3, 1)),
    "batch-axis-lost": after(lambda Y: Y.squeeze(0)),
    "a-map-for-every-pair-of-channels": lambda a: a.but(way=pairs_in_a_batch),
}


# ------------------------------------------------------------------------------------- bias, stride, padding


def added(add: Callable[[Tensor, Tensor, Tensor], Tensor]) -> Slip:
    """The bias is added in another way: to a result, for a kernel."""

    def slip(a: Any) -> Any:
        if a.bias is None:
            return a
        return a.but(bias=None).then(lambda Y: add(Y, a.bias.to(Y.dtype), a.K))

    return slip


def over(bias: Tensor) -> Tensor:
    """Along the channels."""
    return bias[:, None, None]


def asked_for_its_truth(a: Any) -> Any:
    return a.but(bias=a.bias if a.bias is not None and bool(a.bias) else None)


BIAS: Slips = {
    "bias-forgotten": lambda a: a.but(bias=None),
    "first-bias-for-all": added(lambda Y, b, K: Y + b[0]),
    "all-biases-added": added(lambda Y, b, K: Y + b.sum()),
    "bias-added-for-each-input-channel": added(lambda Y, b, K: Y + over(b) * K.shape[1]),
    "bias-added-for-each-place-of-the-kernel": added(lambda Y, b, K: Y + over(b) * K[0, 0].numel()),
    "bias-added-to-each-product": added(lambda Y, b, K: Y + over(b) * K[0].numel()),
    "bias-along-the-width": added(lambda Y, b, K: Y + b),
    "bias-along-the-height": added(lambda Y, b, K: Y + b[:, None]),
    "bias-along-the-batch": added(lambda Y, b, K: Y + b[:, None, None, None]),
    "bias-subtracted": added(lambda Y, b, K: Y - over(b)),
    "bias-asked-for-its-truth": asked_for_its_truth,
    "bias-on-the-image": added(lambda Y, b, K: Y + over(b) * K.sum(dim=(1, 2, 3))[:, None, None]),
}


def bias_detached(a: Any) -> Any:
    return a if a.bias is None else a.but(bias=a.bias.detach())


BIAS_DETACHED: Slips = {
    "bias-detached": bias_detached,
    "bias-detached-and-always-float32": lambda a: bias_detached(a).then(lambda Y: Y.float()),
}


def by_place(one: str, other: str) -> Slip:
    """Two arguments are exchanged where they are given without a name."""

    def slip(a: Any) -> Any:
        given = [name for name in (one, other) if name in a.in_order]
        right = dict(zip(given, (getattr(a, name) for name in (other, one)), strict=False))
        return a.but(**right) if len(given) == 2 else a

    return slip


def moved_by_one(a: Any) -> Tensor:
    rows, columns = a.count
    return convolved(a.but(s=(1, 1)))[..., :rows, :columns]


STRIDE: Slips = {
    **STRIDES,
    "stride-in-the-size-only": lambda a: a.but(way=moved_by_one),
    "second-number-of-the-stride-for-both": lambda a: a.but(s=second(a.s)),
    "stride-on-rows-only": lambda a: a.but(s=(a.s[0], 1)),
    "stride-on-columns-only": lambda a: a.but(s=(1, a.s[1])),
    "stride-and-padding-in-the-wrong-order": by_place("stride", "padding"),
}


def outside(mode: str) -> Slip:
    """The frame shows the image itself."""
    return lambda a: a.but(image=F.pad(a.X, a.frame, mode=mode) if any(a.frame) else a.X)


def larger_than_the_image(a: Any) -> bool:
    return any(k > n for k, n in zip(a.k, a.X.shape[-2:], strict=True))


PADDING: Slips = {
    **PADDINGS,
    "second-number-of-the-padding-for-both": lambda a: a.but(p=second(a.p)),
    "padding-twice-at-the-front": lambda a: a.but(frame=(2 * a.p[1], 0, 2 * a.p[0], 0)),
    "border-repeated": outside("replicate"),
    "image-mirrored-at-the-border": outside("reflect"),
    "image-continued-from-the-other-side": outside("circular"),
    "padding-with-ones": lambda a: a.but(fill=1.0),
    "kernel-measured-against-the-bare-image": refusing(larger_than_the_image, ValueError),
}

BATCHED: Slips = {
    **CHANNELS,
    **OUTPUTS,
    **BATCH,
    **BIAS,
    **STRIDE,
    **PADDING,
    **KERNEL,
    **SUM,
    **FILLED,
}

PAIRS_REFUSED: Slips = {
    "pair-of-strides-refused": refused(tuple, "stride"),
    "pair-of-paddings-refused": refused(tuple, "padding"),
    "pairs-of-strides-and-paddings-refused": refused(tuple, "stride", "padding"),
}

LISTS: Slips = {name: HABITS[name] for name in ("list-of-numbers-returned", "numpy-array-returned")}
OF_TENSORS: Slips = {**TENSORS, **LISTS}
OF_BATCHES: Slips = {**OF_TENSORS, **BIAS_DETACHED, **PAIRS_REFUSED}


# ------------------------------------------------------------------------------------------ dilation, groups


def dilated(change: Callable[[int, int], Pair]) -> Slip:
    return lambda a: a.but(d=change(*a.d))


Channels = Callable[[int, int, int], list[int]]
"""The channels of a group: its number, how many groups, how many channels."""


def block(group: int, groups: int, channels: int) -> list[int]:
    size = channels // groups
    return list(range(group * size, (group + 1) * size))


def every_nth(group: int, groups: int, channels: int) -> list[int]:
    return list(range(group, channels, groups))


def grouped(pick: Channels = block, place: Channels = block) -> Slip:
    """Groups of other channels: picked from the image, placed in the result."""

    def way(a: Any) -> Tensor:
        maps: dict[int, Tensor] = {}
        for group in range(a.groups):
            chosen = place(group, a.groups, a.K.shape[0])
            bias = None if a.bias is None else a.bias[chosen]
            X = a.X[:, pick(group, a.groups, a.X.shape[1])]
            part = convolved(a.but(X=X, K=a.K[chosen], bias=bias, groups=1))
            maps.update(zip(chosen, part.unbind(1), strict=True))
        return torch.stack([maps[output] for output in range(a.K.shape[0])], 1)

    return lambda a: a.but(way=way)


GENERAL: Slips = {
    "dilation-ignored": dilated(lambda dh, dw: (1, 1)),
    "dilation-as-number-of-holes": dilated(lambda dh, dw: (dh + 1, dw + 1)),
    "dilation-exchanged": dilated(lambda dh, dw: (dw, dh)),
    "first-number-of-the-dilation-for-both": dilated(lambda dh, dw: (dh, dh)),
    "second-number-of-the-dilation-for-both": dilated(lambda dh, dw: (dw, dw)),
    "image-thinned-out": lambda a: a.but(X=a.X[..., :: a.d[0], :: a.d[1]], d=(1, 1)),
    "groups-ignored": lambda a: a.but(groups=1),
    "first-group-for-all": grouped(pick=lambda group, groups, channels: block(0, groups, channels)),
    "inputs-of-the-groups-interleaved": grouped(pick=every_nth),
    "outputs-of-the-groups-interleaved": grouped(place=every_nth),
    "groups-in-reverse-order": grouped(
        pick=lambda g, groups, channels: block(groups - 1 - g, groups, channels)
    ),
    "dilation-and-groups-in-the-other-order": by_place("dilation", "groups"),
}


# --------------------------------------------------------------------------------------------- conv2d_im2col


def rows_of(windows: Tensor) -> Tensor:
    """(N, c_in, oh, ow, kh, kw) with the axes that say which window in front."""
    return windows.permute(0, 2, 3, 1, 4, 5)


def folded(Y: Tensor, size: tuple[int, int, int, int]) -> Tensor:
    """A row for each window, back to (N, c_out, oh, ow)."""
    return Y.reshape(size[0], *size[2:], size[1]).permute(0, 3, 1, 2)


def columns(
    windows: Callable[[Tensor], Tensor] = rows_of,
    kernels: Callable[[Tensor], Tensor] = lambda K: K.flatten(1).T,
    fold: Callable[[Tensor, tuple[int, int, int, int]], Tensor] = folded,
    columns_first: bool = False,
) -> Slip:
    """One matrix product, right but for one step."""

    def way(a: Any) -> Tensor:
        X, K, (kh, kw), (sh, sw) = a.image.to(a.dtype), a.K.to(a.dtype), a.k, a.s
        found = (
            X.unfold(3, kw, sw).unfold(2, kh, sh) if columns_first else X.unfold(2, kh, sh).unfold(3, kw, sw)
        )
        N, _, oh, ow = found.shape[:4]
        Y = fold(windows(found).reshape(N * oh * ow, -1) @ kernels(K), (N, K.shape[0], oh, ow))
        return Y if a.bias is None else Y + over(a.bias.to(a.dtype))

    return lambda a: a.but(way=way)


IM2COL: Slips = {
    "loops-over-images": looping(lambda a: a.X.shape[0]),
    "loops-over-input-channels": looping(lambda a: a.X.shape[1]),
    "loops-over-output-channels": looping(lambda a: a.K.shape[0]),
    "loops-over-positions": looping(
        lambda a: (a.X.shape[2] - a.K.shape[2] + 1) * (a.X.shape[3] - a.K.shape[3] + 1)
    ),
    "loops-over-images-and-output-channels": looping(lambda a: a.X.shape[0] * a.K.shape[0]),
    "loops-over-images-and-positions": looping(lambda a: a.X.shape[0] * a.X.shape[2] * a.X.shape[3]),
    "windows-folded-without-permute": columns(windows=lambda w: w),
    "channels-behind-the-window": columns(windows=lambda w: w.permute(0, 2, 3, 4, 5, 1)),
    "rows-and-columns-of-the-window-exchanged": columns(columns_first=True),
    "positions-transposed": columns(windows=lambda w: w.permute(0, 3, 2, 1, 4, 5)),
    "kernel-folded-without-transpose": columns(kernels=lambda K: K.reshape(-1, K.shape[0])),
    "result-folded-without-permute": columns(fold=lambda Y, size: Y.reshape(size)),
    "batch-and-channels-mixed-in-the-result": columns(fold=lambda Y, size: Y.T.reshape(size)),
    "channels-left-in-the-last-axis": columns(fold=lambda Y, s: Y.reshape(s[0], *s[2:], s[1])),
    "height-and-width-exchanged-in-the-fold": columns(
        fold=lambda Y, s: Y.reshape(s[0], s[3], s[2], s[1]).permute(0, 3, 1, 2)
    ),
    "result-left-flat": columns(fold=lambda Y, s: Y.reshape(s[0], -1, s[1]).transpose(1, 2)),
}
