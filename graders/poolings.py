"""What the poolings of exercise 4 are asked, what is right, and how one is compared with the other."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

import hypothesis.strategies as st
import torch
from torch import Tensor
from torch.nn import functional as F

from solutions import pooling as reference

from . import tolerance
from .expect import (
    Mismatch,
    NotWritten,
    agrees,
    gradients_agree,
    leaves_arguments_alone,
    references_agree,
    repeats,
)
from .sandbox.trouble import Raised
from .strategies import HALVES, LAYOUTS, VALUES, Values, pairwise, tensor
from .subject import Module, Submission

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
    """Every window; any two of its sizes and the numbers of windows, as far as an int as stride allows it."""
    settings = {"kh": range(1, 5), "kw": range(1, 5), "down": range(1, 4), "across": range(1, 4), **_OUTER}
    rows = pairwise(settings, _one_stride)
    return _in_order(_covered(row, (row["kh"], row["kw"]), (0, 0)) for row in rows)


@cache
def framed() -> Swept:
    """Every window with every number for its padding; strides and remainders as in `side_by_side`."""
    windows = tuple(itertools.product(range(1, 5), repeat=2))
    rows = pairwise(
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
    """Any two sizes or settings that `cases` could draw together, with padding or without.

    Args:
        most_padding: 0 leaves padding away.
        largest: size of a window, and stride.
    """
    rows = pairwise(
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
    return _in_order(_stepped(row) for row in rows)


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


# --------------------------------------------------------------------------------------------- what is right


def pooled(X: Tensor, one: Case, mode: str) -> Tensor:
    """torch's own, for an image `(H, W)` or any number of them."""
    images = X.reshape(-1, 1, *X.shape[-2:])
    pool = F.max_pool2d if mode == "max" else F.avg_pool2d
    result = pool(images, one.window, one.stride, one.padding)
    return result.reshape(*X.shape[:-2], *result.shape[-2:])


def bound_of_means(X: Tensor, one: Case, dtype: torch.dtype) -> Tensor:
    """How far means computed in `dtype` may lie from the right ones.

    A mean of n numbers takes n - 1 additions and a division, or n multiplications by 1/n, itself rounded. A
    table of running sums is accurate relative to the sum over the whole image instead: up to H + W roundings
    of it in each of the four corners of a window, and three in their combination.
    """
    X = X.detach().double()
    kh, kw = one.window_pair
    unit = tolerance.UNIT_ROUNDOFF[dtype]
    direct = pooled(X.abs(), one, "avg")
    whole = X.abs().sum(dim=(-2, -1), keepdim=True)
    lengths = X.shape[-2] + X.shape[-1] + 2 * (kh + kw)
    both = 2 if dtype == torch.float64 else 1
    tiny = 8 * kh * kw * torch.finfo(dtype).smallest_normal * torch.finfo(dtype).eps
    return both * unit * ((kh * kw + 2) * direct + 4 * (lengths + 3) * whole / (kh * kw)) + tiny


def expected(name: str | None, X: Tensor, one: Case, mode: str, dtype: torch.dtype) -> tuple[Tensor, Tensor]:
    """The right result in float64, and how far one computed in `dtype` may lie from it: maxima not at all.

    Without a name torch alone is asked, and not the reference.
    """
    X = X.detach().double()
    right = pooled(X, one, mode)
    exactly = tolerance.exact(right)
    if name is not None:
        ours = getattr(reference, name)(X, one.window, mode, one.stride, one.padding)
        references_agree(ours, right, exactly if mode == "max" else bound_of_means(X, one, torch.float64))
    return right, exactly if mode == "max" else bound_of_means(X, one, dtype)


def expected_gradient(X: Tensor, one: Case, mode: str, upstream: Tensor) -> tuple[Tensor, Tensor]:
    """Gradient of `(pooled * upstream).sum()` in float64, and the bound for a float32 answer."""

    def gradient(above: Tensor) -> Tensor:
        leaf = X.detach().double().requires_grad_()
        return torch.autograd.grad(pooled(leaf, one, mode), leaf, above)[0]

    upstream = upstream.double()
    kh, kw = one.window_pair
    # Backwards, too, running sums are accurate relative to the sum over the whole image.
    lengths = X.shape[-2] + X.shape[-1] + 2 * (kh + kw)
    whole = 0.0 if mode == "max" else float(upstream.abs().sum()) * lengths / (kh * kw)
    bound = tolerance.products(gradient(upstream.abs()), kh * kw + 1, torch.float32, whole)
    return gradient(upstream), bound


# ------------------------------------------------------------------------------------------------ the checks


def check(
    submission: Submission, name: str, X: Tensor, one: Case, mode: str, dtype: torch.dtype | None = None
) -> None:
    """`name(X, …)` is torch's pooling; without `dtype` that is left open."""
    right, bound = expected(name, X, one, mode, X.dtype)
    agrees(submission, name, X, one.window, expected=right, bound=bound, dtype=dtype, **one.keywords(mode))


def check_cases(
    submission: Submission,
    name: str,
    table: Sequence[Case],
    mode: str,
    *outer: int,
    values: Values = "integers",
) -> None:
    """Small integers, or other values, in images of every kind of shape with the outer axes given."""
    for seed, one in enumerate(table):
        check(submission, name, tensor(*outer, *one.image, seed=seed, values=values), one, mode)


