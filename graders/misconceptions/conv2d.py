"""Exercise 1: mistaken thoughts about convolution, its sizes, its module and its gradients."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from ..strategies import tensor
from ..subject import Submission
from . import misconception

_FLIP = "Which number of the kernel does the first pixel of the window meet, the first or the last?"


def _loops(X: Tensor, K: Tensor, cell: Callable[[Tensor, Tensor], Tensor]) -> Tensor:
    """A right convolution but for what happens in one window."""
    kh, kw = K.shape
    rows = [
        torch.stack([cell(X[i : i + kh, j : j + kw], K) for j in range(X.shape[1] - kw + 1)])
        for i in range(X.shape[0] - kh + 1)
    ]
    return torch.stack(rows)


def _right(X: Tensor, K: Tensor) -> Tensor:
    return _loops(X, K, lambda window, kernel: (window * kernel).sum())


# ------------------------------------------------------------------------------------------------- conv2d


@misconception(
    "kernel-flipped",
    "conv2d",
    says="This is what one gets when the kernel is turned by 180° first, as in the textbook convolution. "
    "In deep learning the kernel is not flipped.",
    hint=_FLIP,
)
def kernel_flipped(X: Tensor, K: Tensor) -> Tensor:
    return _right(X, K.flip(0, 1))


@misconception(
    "kernel-flipped-horizontally",
    "conv2d",
    says="This is what one gets when each row of the kernel is read backwards.",
    hint=_FLIP,
)
def kernel_flipped_horizontally(X: Tensor, K: Tensor) -> Tensor:
    return _right(X, K.flip(1))


@misconception(
    "kernel-flipped-vertically",
    "conv2d",
    says="This is what one gets when the rows of the kernel are read from the last to the first.",
    hint=_FLIP,
)
def kernel_flipped_vertically(X: Tensor, K: Tensor) -> Tensor:
    return _right(X, K.flip(0))


@misconception(
    "mean-instead-of-sum",
    "conv2d",
    says="This is what one gets when the products of a window are averaged. A convolution adds them up.",
    hint="What should a kernel of ones do to a window of ones?",
)
def mean_instead_of_sum(X: Tensor, K: Tensor) -> Tensor:
    return _loops(X, K, lambda window, kernel: (window * kernel).mean())


@misconception(
    "last-row-and-column-left-zero",
    "conv2d",
    says="The last row and the last column were never filled: the loops end one position too early.",
    hint="How many places are there for a window of 2 in a row of 3 pixels?",
)
def last_row_and_column_left_zero(X: Tensor, K: Tensor) -> Tensor:
    inner = _right(X, K)
    mask = torch.zeros_like(inner)
    mask[:-1, :-1] = 1
    return inner * mask


@misconception(
    "one-window-too-few",
    "conv2d",
    says="The result is one row and one column too small: the + 1 in the output size is missing.",
    hint="How many places are there for a window of 2 in a row of 3 pixels?",
)
def one_window_too_few(X: Tensor, K: Tensor) -> Tensor:
    return _right(X, K)[:-1, :-1]


@misconception(
    "absolute-value",
    "conv2d",
    says="This is the absolute value of the result. A negative answer is a real answer: it tells the direction.",
    hint="What does the sign of the result say about an edge?",
)
def absolute_value(X: Tensor, K: Tensor) -> Tensor:
    return _right(X, K).abs()


@misconception(
    "detached",
    "conv2d",
    says="The values are right, but autograd cannot get through: somewhere a number is taken out of its tensor.",
    hint="Is there a float(), .item(), .data, .detach(), numpy or torch.tensor() between X and the result?",
)
def detached(X: Tensor, K: Tensor) -> Tensor:
    return _right(X, K).detach()


@misconception(
    "always-float32",
    "conv2d",
    says="The result is always float32, whatever comes in: a buffer was made without a dtype.",
    hint="Which dtype does torch.zeros(shape) have, and which does X have?",
)
def always_float32(X: Tensor, K: Tensor) -> Tensor:
    return _right(X, K).float()


# ------------------------------------------------------------------------------------------------ entries

ENTRIES: tuple[Any, ...] = (
    kernel_flipped,
    kernel_flipped_horizontally,
    kernel_flipped_vertically,
    mean_instead_of_sum,
    last_row_and_column_left_zero,
    one_window_too_few,
    absolute_value,
    detached,
    always_float32,
)


# ------------------------------------------------------------------------------------------------- probes


def _convolution(name: str, X: Tensor, K: Tensor) -> Callable[[Submission], Any]:
    """Values, gradients and arguments at one image and kernel."""
    cotangent = tensor(X.shape[0] - K.shape[0] + 1, X.shape[1] - K.shape[1] + 1, seed=77)

    def probe(submission: Submission) -> Any:
        reply = submission.ask(name, X, K, cotangent=cotangent, return_arguments=True)
        return reply

    return probe


def _image_probes(name: str) -> tuple[Callable[[Submission], Any], ...]:
    return (
        _convolution(name, tensor(3, 5, seed=1).requires_grad_(), tensor(2, 3, seed=2).requires_grad_()),
        _convolution(name, tensor(5, 4, seed=3), tensor(3, 2, seed=4)),
        _convolution(name, tensor(4, 4, seed=5), tensor(2, 2, seed=6)),
        _convolution(name, tensor(4, 6, seed=7, dtype=torch.float64), tensor(2, 3, seed=8, dtype=torch.float64)),
        _convolution(name, tensor(4, 5, seed=9), torch.tensor([[1, -1]])),
        _convolution(name, tensor(4, 5, seed=10, layout="transposed"), tensor(2, 3, seed=11, layout="transposed")),
    )


PROBES: dict[str, tuple[Callable[[Submission], Any], ...]] = {"conv2d": _image_probes("conv2d")}

