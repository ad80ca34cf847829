"""Exercise 1, continued: mistakes about convolution without loops."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import torch
from torch import Tensor

from graders.diagnosis.mistakes import Probe
from graders.diagnosis.observing import counted, effort
from graders.diagnosis.written import Function, Slip, entries, entry
from graders.tasks.convolution_slips import FLOAT32, PLACES, TENSORS, convolution_probes
from graders.testing.strategies import tensor

# --------------------------------------------------------------------------------------- conv2d_vectorized

_AXES = "X.unfold(0, kh, 1).unfold(1, kw, 1) has four axes. What does each of them count?"
_GROWS = "How many operations are there for an image of 6 × 7, and how many for one of 24 × 25?"


def _windows(X: Tensor, K: Tensor) -> tuple[Tensor, Tensor]:
    dtype = torch.result_type(X, K)
    return X.to(dtype).unfold(0, K.shape[0], 1).unfold(1, K.shape[1], 1), K.to(dtype)


def _by_windows(change: Callable[[Tensor, Tensor], Tensor]) -> Function:
    return lambda X, K: change(*_windows(X, K))


def _flat(windows: Tensor, K: Tensor) -> Tensor:
    """Windows whose numbers come in another order than the kernel's, and a result folded back."""
    return (windows.reshape(*windows.shape[:2], -1) * K.reshape(-1)).sum(-1)


def _lists(X: Tensor, K: Tensor) -> Tensor:
    """Right values from plain Python numbers."""
    numbers, kernel = X.tolist(), K.tolist()
    rows = []
    for i in range(len(numbers) - len(kernel) + 1):
        row = []
        for j in range(len(numbers[0]) - len(kernel[0]) + 1):
            total = 0.0
            for a in range(len(kernel)):
                for b in range(len(kernel[0])):
                    total += numbers[i + a][j + b] * kernel[a][b]
            row.append(total)
        rows.append(row)
    return torch.tensor(rows, dtype=torch.result_type(X, K))


_by_lists = counted(_lists)


def _looping(right: Function) -> Function:
    """The same answer, found with a loop over the positions."""

    def conv2d_vectorized(X: Tensor, K: Tensor) -> Any:
        result = right(X, K)
        for i in range(X.shape[0] - K.shape[0] + 1):
            for j in range(X.shape[1] - K.shape[1] + 1):
                X[i : i + 1, j : j + 1].sum()
        return result

    return counted(conv2d_vectorized)


_LOOPS = Slip(
    "loops-over-the-image",
    "It still loops over the positions: a larger image takes more operations. Without a loop, all windows "
    "are handled by the same few.",
    _GROWS,
    _looping,
)