def check_sweep(
    submission: Submission,
    name: str,
    sweep: Swept,
    mode: str,
    outer_axes: int = 0,
    values: Values = "integers",
) -> None:
    """Every case of a sweep, in images with no, one or two outer axes.

    Torch alone says what is right, for the reference takes as long as an answer.
    """
    for seed, (one, outer) in enumerate(sweep):
        X = tensor(*outer[2 - outer_axes :], *one.image, seed=seed, values=values)
        right, bound = expected(None, X, one, mode, X.dtype)
        agrees(submission, name, X, one.window, expected=right, bound=bound, **one.keywords(mode))


def check_kinds(submission: Submission, name: str, one: Case, mode: str, *outer: int) -> None:
    """Values of every kind; a maximum must be found however small, and however often it occurs."""
    kinds: tuple[Values, ...] = (*VALUES, "ties")
    for seed, values in enumerate(kinds):
        check(submission, name, tensor(*outer, *one.image, seed=seed, values=values), one, mode)


def far_below(*shape: int) -> Tensor:
    """Numbers around -10³⁰, as float32 can hold them."""
    return tensor(*shape, seed=9, values="negative") * 1e26


def is_right(check_it: Callable[..., object], *args: Any) -> bool:
    """Whether a check holds; if not, it costs the points of another group, and not of this one too."""
    try:
        check_it(*args)
    except (Mismatch, NotWritten, Raised):
        return False
    return True


def right_ones(
    submission: Submission, name: str, table: Sequence[Case], *outer: int
) -> list[tuple[Case, str]]:
    """Every case of the table in both modes, as far as its values are right."""
    both = [(one, mode) for one in table for mode in ("max", "avg")]

    def right(one: Case, mode: str) -> bool:
        mixed = distinct(*outer, *one.image, seed=1)
        below = tensor(*outer, *one.image, seed=1, values="negative")
        return all(is_right(check, submission, name, X, one, mode) for X in (mixed, below))

    return [(one, mode) for one, mode in both if right(one, mode)]


def check_gradient(
    submission: Submission, target: str | Module, X: Tensor, one: Case, mode: str, context: str = ""
) -> None:
    """Autograd reaches the image, for an upstream gradient that is not all ones."""
    upstream = tensor(*pooled(X, one, mode).shape, seed=99)
    right, bound = expected_gradient(X, one, mode, upstream)
    leaf, settings = X.clone().requires_grad_(), {}
    arguments: tuple[Any, ...] = (leaf,)
    if isinstance(target, str):
        arguments, settings = (leaf, one.window), one.keywords(mode)
    gradients_agree(
        submission,
        target,
        *arguments,
        cotangent=upstream,
        expected={"X": right},
        bounds={"X": bound},
        context=context,
        **settings,
    )


def check_gradients(submission: Submission, name: str, *outer: int) -> None:
    """Maxima side by side must be right; the rest counts where its values are right."""
    for seed, one in enumerate(PLAIN[:7]):
        X = distinct(*outer, *one.image, seed=seed)
        check_gradient(submission, name, X, one, "max")
    for one, mode in right_ones(submission, name, (PLAIN[1], PADDINGS[2], *TOGETHER[:2]), *outer):
        X = distinct(*outer, *one.image, seed=3)
        check_gradient(submission, name, X, one, mode)


def check_dtypes(submission: Submission, name: str, *outer: int) -> None:
    """The result has the dtype of the image, and its precision."""
    for dtype in (torch.float64, torch.float32, torch.float16):
        X = tensor(*outer, *PLAIN[0].image, seed=3, values="normal", dtype=dtype)
        check(submission, name, X, PLAIN[0], "max", dtype)
    for one, mode in right_ones(submission, name, (PLAIN[1], TOGETHER[0]), *outer):
        for dtype in (torch.float64, torch.float32):
            check(
                submission,
                name,
                tensor(*outer, *one.image, seed=4, values="normal", dtype=dtype),
                one,
                mode,
                dtype,
            )
    for half in HALVES if submission.device else ():
        for mode in ("max", "avg"):
            check(submission, name, tensor(*outer, *PLAIN[1].image, seed=5, dtype=half), PLAIN[1], mode, half)


def check_layouts(submission: Submission, name: str, *outer: int) -> None:
    """Views of every kind are ordinary inputs."""
    both = right_ones(submission, name, (PLAIN[1], TOGETHER[0]), *outer)
    for seed, layout in enumerate(LAYOUTS):
        check(submission, name, tensor(*outer, *PLAIN[0].image, seed=seed, layout=layout), PLAIN[0], "max")
        for one, mode in both:
            check(submission, name, tensor(*outer, *one.image, seed=seed, layout=layout), one, mode)


def check_side_effects(submission: Submission, name: str, *outer: int) -> None:
    """The image and global settings stay as they were, and two equal calls have equal results."""
    check(submission, name, tensor(*outer, *PLAIN[0].image, seed=1), PLAIN[0], "max")
    for one, mode in right_ones(submission, name, (PLAIN[0], TOGETHER[0]), *outer):
        X = tensor(*outer, *one.image, seed=2)
        leaves_arguments_alone(submission, name, X, one.window, **one.keywords(mode))
        repeats(submission, name, X, one.window, **one.keywords(mode))
