"""Questions to the convolutions of exercise 3.

The functions are alike: `name(X, K)` with more or fewer axes, some with `bias`, `stride` and so on. A `Case`
holds sizes and settings, a `Question` the tensors made from them.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from typing import Any

import hypothesis.strategies as st
import torch
from torch import Tensor

from graders.testing.strategies import VALUES, Layout, Values, covering, distinct_sizes, seeds, tensor

Sizes = tuple[int, ...]


@dataclass(frozen=True)
class Question:
    """The arguments of one call."""

    X: Tensor
    K: Tensor
    bias: Tensor | None = None
    options: Mapping[str, Any] = field(default_factory=dict)

    @property
    def keywords(self) -> dict[str, Any]:
        """Everything but `X` and `K`."""
        return dict(self.options) if self.bias is None else {"bias": self.bias, **self.options}

    def inputs(self) -> dict[str, Tensor]:
        """The tensors, by name."""
        found = {"X": self.X, "K": self.K}
        return found if self.bias is None else {**found, "bias": self.bias}

    def each(self, change: Callable[[Tensor], Tensor]) -> Question:
        """The same question with every tensor changed."""
        bias = None if self.bias is None else change(self.bias)
        return Question(change(self.X), change(self.K), bias, self.options)


@dataclass(frozen=True)
class Case:
    """The sizes and settings of a question."""

    image: Sizes
    kernel: Sizes
    bias: bool
    options: Mapping[str, Any]

    def question(
        self,
        seed: int,
        values: Values = "integers",
        dtype: torch.dtype = torch.float32,
        layout: Layout = "contiguous",
    ) -> Question:
        """The question with the numbers that the seed determines."""
        X, K, bias = (
            tensor(*sizes, seed=seed + n * 101, values=values, dtype=dtype, layout=layout)
            for n, sizes in enumerate((self.image, self.kernel, self.kernel[:1]))
        )
        return Question(X, K, bias if self.bias else None, self.options)


def case(image: Sizes, kernel: Sizes, bias: bool = False, **options: Any) -> Case:
    """A row in a table of cases."""
    return Case(image, kernel, bias, options)


# (c_in, H, W), (c_in, kh, kw): all different, one channel, all ones, a kernel that fills the image, a cube.
MULTI_IN = (
    case((3, 5, 7), (3, 2, 4)),
    case((2, 6, 5), (2, 4, 1)),
    case((4, 3, 6), (4, 1, 2)),
    case((1, 4, 3), (1, 2, 2)),
    case((1, 1, 1), (1, 1, 1)),
    case((2, 4, 3), (2, 4, 3)),
    case((3, 3, 3), (3, 3, 3)),
    case((2, 5, 5), (2, 3, 3)),
    # The sizes below are those of examples and first attempts, with different numbers in them.
    case((2, 3, 3), (2, 2, 2)),
    case((3, 3, 3), (3, 2, 2)),
    case((1, 3, 3), (1, 2, 2)),
    case((2, 2, 2), (2, 1, 1)),
    case((2, 2, 2), (2, 2, 2)),
    case((2, 3, 4), (2, 2, 2)),
    case((3, 4, 4), (3, 2, 2)),
)

# (c_in, H, W), (c_out, c_in, kh, kw): as above; as many channels out as in; one channel on either side.
MULTI_IN_OUT = (
    case((3, 6, 5), (7, 3, 4, 1)),
    case((4, 5, 7), (2, 4, 1, 3)),
    case((3, 5, 5), (3, 3, 3, 3)),
    case((1, 4, 3), (2, 1, 2, 2)),
    case((2, 4, 3), (1, 2, 2, 1)),
    case((1, 1, 1), (1, 1, 1, 1)),
    case((2, 3, 4), (3, 2, 3, 4)),
    case((2, 2, 2), (2, 2, 2, 2)),
    case((2, 3, 3), (3, 2, 2, 2)),
    case((2, 3, 3), (2, 2, 2, 2)),
    case((2, 2, 2), (2, 2, 1, 1)),
    case((3, 3, 3), (2, 3, 2, 2)),
    case((3, 3, 3), (2, 3, 1, 1)),
    case((1, 3, 3), (1, 1, 2, 2)),
    case((2, 3, 4), (3, 2, 2, 2)),
)

ONE_BY_ONE = (
    case((3, 4, 5), (2, 3, 1, 1)),
    case((2, 5, 3), (4, 2, 1, 1)),
    case((3, 3, 3), (3, 3, 1, 1)),
    case((1, 2, 3), (4, 1, 1, 1)),
    case((4, 3, 2), (1, 4, 1, 1)),
    case((1, 1, 1), (1, 1, 1, 1)),
    case((5, 1, 1), (3, 5, 1, 1)),
    case((3, 3, 3), (2, 3, 1, 1)),
    case((2, 2, 2), (2, 2, 1, 1)),
    case((2, 2, 2), (3, 2, 1, 1)),
    case((2, 3, 3), (3, 2, 1, 1)),
    case((3, 2, 2), (2, 3, 1, 1)),
    case((1, 2, 2), (1, 1, 1, 1)),
)

# (N, c_in, H, W), (c_out, c_in, kh, kw): as above; a batch of one; as many images as channels.
BATCHED = (
    case((2, 3, 7, 5), (4, 3, 6, 1)),
    case((3, 2, 4, 6), (1, 2, 2, 5)),
    case((1, 3, 4, 5), (2, 3, 2, 3)),
    case((2, 1, 4, 3), (3, 1, 2, 2)),
    case((2, 2, 4, 4), (2, 2, 3, 3)),
    case((3, 3, 3, 3), (3, 3, 2, 2)),
    case((1, 1, 1, 1), (1, 1, 1, 1)),
    case((2, 2, 3, 4), (3, 2, 3, 4)),
)

SMALL_BATCHES = (
    case((1, 1, 3, 3), (1, 1, 2, 2)),
    case((1, 2, 3, 3), (3, 2, 2, 2)),
    case((1, 1, 4, 4), (1, 1, 2, 2)),
    case((1, 1, 4, 4), (1, 1, 3, 3)),
    case((1, 1, 5, 5), (1, 1, 3, 3)),
    case((1, 1, 6, 8), (1, 1, 1, 2)),
    case((1, 1, 8, 8), (1, 1, 3, 3)),
    case((2, 1, 3, 3), (1, 1, 2, 2)),
    case((2, 2, 3, 3), (2, 2, 2, 2)),
    case((2, 3, 4, 4), (2, 3, 2, 2)),
)

WITH_BIAS = tuple(case(one.image, one.kernel, bias=True) for one in BATCHED)

# Pairs and ints; strides that do not divide, that are wider than the kernel, than the image.
STRIDES = (
    case((2, 3, 7, 8), (4, 3, 2, 3), stride=(3, 2)),
    case((1, 2, 6, 8), (3, 2, 3, 2), stride=(1, 4)),
    case((2, 1, 8, 5), (1, 1, 3, 2), stride=(2, 1)),
    case((2, 2, 6, 7), (2, 2, 3, 2), stride=2),
    case((1, 2, 7, 6), (2, 2, 1, 2), stride=3),
    case((2, 2, 3, 4), (1, 2, 2, 2), stride=(5, 6)),
)

# Pairs and ints; one axis only; kernels larger than the image without padding; padding wider than the kernel.
PADDINGS = (
    case((2, 3, 5, 4), (1, 3, 3, 2), padding=(0, 2)),
    case((1, 2, 3, 5), (3, 2, 2, 3), padding=(2, 1)),
    case((2, 1, 4, 3), (2, 1, 3, 3), padding=1),
    case((1, 2, 4, 5), (2, 2, 2, 1), padding=(1, 0)),
    case((2, 2, 2, 3), (1, 2, 4, 5), padding=(1, 2)),
    case((1, 1, 1, 2), (2, 1, 1, 2), padding=(3, 2)),
)

# In the first two, all eleven numbers are different.
TOGETHER = (
    case((3, 5, 13, 12), (6, 5, 2, 4), bias=True, stride=(7, 8), padding=(1, 0)),
    case((4, 3, 8, 10), (1, 3, 7, 6), bias=True, stride=(9, 5), padding=(0, 2)),
    case((2, 3, 6, 5), (4, 3, 3, 2), bias=True, stride=(2, 3), padding=(1, 2)),
    case((1, 2, 5, 7), (3, 2, 2, 3), bias=True, stride=(3, 2), padding=(2, 0)),
    case((2, 2, 5, 5), (2, 2, 3, 3), bias=True, stride=2, padding=1),
)

# One setting at a time, then all of them: for properties that must hold with each.
SETTINGS = (
    case((2, 2, 3, 4), (2, 2, 2, 2), bias=True),
    case((2, 2, 3, 4), (2, 2, 2, 2), stride=(1, 2)),
    case((2, 2, 3, 4), (2, 2, 2, 2), padding=(0, 1)),
    case((2, 2, 3, 4), (2, 2, 2, 2), bias=True, stride=(2, 3), padding=(1, 2)),
)


@st.composite
def questions(
    draw: st.DrawFn,
    batch: bool = True,
    output_channels: bool = True,
    bias: bool = False,
    most_stride: int = 1,
    most_padding: int = 0,
    most_dilation: int = 1,
) -> Question:
    """Images and kernels that fit them, with stride, padding and dilation up to the given limits."""
    n, c, o = draw(distinct_sizes(3, high=4))
    options = {}
    window, steps, border = (draw(st.tuples(st.integers(1, 3), st.integers(1, 3))), (1, 1), (0, 0))
    if most_stride > 1:
        options["stride"] = steps = draw(st.tuples(*[st.integers(1, most_stride)] * 2))
    if most_padding:
        options["padding"] = border = draw(st.tuples(*[st.integers(0, most_padding)] * 2))
    extents = window
    if most_dilation > 1:
        options["dilation"] = gaps = draw(st.tuples(*[st.integers(1, most_dilation)] * 2))
        extents = (gaps[0] * (window[0] - 1) + 1, gaps[1] * (window[1] - 1) + 1)
    # Up to three windows along each axis, and a remainder.
    H, W = (
        max(1, k - 2 * p + s * draw(st.integers(0, 2)) + draw(st.integers(0, s - 1)))
        for k, s, p in zip(extents, steps, border, strict=True)
    )
    image = (n, c, H, W) if batch else (c, H, W)
    kernel = (o, c, *window) if output_channels else (c, *window)
    return Case(image, kernel, bias, options).question(draw(seeds()), draw(st.sampled_from(VALUES)))


@cache
def sweep(
    batch: bool = True,
    output_channels: bool = True,
    bias: Sequence[bool] = (False,),
    most_stride: int = 1,
    most_padding: int = 0,
    most_dilation: int = 1,
    most_groups: int = 1,
    most_channels: int = 4,
    as_wholes: bool = False,
    images_too: bool = False,
    strength: int = 2,
) -> tuple[Case, ...]:
    """Small cases in which every `strength` sizes or settings that `questions` could draw occur together.

    A table of all pairs is enough, because a mistake depends on one or two settings at once. With
    `as_wholes`, every two of kernel, stride and padding occur together as (height, width) pairs, and not only
    the numbers in them. With `images_too` the height and width of the image are settings of their own; that
    is for functions where only the kernel limits the size of the image.
    """
    settings: dict[str, Sequence[Any]] = {}
    conditions: list[Callable[..., bool]] = []
    if most_stride > 1:
        # What is left over after the last window is smaller than the stride.
        conditions += [lambda sh, rest_h: rest_h < sh, lambda sw, rest_w: rest_w < sw]
        rest = {"rest_h": range(most_stride), "rest_w": range(most_stride)}
        if as_wholes:
            settings["strides"] = tuple(itertools.product(range(1, most_stride + 1), repeat=2))
            conditions.append(lambda strides, sh, sw: strides == (sh, sw))
        settings |= {"sh": range(1, most_stride + 1), "sw": range(1, most_stride + 1), **rest}
        settings["stride_is_one_number"] = (False, True)
        conditions.append(lambda stride_is_one_number, sh, sw: not stride_is_one_number or sh == sw)
    if most_padding:
        if as_wholes:
            settings["paddings"] = tuple(itertools.product(range(most_padding + 1), repeat=2))
            conditions.append(lambda paddings, ph, pw: paddings == (ph, pw))
        settings |= {"ph": range(most_padding + 1), "pw": range(most_padding + 1)}
        settings["padding_is_one_number"] = (False, True)
        conditions.append(lambda padding_is_one_number, ph, pw: not padding_is_one_number or ph == pw)
    if most_dilation > 1:
        settings |= {"dh": range(1, most_dilation + 1), "dw": range(1, most_dilation + 1)}
        settings["dilation_is_one_number"] = (False, True)
        conditions.append(lambda dilation_is_one_number, dh, dw: not dilation_is_one_number or dh == dw)
    if as_wholes:
        settings["kernels"] = tuple(itertools.product(range(1, 4), repeat=2))
        conditions.append(lambda kernels, kh, kw: kernels == (kh, kw))
    # Up to three windows along each axis; two where there are many cases.
    more = range(2 if as_wholes else 3)
    settings |= {"kh": range(1, 4), "more_h": more} | ({"H": range(1, 6)} if images_too else {})
    settings |= {"kw": range(1, 4), "more_w": more} | ({"W": range(1, 6)} if images_too else {})
    if images_too:
        conditions += [lambda H, kh, more_h: kh + more_h == H, lambda W, kw, more_w: kw + more_w == W]
    settings |= {"c": range(1, most_channels + 1), "bias": bias, "groups": range(1, most_groups + 1)}
    settings |= {"n": range(1, most_channels + 1)} if batch else {}
    settings |= {"o": range(1, most_channels + 1)} if output_channels else {}
    rows = covering(settings, *conditions, strength=strength)
    return tuple(sorted(map(_swept, rows), key=_extent))


def _swept(row: Mapping[str, Any]) -> Case:
    """One row of a sweep as a case; settings that it doesn't mention are left out."""
    sizes, options = [], {}
    for axis in "hw":
        stride, padding, dilation = (
            row.get(f"{name}{axis}", default) for name, default in (("s", 1), ("p", 0), ("d", 1))
        )
        extent = dilation * (row[f"k{axis}"] - 1) + 1
        sizes.append(max(1, extent - 2 * padding + stride * row[f"more_{axis}"] + row.get(f"rest_{axis}", 0)))
    for name in ("stride", "padding", "dilation"):
        if f"{name[0]}h" in row:
            pair = (row[f"{name[0]}h"], row[f"{name[0]}w"])
            options[name] = pair[0] if row[f"{name}_is_one_number"] else pair
    if row["groups"] > 1:
        options["groups"] = row["groups"]
    kernel = (row["c"], row["kh"], row["kw"])
    image = (row["c"] * row["groups"], *sizes)
    return Case(
        (row["n"], *image) if "n" in row else image,
        (row["o"] * row["groups"], *kernel) if "o" in row else kernel,
        row["bias"],
        options,
    )


def _extent(one: Case) -> int:
    """How much there is to look at, to ask small cases first."""
    return math.prod(one.image) + math.prod(one.kernel)