_VECTORIZED: tuple[tuple[str, Function, str, str], ...] = (
    (
        "columns-unfolded-first",
        lambda X, K: _flat(*_columns_first(X, K)),
        "The windows are unfolded along the columns first, so that within each window rows and columns are "
        "exchanged; the kernel's are not.",
        _AXES,
    ),
    (
        "windows-transposed",
        _by_windows(lambda windows, K: (windows.mT * K).sum(dim=(2, 3))),
        "Within each window rows and columns are exchanged. On square kernels that gives wrong numbers, "
        "and others do not fit.",
        _AXES,
    ),
    (
        "summed-over-the-positions",
        _by_windows(lambda windows, K: (windows * K).sum(dim=(0, 1))),
        "The sum runs over the positions of the window and not over the numbers in it: the result has the "
        "shape of the kernel.",
        _AXES,
    ),
    (
        "summed-over-one-axis",
        _by_windows(lambda windows, K: (windows * K).sum(dim=-1)),
        "The sum runs over the columns of each window only. Its rows have to be summed over, too.",
        _AXES,
    ),
    (
        "summed-over-everything",
        _by_windows(lambda windows, K: (windows * K).sum()),
        "The sum runs over all axes, so one number remains. Only the two axes within a window are summed "
        "over.",
        _AXES,
    ),
    (
        "window-axes-in-between",
        _by_windows(lambda windows, K: _flat(windows.permute(0, 2, 1, 3).reshape(windows.shape), K)),
        "The four axes are in another order than thought: window rows stand where the columns of the result "
        "should. reshape does not bring axes into order, permute does.",
        _AXES,
    ),
    (
        "result-folded-with-width-first",
        _by_windows(lambda windows, K: _flat(windows, K).reshape(windows.shape[1], windows.shape[0])),
        "The numbers are right and in order, but folded into the wrong shape: width and height are "
        "exchanged in the last reshape.",
        "Which comes first in a shape, the height or the width?",
    ),
    (
        "result-in-one-row",
        _by_windows(lambda windows, K: _flat(windows, K).flatten()),
        "The numbers are right, but they come in one long row. They have to be folded into height and width.",
        "Which shape should the numbers be folded into at the end?",
    ),
    (
        "result-in-one-column",
        _by_windows(lambda windows, K: _flat(windows, K).reshape(-1, 1)),
        "The numbers are right, but they come in one long column. They have to be folded into height and "
        "width.",
        "Which shape should the numbers be folded into at the end?",
    ),
    (
        "batch-and-channel-axes-left-on",
        _by_windows(lambda windows, K: _flat(windows, K)[None, None]),
        "The numbers are right, but the result still has a batch axis and a channel axis in front.",
        "Which shape did you bring X to, and how do you get back?",
    ),
    (
        "batch-axis-left-on",
        _by_windows(lambda windows, K: _flat(windows, K)[None]),
        "The numbers are right, but the result has an axis more in front.",
        "Which shape did you bring X to, and how do you get back?",
    ),
    (
        "last-shift-missed",
        lambda X, K: _flat(*_windows(X, K)) - X[K.shape[0] - 1 :, K.shape[1] - 1 :] * K[-1, -1],
        "The very last number of the kernel takes no part: one shifted piece of the image is missing.",
        "How many shifted pieces does a kernel of 2 × 3 need?",
    ),
    (
        "shifted-pieces-too-short",
        lambda X, K: _shifted_too_short(X, K),
        "The shifted pieces of the image are one row and one column too small: the one that begins at row a "
        "ends at H - kh + 1 + a. And the result takes its dtype from the image, since K[a, b] is a number "
        "without axes, which does not decide about the dtype.",
        PLACES,
    ),
    (
        "loops-over-plain-numbers",
        _by_lists,
        "It computes with plain Python numbers: a larger image takes more steps of Python, and autograd "
        "cannot get through.",
        _GROWS,
    ),
    (
        "loops-over-plain-numbers-and-always-float32",
        lambda X, K: _by_lists(X, K).float(),
        "It computes with plain Python numbers and makes a new tensor of them: a larger image takes more "
        "steps of Python, autograd cannot get through, and the result is always float32.",
        _GROWS,
    ),
)


def _shifted_too_short(X: Tensor, K: Tensor) -> Tensor:
    (H, W), (kh, kw) = X.shape, K.shape
    pieces = [X[a : H - kh + a, b : W - kw + b] * K[a, b] for a in range(kh) for b in range(kw)]
    return torch.stack(pieces).sum(0)


def _columns_first(X: Tensor, K: Tensor) -> tuple[Tensor, Tensor]:
    dtype = torch.result_type(X, K)
    return X.to(dtype).unfold(1, K.shape[1], 1).unfold(0, K.shape[0], 1), K.to(dtype)


# ---------------------------------------------------------------------------------------- entries, probes


def _right(X: Tensor, K: Tensor) -> Tensor:
    return _flat(*_windows(X, K))


def entries_of(right: Function, slips: Iterable[Slip]) -> tuple[Any, ...]:
    """Wrong convolutions without loops."""
    slips = [*slips, _LOOPS]
    return (
        *entries("conv2d", "conv2d_vectorized", right, slips, habits=(FLOAT32,), prefix="vectorized-"),
        *entries("conv2d", "conv2d_vectorized", right, TENSORS, prefix="vectorized-"),
        *(
            entry("conv2d", "conv2d_vectorized", f"vectorized-{name}", wrong, says, hint)
            for name, wrong, says, hint in _VECTORIZED
        ),
    )


PROBES: dict[str, tuple[Probe, ...]] = {
    "conv2d_vectorized": (
        *convolution_probes(
            "conv2d_vectorized", ((4, 6), (2, 3)), ((5, 4), (3, 2)), ((4, 4), (2, 2)), ((4, 4), (4, 2))
        ),
        effort(
            "conv2d_vectorized", _right, *((tensor(n, n + 1, seed=n), tensor(3, 2, seed=2)) for n in (6, 12))
        ),
    ),
}
