"""Questions to the convolutions of exercise 1, expected results, and how answers are compared with them."""

from __future__ import annotations

import math
from functools import cache

import hypothesis.strategies as st
import torch
from torch import Tensor
from torch.nn import functional as F

from graders.testing import tolerance
from graders.testing.expect import agrees, gradients_agree, references_agree
from graders.testing.own_answers import consistent
from graders.testing.strategies import HALVES, LAYOUTS, VALUES, pairwise, seeds, tensor, with_zeros
from graders.testing.submission import Submission
from solutions import conv2d as reference

# (H, W), (kh, kw): rectangular both ways, 1×1, a kernel that fills the image, one axis filled, one row.
SHAPES = (
    ((3, 5), (2, 3)),
    ((6, 4), (2, 1)),
    ((4, 7), (3, 2)),
    ((1, 1), (1, 1)),
    ((4, 3), (4, 3)),
    ((5, 3), (2, 3)),
    ((1, 6), (1, 2)),
    ((5, 5), (3, 3)),
)

# Shapes common in examples and first attempts, with different numbers in them.
SMALL = (
    ((3, 3), (2, 2)),
    ((6, 8), (1, 2)),
    ((8, 6), (1, 2)),
    ((8, 6), (2, 1)),
    ((2, 2), (1, 1)),
    ((2, 2), (2, 2)),
    ((2, 3), (1, 2)),
    ((3, 3), (1, 1)),
    ((3, 3), (3, 3)),
    ((3, 4), (2, 2)),
    ((4, 4), (2, 2)),
    ((4, 4), (3, 3)),
    ((5, 5), (2, 2)),
)


@st.composite
def images_and_kernels(draw: st.DrawFn) -> tuple[Tensor, Tensor]:
    """An image and a kernel that fits it; sizes, values and memory layout vary."""
    kh, kw = draw(st.integers(1, 4)), draw(st.integers(1, 4))
    H, W = kh + draw(st.integers(0, 5)), kw + draw(st.integers(0, 5))
    values, seed = draw(st.sampled_from(VALUES)), draw(seeds())
    return tensor(H, W, seed=seed, values=values), tensor(kh, kw, seed=seed + 1, values=values)


@cache
def sweep(
    most_more: int = 5, images_too: bool = False
) -> tuple[tuple[tuple[int, int], tuple[int, int]], ...]:
    """Sizes in which every two settings that `images_and_kernels` could draw occur together, and `SMALL`.

    A table of all pairs is enough, because a mistake about sizes depends on one or two of them at once.
    Images are at most `most_more` larger than the kernel along each axis. With `images_too` the height and
    width of the image are settings of their own, and not only their difference from the kernel's.
    """
    settings = {"kh": range(1, 5), "kw": range(1, 5), "more_h": range(most_more + 1)}
    settings |= {"more_w": range(most_more + 1)}
    settings |= {"H": range(1, 10), "W": range(1, 10)} if images_too else {}
    conditions = (lambda H, kh, more_h: kh + more_h == H, lambda W, kw, more_w: kw + more_w == W)
    rows = pairwise(settings, *conditions) if images_too else pairwise(settings)
    shapes = [
        ((row["kh"] + row["more_h"], row["kw"] + row["more_w"]), (row["kh"], row["kw"])) for row in rows
    ]
    shapes = list(dict.fromkeys((*shapes, *SMALL)))
    return tuple(sorted(shapes, key=lambda shape: math.prod(shape[0]) + math.prod(shape[1])))


@cache
def swept(most_more: int = 5, images_too: bool = False) -> tuple[tuple[Tensor, Tensor, Tensor, Tensor], ...]:
    """Image, kernel, right result and bound for each case of a sweep.

    Kernels of the same size are identical. Only torch is asked for the right result, because the reference
    takes as long as a submission.
    """
    found = []
    for seed, (image, kernel) in enumerate(sweep(most_more, images_too)):
        X, K = tensor(*image, seed=seed), tensor(*kernel, seed=100 + 4 * kernel[0] + kernel[1])
        found.append((X, K, *expected(X, K, asks_reference=False)))
    return tuple(found)


def expected(
    X: Tensor, K: Tensor, dtype: torch.dtype = torch.float32, *, asks_reference: bool = True
) -> tuple[Tensor, Tensor]:
    """The right result in float64, and how far a result computed in `dtype` may be off."""
    X, K = X.detach().double(), K.detach().double()
    right = F.conv2d(X[None, None], K[None, None])[0, 0]
    absolute = F.conv2d(X.abs()[None, None], K.abs()[None, None])[0, 0]
    if asks_reference:
        bound = tolerance.products(absolute, K.numel(), torch.float64)
        references_agree(reference.conv2d(X, K), right, bound)
    norm = X.norm() * K.norm()
    return right, tolerance.products(absolute, K.numel(), dtype, norm)


