"""Gradient descent on a kernel as a formula, and how far an answer may be off.

The bounds come from the rounding errors of one step, carried through the later steps by the linear map
I - lr·H, which enlarges nothing below the stable limit.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

import hypothesis.strategies as st
import torch
from torch import Tensor
from torch.nn import functional as F

from graders.tasks.single_images import SMALL
from graders.testing import tolerance
from graders.testing.expect import NotWritten, references_agree, that
from graders.testing.strategies import Values, pairwise, seeds, tensor, with_zeros
from solutions import kernel_learning as reference

Size = int | tuple[int, int]

# (H, W), (kh, kw): rectangular both ways, one row, one by one, square, a kernel that fills the image.
SHAPES = (
    ((4, 6), (2, 3)),
    ((6, 3), (3, 1)),
    ((5, 8), (1, 2)),
    ((3, 4), (1, 1)),
    ((5, 5), (2, 2)),
    ((3, 4), (3, 4)),
)


@dataclass(frozen=True)
class Case:
    """One question: an image, a target, a start and a learning rate."""

    weight: Tensor
    X: Tensor
    Y: Tensor
    lr: float


@dataclass(frozen=True)
class Descent:
    """What gradient descent must give, in float64, and how far an answer may be off."""

    kernel: Tensor
    kernel_bound: Tensor
    losses: list[float]
    loss_bounds: list[float]


def convolution(X: Tensor, K: Tensor) -> Tensor:
    """`conv2d` of one image."""
    return F.conv2d(X[None, None], K[None, None])[0, 0]


def hessian(X: Tensor, size: Sequence[int]) -> Tensor:
    """The second derivative of the summed squared error, float64; neither `Y` nor the kernel matters."""
    A = F.unfold(X.double()[None, None], (size[0], size[1]))[0]
    return 2 * A @ A.T


def stable_limit(X: Tensor, size: Sequence[int]) -> float:
    """2 / λ_max, by formula, checked against the reference."""
    limit = 2 / float(torch.linalg.eigvalsh(hessian(X, size))[-1])
    theirs = reference.max_stable_lr(X.double(), (size[0], size[1]))
    references_agree(torch.tensor(theirs), torch.tensor(limit), torch.tensor(1e-9 * limit))
    return limit


def descent(case: Case, epochs: int, dtype: torch.dtype) -> Descent:
    """`epochs` steps from `case.weight`, by formula, with bounds for an answer computed in `dtype`."""
    weight, X, Y = (value.detach().double() for value in (case.weight, case.X, case.Y))
    H = hessian(X, weight.shape)
    growth = float((1 - case.lr * torch.linalg.eigvalsh(H)).abs().max())
    terms = weight.numel() + Y.numel() + 8
    carried = torch.zeros((), dtype=torch.float64)
    losses, loss_bounds = [], []
    bound = torch.zeros_like(weight)
    for _ in range(epochs):
        residual = Y - convolution(X, weight)
        # The norms allow for convolutions by FFT, whose error is relative to the norms.
        magnitude = Y.abs() + convolution(X.abs(), weight.abs()) + X.norm() * weight.norm()
        gradient = -2 * convolution(X, residual)
        rounding = tolerance.products(2 * (magnitude**2).sum(), terms, dtype)
        losses.append(float((residual**2).sum()))
        drift = gradient.norm() * carried + torch.linalg.matrix_norm(H, 2) * carried**2 / 2
        loss_bounds.append(float(rounding + drift))
        absolute = weight.abs() + 2 * case.lr * convolution(X.abs(), magnitude)
        bound = tolerance.products(absolute, terms, dtype)
        carried = growth * carried + bound.norm()
        weight = weight - case.lr * gradient
        bound = torch.maximum(bound, carried.expand_as(bound))
    return Descent(weight, bound, losses, loss_bounds)


def expected(case: Case, epochs: int = 1, dtype: torch.dtype = torch.float32) -> Descent:
    """The result of `descent`, after checking that the reference agrees."""
    right, exact = descent(case, epochs, dtype), descent(case, epochs, torch.float64)
    weight, X, Y = (value.detach().double() for value in (case.weight, case.X, case.Y))
    size = (weight.shape[0], weight.shape[1])
    kernel, losses = reference.learn_kernel(X, Y, size, num_epochs=epochs, lr=case.lr, init=weight)
    references_agree(kernel, right.kernel, 2 * exact.kernel_bound)
    every = torch.tensor(losses, dtype=torch.float64), torch.tensor(right.losses, dtype=torch.float64)
    references_agree(*every, 2 * torch.tensor(exact.loss_bounds, dtype=torch.float64))
    return right


def make_case(
    image: tuple[int, int],
    kernel: tuple[int, int],
    *,
    seed: int,
    share: float = 0.7,
    dtype: torch.dtype = torch.float32,
    integers: bool = False,
    zeros: int = 0,
) -> Case:
    """A case at `share` times the stable limit; `Y` is random, so some error always remains."""
    values: Values = "integers" if integers else "normal"
    X = tensor(*image, seed=seed, values=values, dtype=dtype)
    weight = tensor(*kernel, seed=seed + 1, values=values, dtype=dtype)
    Y = tensor(image[0] - kernel[0] + 1, image[1] - kernel[1] + 1, seed=seed + 2, values=values, dtype=dtype)
    with_zeros(zeros, weight, Y)
    # A short number reads better in a message; rounding leaves it below the limit.
    return Case(weight, X, Y, float(f"{share * stable_limit(X, kernel):.2g}"))


@st.composite
def cases(draw: st.DrawFn) -> Case:
    """Random cases below the stable limit."""
    kh, kw = draw(st.integers(1, 3)), draw(st.integers(1, 3))
    image = (kh + draw(st.integers(0, 3)), kw + draw(st.integers(0, 3)))
    share = draw(st.sampled_from((0.5, 0.1, 0.9)))
    integers = draw(st.booleans())
    return make_case(image, (kh, kw), seed=draw(seeds()), share=share, integers=integers)


@cache
def sweep(most_epochs: int = 1) -> tuple[tuple[Case, Descent], ...]:
    """Cases in which every two sizes or settings that `cases` could draw occur together, with right answers.

    The answers come from the formula alone, because the reference takes as long as a submission.
    """
    rows = pairwise(
        {
            "kh": range(1, 4),
            "kw": range(1, 4),
            "more_h": range(4),
            "more_w": range(4),
            "share": (0.5, 0.1, 0.9),
            "integers": (True, False),
            "epochs": range(1, most_epochs + 1),
        }
    )
    found = []
    for seed, row in enumerate(
        sorted(rows, key=lambda row: row["kh"] + row["kw"] + row["more_h"] + row["more_w"])
    ):
        kernel = (row["kh"], row["kw"])
        image = (row["kh"] + row["more_h"], row["kw"] + row["more_w"])
        options = {key: row[key] for key in ("share", "integers")}
        case = make_case(image, kernel, seed=10 * seed, **options)
        found.append((case, descent(case, row["epochs"], torch.float32)))
    for seed, (image, kernel) in enumerate(SMALL):
        case = make_case(image, kernel, seed=10 * seed + 5, integers=True)
        found.append((case, descent(case, 1, torch.float32)))
    return tuple(found)


def titled(name: str, **arguments: Any) -> str:
    """`train_step(weight of shape (2, 3), X of shape (4, 6), Y of shape (3, 4), lr=0.01)`."""
    parts = []
    for label, value in arguments.items():
        if isinstance(value, Tensor):
            notes = [f"{label} of shape {tuple(value.shape)}"]
            notes += [] if value.dtype == torch.float32 else [str(value.dtype).removeprefix("torch.")]
            notes += [] if value.is_contiguous() else ["not contiguous"]
            notes += ["requiring grad"] if value.requires_grad else []
            parts.append(", ".join(notes))
        else:
            parts.append(f"{label}={value!r}")
    return f"{name}({', '.join(parts)})"


def pair_of(value: Any, *, title: str, names: str) -> tuple[Any, Any]:
    """Unpack a result that must be a pair."""
    if value is None:
        raise NotWritten
    right = isinstance(value, (tuple, list)) and len(value) == 2
    that(right, call=title, aspect="type", sentence=f"It should return a pair {names}.")
    return value[0], value[1]
