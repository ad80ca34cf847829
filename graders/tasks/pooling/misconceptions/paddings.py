"""Mistakes about padding, wherever in exercise 4 something is pooled."""

from __future__ import annotations

from dataclasses import replace

import torch
from torch import Tensor
from torch.nn import functional as F

from .pool_call import AVG, INFINITY, MAX, PAIR, PoolCall, Slip, first, swapped

_SMALLER = "Which is the largest of -2e9 and a -1e9 from the padding, and which of the two was in the image?"
_FRAME = (
    "Draw the image with its padding. Which sides is it on, how wide is it, and what values does it have?"
)


def _replicated(asked: PoolCall) -> Tensor:
    (ph, pw), (H, W) = asked.p, asked.X.shape[-2:]
    rows, columns = torch.arange(-ph, H + ph).clamp(0, H - 1), torch.arange(-pw, W + pw).clamp(0, W - 1)
    return replace(asked, X=asked.X[..., rows, :][..., columns], padding=0, stride=asked.s).pool()


def _mean_of_what_is_there(asked: PoolCall) -> Tensor:
    there = replace(asked, X=torch.ones_like(asked.X)).pool()
    return asked.pool() if asked.mode == "max" else asked.pool() / there


PADDINGS: tuple[Slip, ...] = (
    Slip(
        "max-pads-with-zero",
        "You get this result when the padding for max pooling is zeros: they win against negative numbers. "
        "For a maximum, the padding value is -inf.",
        "The largest of -3 and -5 is -3. What does it become when a 0 from the padding takes part?",
        lambda a: a.pool(fill=0.0),
        MAX,
    ),
    Slip(
        "max-pads-with-a-finite-number",
        "You get this result when the padding value for max pooling is a large negative number, such as "
        "-1e9. It wins against even smaller numbers; nothing is smaller than -inf.",
        _SMALLER,
        lambda a: a.pool(fill=-1e9) if a.mode == "max" else a.pool(),
        MAX,
    ),
    Slip(
        "max-pads-with-minus-hundred",
        "You get this result when the padding value for max pooling is -100. It wins against even smaller "
        "numbers; nothing is smaller than -inf.",
        _SMALLER,
        lambda a: a.pool(fill=-100.0) if a.mode == "max" else a.pool(),
        MAX,
    ),
    Slip(
        "avg-leaves-padding-out",
        "You get this result when the padded zeros are left out of the mean. They count: the sum is always "
        "divided by the size of the whole window.",
        "With window 2 and padding 1, how many of the four numbers in the corner window are padding, and "
        "do they count?",
        _mean_of_what_is_there,
        AVG,
    ),
    Slip(
        "avg-pads-with-minus-infinity",
        "There are -inf in the result: the padding value for average pooling should be zero; -inf is for "
        "the maximum.",
        "What is the mean of -inf and anything else?",
        lambda a: a.pool(fill=-INFINITY),
        AVG,
    ),
    Slip(
        "padding-ignored",
        "You get this result when the padding is left out.",
        _FRAME,
        lambda a: a.pool(p=(0, 0)),
    ),
    Slip(
        "padding-exchanged",
        "You get this result when the two numbers of the padding are swapped. The pair is (height, width), "
        "but torch.nn.functional.pad takes the last axis first.",
        _FRAME,
        lambda a: a.pool(p=swapped(a.p)),
    ),
    Slip(
        "padding-exchanged-for-pad-only",
        "The size is right, but the two numbers of the padding are swapped when the image is padded: "
        "torch.nn.functional.pad takes the last axis first, so left, right, top, bottom.",
        _FRAME,
        lambda a: a.cut(image=a.framed(p=swapped(a.p))),
    ),
    Slip(
        "padding-mixed-up-for-pad",
        "You get this result when height and width of the padding alternate in torch.nn.functional.pad. It "
        "expects left, right, top, bottom.",
        _FRAME,
        lambda a: a.pool(frame=(*a.p, *a.p)),
    ),
    Slip(
        "first-number-of-the-padding-for-both",
        "You get this result when the first number of the padding is used on all four sides.",
        PAIR,
        lambda a: a.pool(p=first(a.p)),
    ),
    Slip(
        "padding-above-and-below-only",
        "You get this result when rows are added above and below, but no columns on the left and right.",
        _FRAME,
        lambda a: a.pool(p=(a.p[0], 0)),
    ),
    Slip(
        "padding-left-and-right-only",
        "You get this result when columns are added on the left and right, but no rows above and below.",
        _FRAME,
        lambda a: a.pool(p=(0, a.p[1])),
    ),
    Slip(
        "padding-counted-once",
        "You get this result when the padding is counted only once for each axis: only at the top and "
        "left, or as p instead of 2p in the size. It goes at both ends.",
        _FRAME,
        lambda a: a.pool(frame=(a.p[1], 0, a.p[0], 0)),
    ),
    Slip(
        "padding-at-the-end-only",
        "You get this result when padding is added at the bottom and right only. It goes at both ends.",
        _FRAME,
        lambda a: a.pool(frame=(0, a.p[1], 0, a.p[0])),
    ),
    Slip(
        "padding-twice-at-the-end",
        "You get this result when all of the padding is added at the bottom and right, twice as much as "
        "given. Half of it belongs at the top and left.",
        _FRAME,
        lambda a: a.pool(frame=(0, 2 * a.p[1], 0, 2 * a.p[0])),
    ),
    Slip(
        "padding-doubled",
        "You get this result when the padding is twice as wide as given. Padding p means p at each end.",
        _FRAME,
        lambda a: a.pool(p=(2 * a.p[0], 2 * a.p[1])),
    ),
    Slip(
        "padding-around-the-result",
        "You get this result when the padding is put around the result. It belongs around the image, "
        "before pooling.",
        _FRAME,
        lambda a: F.pad(a.pool(p=(0, 0)), (a.p[1], a.p[1], a.p[0], a.p[0])),
    ),
    Slip(
        "padding-in-the-size-only",
        "The shape is right, but the image wasn't padded: the padding is in the size formula only.",
        _FRAME,
        lambda a: a.cut(image=a.X),
    ),
    Slip(
        "border-repeated",
        "You get this result when the padding repeats the edge of the image. For a mean, the padding is "
        "zeros.",
        _FRAME,
        _replicated,
        AVG,
    ),
)