def expected_gradients(
    X: Tensor, K: Tensor, upstream: Tensor, dtype: torch.dtype = torch.float32
) -> tuple[dict[str, Tensor], dict[str, Tensor]]:
    """Gradients of `(conv2d(X, K) * upstream).sum()` with their bounds, by name."""

    def gradients(image: Tensor, kernel: Tensor, above: Tensor) -> tuple[Tensor, Tensor]:
        image, kernel = image.detach().double().requires_grad_(), kernel.detach().double().requires_grad_()
        result = F.conv2d(image[None, None], kernel[None, None])[0, 0]
        grad_X, grad_K = torch.autograd.grad(result, (image, kernel), above.double())
        return grad_X, grad_K

    right, absolute = gradients(X, K, upstream), gradients(X.abs(), K.abs(), upstream.abs())
    norms = (
        upstream.double().norm() * K.detach().double().norm(),
        upstream.double().norm() * X.detach().double().norm(),
    )
    terms = (K.numel(), upstream.numel())
    bounds = [
        tolerance.products(a, n, dtype, norm) for a, n, norm in zip(absolute, terms, norms, strict=True)
    ]
    return dict(zip("XK", right, strict=True)), dict(zip("XK", bounds, strict=True))


def check_values(submission: Submission, name: str, X: Tensor, K: Tensor) -> None:
    """`name(X, K)` is the convolution; the dtype is left open."""
    right, bound = expected(X, K)
    agrees(submission, name, X, K, expected=right, bound=bound)


def check_sweep(submission: Submission, name: str) -> None:
    """Every two sizes of image and kernel occur together."""
    for X, K, right, bound in swept(images_too=True):
        agrees(submission, name, X, K, expected=right, bound=bound)


def check_dtypes(submission: Submission, name: str) -> None:
    """The result has `torch.result_type(X, K)`, and the precision of the coarser of the two."""
    pairs = [
        (
            tensor(3, 5, seed=1, values="normal", dtype=torch.float64),
            tensor(2, 3, seed=2, values="normal").double(),
        ),
        (tensor(3, 5, seed=3, values="normal"), tensor(2, 3, seed=4, values="normal")),
        (tensor(3, 5, seed=5, values="normal"), torch.tensor([[1, -1]])),
        (tensor(4, 3, seed=6, values="normal", dtype=torch.float64), tensor(2, 1, seed=7)),
        (tensor(4, 3, seed=8), tensor(2, 1, seed=9, values="normal", dtype=torch.float64)),
    ]
    for X, K in pairs:
        dtype = torch.result_type(X, K)
        right, bound = expected(X, K, tolerance.coarsest(X, K))
        consistent(submission, name, X, K, expected=right, bound=bound, dtype=dtype)
    for half in HALVES if submission.device else ():
        X = tensor(3, 5, seed=1, values="normal", dtype=half)
        K = tensor(2, 3, seed=2, values="normal", dtype=half)
        right, bound = expected(X, K, half)
        consistent(submission, name, X, K, expected=right, bound=bound, dtype=half)


def check_layouts(submission: Submission, name: str) -> None:
    """Views of every kind are ordinary inputs."""
    for seed, layout in enumerate(LAYOUTS):
        X, K = tensor(5, 4, seed=seed, layout=layout), tensor(3, 2, seed=seed + 9, layout=layout)
        right, bound = expected(X, K)
        consistent(submission, name, X, K, expected=right, bound=bound)


def check_gradients(
    submission: Submission, name: str, shapes: tuple[tuple[tuple[int, int], tuple[int, int]], ...]
) -> None:
    """Autograd reaches image and kernel, for an upstream gradient that is not all ones."""
    for seed, (image, kernel) in enumerate(shapes):
        X, K = tensor(*image, seed=seed), tensor(*kernel, seed=seed + 50)
        if seed % 2:  # a factor of zero adds nothing to the result, but something to the gradient
            X[-1, -1] = K[0, 0] = 0  # not where one is multiplied by the other
        X, K = X.requires_grad_(), K.requires_grad_()
        upstream = tensor(image[0] - kernel[0] + 1, image[1] - kernel[1] + 1, seed=seed + 99)
        with_zeros(seed % 2, upstream)
        right, bounds = expected_gradients(X, K, upstream)
        gradients_agree(submission, name, X, K, cotangent=upstream, expected=right, bounds=bounds)
