"""Expected pooling results of exercise 4, and how answers are compared with them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cache
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F

from graders.sandbox.errors import Raised
from graders.testing import tolerance
from graders.testing.expect import (
    Mismatch,
    NotWritten,
    agrees,
    gradients_agree,
    leaves_all_alone,
    references_agree,
    repeats,
)
from graders.testing.module import Module
from graders.testing.own_answers import consistent
from graders.testing.reply import Reply
from graders.testing.strategies import HALVES, LAYOUTS, VALUES, Values, tensor, with_zeros
from graders.testing.submission import Submission
from graders.testing.together import Asked, each_agrees
from solutions import pooling as reference

from .cases import PADDINGS, PLAIN, TOGETHER, Case, Swept, distinct

# --------------------------------------------------------------------------------------------- what is right


def pooled(X: Tensor, one: Case, mode: str) -> Tensor:
    """torch's own result, for an image `(H, W)` or any number of them."""
    images = X.reshape(-1, 1, *X.shape[-2:])
    pool = F.max_pool2d if mode == "max" else F.avg_pool2d
    result = pool(images, one.window, one.stride, one.padding)
    return result.reshape(*X.shape[:-2], *result.shape[-2:])


def bound_of_means(X: Tensor, one: Case, dtype: torch.dtype) -> Tensor:
    """How far means computed in `dtype` may be off.

    A mean of n numbers takes n - 1 additions and a division, or n multiplications by 1/n, which is itself
    rounded. A summed-area table (running sums) is accurate only relative to the sum over the whole image: up
    to H + W roundings of it in each of the four corners of a window, and three in combining them.
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
    """The right result in float64, and how far a result computed in `dtype` may be off; a maximum is exact.

    Without a name only torch is asked, and not the reference.
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
    # In the backward pass, too, running sums are accurate only relative to the sum over the whole image.
    lengths = X.shape[-2] + X.shape[-1] + 2 * (kh + kw)
    whole = 0.0 if mode == "max" else float(upstream.abs().sum()) * lengths / (kh * kw)
    bound = tolerance.products(gradient(upstream.abs()), kh * kw + 1, torch.float32, whole)
    return gradient(upstream), bound


# ------------------------------------------------------------------------------------------------ the checks


def check(
    submission: Submission,
    name: str,
    X: Tensor,
    one: Case,
    mode: str,
    dtype: torch.dtype | None = None,
    *,
    compared: Callable[..., Reply] = agrees,
) -> Tensor:
    """`name(X, …)` is torch's pooling; returns it in float64. Without `dtype` any dtype will do."""
    right, bound = expected(name, X, one, mode, X.dtype)
    options = one.keywords(mode)
    value = compared(
        submission, name, X, one.window, expected=right, bound=bound, dtype=dtype, **options
    ).value
    assert isinstance(value, Tensor)
    return value.double()


def check_cases(
    submission: Submission,
    name: str,
    table: Sequence[Case],
    mode: str,
    *outer: int,
    values: Values = "integers",
) -> None:
    """Small integers, or other values, in images of every kind of shape with the given outer axes."""
    found = []
    for seed, one in enumerate(table):
        X = tensor(*outer, *one.image, seed=seed, values=values)
        with_zeros(seed if values == "integers" else 0, X)
        found.append(asked(name, X, one, mode))
    each_agrees(submission, name, found)


def check_sweep(
    submission: Submission,
    name: str,
    sweep: Swept,
    mode: str,
    outer_axes: int = 0,
    values: Values = "integers",
) -> None:
    """Every case of a sweep, in images with no, one or two outer axes."""
    each_agrees(submission, name, swept(sweep, mode, outer_axes, values))


@cache
def swept(sweep: Swept, mode: str, outer_axes: int, values: Values) -> tuple[Asked, ...]:
    """The cases of a sweep as questions with their right results.

    Only torch is asked for the right result, because the reference takes as long as a submission.
    """
    found = []
    for seed, (one, outer) in enumerate(sweep):
        X = tensor(*outer[2 - outer_axes :], *one.image, seed=seed, values=values)
        found.append(asked(None, X, one, mode))
    return tuple(found)


def asked(name: str | None, X: Tensor, one: Case, mode: str) -> Asked:
    """The question with its right result; a name as for `expected`."""
    return Asked((X, one.window), one.keywords(mode), *expected(name, X, one, mode, X.dtype))


def check_kinds(submission: Submission, name: str, one: Case, mode: str, *outer: int) -> None:
    """Values of every kind; a maximum must be found however small it is and however often it occurs."""
    kinds: tuple[Values, ...] = (*VALUES, "ties")
    images = (tensor(*outer, *one.image, seed=seed, values=values) for seed, values in enumerate(kinds))
    each_agrees(submission, name, (asked(name, X, one, mode) for X in images))


def far_below(*shape: int) -> Tensor:
    """Numbers around -10³⁰, which float32 can represent."""
    return tensor(*shape, seed=9, values="negative") * 1e26


def is_right(check_it: Callable[..., object], *args: Any) -> bool:
    """Whether a check passes; if not, that costs points in another group, and not in this one too."""
    try:
        check_it(*args)
    except (Mismatch, NotWritten, Raised):
        return False
    return True


def right_ones(
    submission: Submission, name: str, table: Sequence[Case], *outer: int
) -> list[tuple[Case, str]]:
    """The cases of the table, in each mode, whose values are right."""
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
    (upstream,) = with_zeros(1, tensor(*pooled(X, one, mode).shape, seed=99))
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
    """Max pooling without overlap must be right; other cases count only where their values are right."""
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
        check(submission, name, X, PLAIN[0], "max", dtype, compared=consistent)
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
        X = tensor(*outer, *PLAIN[0].image, seed=seed, layout=layout)
        check(submission, name, X, PLAIN[0], "max", compared=consistent)
        for one, mode in both:
            check(submission, name, tensor(*outer, *one.image, seed=seed, layout=layout), one, mode)


def check_side_effects(submission: Submission, name: str, *outer: int) -> None:
    """The image and global settings stay unchanged, and equal calls give equal results."""
    plain = (PLAIN[0], "max")
    check(submission, name, tensor(*outer, *PLAIN[0].image, seed=1), *plain, compared=consistent)
    others = right_ones(submission, name, (PLAIN[0], TOGETHER[0]), *outer)
    for one, mode in (plain, *(other for other in others if other != plain)):
        X = tensor(*outer, *one.image, seed=2)
        repeats(submission, name, X, one.window, **one.keywords(mode))
        leaves_all_alone(submission, name, X.double(), one.window, **one.keywords(mode))
