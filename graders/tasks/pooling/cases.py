"""What the poolings of exercise 4 are asked."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

import hypothesis.strategies as st
import torch
from torch import Tensor

from graders.testing.strategies import covering

Pair = tuple[int, int]
Size = int | Pair


@dataclass(frozen=True)
class Case:
    """Sizes and settings of one call; `stride` None leaves it away."""

    image: tuple[int, ...]
    window: Size
    stride: Size | None = None
    padding: Size = 0

    def keywords(self, mode: str) -> dict[str, Any]:
        """Everything after the window, as far as it differs from the default; the mode always."""
        options: dict[str, Any] = {"mode": mode}
        if self.stride is not None:
            options["stride"] = self.stride
        if self.padding != 0:
            options["padding"] = self.padding
        return options

    @property
    def window_pair(self) -> Pair:
        """Height and width of the window."""
        return (self.window, self.window) if isinstance(self.window, int) else self.window


# Windows that cover the image without remainder; the stride is said aloud, and it is an int. So neither a
# wrong default of the stride nor a wrong pair of strides nor a remainder makes a difference here.
PLAIN = (
    Case((4, 6), 2, 2),
    Case((4, 3), (2, 3), 2),
    Case((2, 9), (2, 3), 3),
    Case((6, 2), (3, 2), 3),
    Case((6, 6), (3, 3), 3),
    Case((5, 3), (5, 3), 1),
    Case((1, 1), 1, 1),
    Case((3, 2), (1, 1), 1),
    Case((1, 6), (1, 2), 2),
)

# Left away, one, overlapping, apart; as pairs and ints; with a remainder on one axis, both, and none.
STRIDES = (
    Case((5, 7), (2, 3)),
    Case((4, 4), 3),
    Case((7, 5), (3, 2), (1, 3)),
    Case((5, 4), (2, 3), 1),
    Case((8, 7), (4, 3), (3, 2)),
    Case((9, 8), (2, 3), (4, 5)),
    Case((6, 7), (3, 2), 2),
    Case((3, 5), (3, 2), (6, 1)),
    Case((7, 6), 1, (3, 2)),
)

# Strides and remainders as in `PLAIN`. One axis padded, both, one more than the other; a window larger than
# the bare image.
PADDINGS = (
    Case((4, 5), (2, 5), 2, (1, 0)),
    Case((3, 4), (3, 2), 2, (0, 1)),
    Case((2, 4), 4, 4, (1, 2)),
    Case((4, 2), 4, 4, (2, 1)),
    Case((4, 6), 2, 2, 1),
    Case((1, 6), 5, 5, 2),
    Case((4, 7), 3, 3, 1),
)

# Sizes that examples and first tries have, with other numbers than theirs; with images and channels.
SMALL = (
    (Case((3, 3), 2, 1), (1, 2)),
    (Case((3, 3), 3), (1, 1)),
    (Case((4, 4), 2), (1, 1)),
    (Case((4, 4), 2), (1, 2)),
    (Case((4, 4), 2), (2, 3)),
    (Case((4, 4), 3), (1, 2)),
    (Case((4, 4), 3), (1, 1)),
    (Case((2, 2), 2), (2, 2)),
    (Case((2, 4), 2), (1, 1)),
    (Case((3, 4), 2), (1, 2)),
    (Case((5, 5), 2), (1, 1)),
    (Case((5, 5), 3), (1, 1)),
    (Case((6, 6), 2), (1, 1)),
    (Case((6, 8), 2), (1, 1)),
)

# In the first two no two of the eight numbers are alike.
TOGETHER = (
    Case((9, 7), (5, 4), (2, 3), (1, 0)),
    Case((8, 9), (4, 7), (3, 1), (0, 2)),
    Case((7, 5), (3, 2), (2, 3), (1, 1)),
    Case((6, 8), (2, 4), (1, 3), (1, 2)),
    Case((6, 5), 3, 2, 1),
    Case((3, 2), (4, 3), (1, 2), (2, 1)),
)


@st.composite
def cases(draw: st.DrawFn) -> Case:
    """Windows, strides and paddings that have a result, for images that leave up to three windows an axis."""
    window = kh, kw = draw(st.integers(1, 4)), draw(st.integers(1, 4))
    stride = draw(st.none() | st.tuples(st.integers(1, 4), st.integers(1, 4)))
    padding = ph, pw = draw(st.integers(0, kh // 2)), draw(st.integers(0, kw // 2))
    sh, sw = stride or window
    H = max(1, kh - 2 * ph + sh * draw(st.integers(0, 2)) + draw(st.integers(0, sh - 1)))
    W = max(1, kw - 2 * pw + sw * draw(st.integers(0, 2)) + draw(st.integers(0, sw - 1)))
    return Case((H, W), window, stride, padding)


Swept = tuple[tuple[Case, Pair], ...]
"""The cases of a sweep, each with a number of images and one of channels."""

_OUTER = {"images": range(1, 4), "channels": range(1, 4)}


@cache
def side_by_side() -> Swept:
    """Every window; any three of its sizes and the numbers of windows, as far as one stride allows it."""
    settings = {"kh": range(1, 5), "kw": range(1, 5), "down": range(1, 4), "across": range(1, 4), **_OUTER}
    rows = covering(settings, _one_stride)
    return _in_order(_covered(row, (row["kh"], row["kw"]), (0, 0)) for row in rows)


@cache
def framed() -> Swept:
    """Every window with every number for its padding; strides and remainders as in `side_by_side`."""
    windows = tuple(itertools.product(range(1, 5), repeat=2))
    rows = covering(
        {"window": windows, "ph": range(3), "pw": range(3), "down": (1, 2), "across": (1, 2), **_OUTER},
        lambda window, down, across: _one_stride(window[0], window[1], down, across),
        lambda window, ph: 2 * ph <= window[0],
        lambda window, pw: 2 * pw <= window[1],
        # Something of the image has to be left.
        lambda window, ph, down: window[0] * down > 2 * ph,
        lambda window, pw, across: window[1] * across > 2 * pw,
    )
    return _in_order(_covered(row, row["window"], (row["ph"], row["pw"])) for row in rows)


@cache
def stepping(most_padding: int = 0, largest: int = 4) -> Swept:
    """Any three sizes or settings that `cases` could draw together, with padding or without, and `SMALL`.

    Args:
        most_padding: 0 leaves padding away.
        largest: size of a window, and stride.
    """
    rows = covering(
        {
            "sh": range(1, largest + 1),
            "rest_h": range(largest),
            "sw": range(1, largest + 1),
            "rest_w": range(largest),
            "stride": ("pair", "one number", "window"),
            "kh": range(1, largest + 1),
            "kw": range(1, largest + 1),
            "ph": range(most_padding + 1),
            "pw": range(most_padding + 1),
            "more_h": range(3),
            "more_w": range(3),
            **_OUTER,
        },
        lambda sh, rest_h: rest_h < sh,
        lambda sw, rest_w: rest_w < sw,
        lambda stride, sh, sw: stride != "one number" or sh == sw,
        lambda stride, sh, kh: stride != "window" or sh == kh,
        lambda stride, sw, kw: stride != "window" or sw == kw,
        lambda ph, kh: 2 * ph <= kh,
        lambda pw, kw: 2 * pw <= kw,
    )
    small = SMALL if largest < 4 or not most_padding else ()
    return _in_order((*(_stepped(row) for row in rows), *small))


def _one_stride(kh: int, kw: int, down: int, across: int) -> bool:
    """Windows that are no squares can only be side by side along one axis, if the stride is one number."""
    return kh == kw or down == 1 or across == 1


def _in_order(cases: Iterable[tuple[Case, Pair]]) -> Swept:
    """Small ones first."""
    return tuple(sorted(cases, key=lambda one: math.prod((*one[0].image, *one[0].window_pair, *one[1]))))


def _covered(row: Mapping[str, Any], window: Pair, padding: Pair) -> tuple[Case, Pair]:
    """A padded image that the windows cover without remainder."""
    (kh, kw), (ph, pw) = window, padding
    image = (kh * row["down"] - 2 * ph, kw * row["across"] - 2 * pw)
    stride = kh if row["across"] == 1 else kw
    return Case(image, _as_int(window), stride, _as_int(padding)), (row["images"], row["channels"])


def _stepped(row: Mapping[str, Any]) -> tuple[Case, Pair]:
    (kh, kw), (ph, pw), (sh, sw) = ((row[f"{name}h"], row[f"{name}w"]) for name in "kps")
    H = max(1, kh - 2 * ph + sh * row["more_h"] + row["rest_h"])
    W = max(1, kw - 2 * pw + sw * row["more_w"] + row["rest_w"])
    stride = {"pair": (sh, sw), "one number": sh, "window": None}[row["stride"]]
    return Case((H, W), (kh, kw), stride, _as_int((ph, pw))), (row["images"], row["channels"])


def _as_int(size: Pair) -> Size:
    """One number where both are alike."""
    return size[0] if size[0] == size[1] else size


def distinct(*shape: int, seed: int) -> Tensor:
    """Integers of both signs, no two alike: a maximum that is never tied."""
    generator = torch.Generator().manual_seed(seed)
    count = torch.Size(shape).numel()
    return (torch.randperm(count, generator=generator) - count // 2).float().reshape(shape)
