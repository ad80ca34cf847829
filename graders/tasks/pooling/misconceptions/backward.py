"""Mistakes about the way back through a pooling."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from graders.diagnosis.catalogue import misconception

from .pool_call import Pair, Size, pair

Share = Callable[[Tensor, Tensor, int, int], Tensor]
"""What a window gets of one number: window, number, row, column of the result -> as large as the window."""


def first_maximum(window: Tensor, value: Tensor, i: int, j: int) -> Tensor:
    """All of it at the first place of the maximum."""
    given = torch.zeros(window.numel(), dtype=value.dtype)
    given[int(window.reshape(-1).argmax())] = value
    return given.reshape(window.shape)


def evenly(window: Tensor, value: Tensor, i: int, j: int) -> Tensor:
    """The same share everywhere."""
    return torch.ones_like(window) * value / window.numel()


def _back(
    grad_Y: Tensor,
    X: Tensor,
    pool_size: Size,
    mode: str,
    stride: Size | None,
    *,
    share: dict[str, Share] | None = None,
    k: Pair | None = None,
    s: Pair | None = None,
    add: bool = True,
    start: Callable[[int, int, Pair, Pair], Pair] | None = None,
) -> Tensor:
    """The right gradient, but for what is given."""
    kh, kw = k or pair(pool_size)
    sh, sw = s or ((kh, kw) if stride is None else pair(stride))
    giving = {"max": first_maximum, "avg": evenly, **(share or {})}[mode]
    grad_X = torch.zeros_like(X, dtype=torch.result_type(X, grad_Y))
    for i in range(grad_Y.shape[0]):
        for j in range(grad_Y.shape[1]):
            top, left = start(i, j, (kh, kw), (sh, sw)) if start else (i * sh, j * sw)
            rows, columns = slice(top, top + kh), slice(left, left + kw)
            given = giving(X[rows, columns], grad_Y[i, j], i, j)
            if add:
                grad_X[rows, columns] += given
            elif mode == "avg":
                grad_X[rows, columns] = given
            else:
                grad_X[rows, columns] = torch.where(given != 0, given, grad_X[rows, columns])
    return grad_X


def _max(share: Share) -> dict[str, Share]:
    return {"max": share}


def _avg(share: Share) -> dict[str, Share]:
    return {"avg": share}


def _last_maximum(window: Tensor, value: Tensor, i: int, j: int) -> Tensor:
    return first_maximum(window.flip(0, 1), value, i, j).flip(0, 1)


def _first_by_columns(window: Tensor, value: Tensor, i: int, j: int) -> Tensor:
    return first_maximum(window.T, value, i, j).T


def _every_maximum(window: Tensor, value: Tensor, i: int, j: int) -> Tensor:
    return (window == window.max()) * value


def _shared_maximum(window: Tensor, value: Tensor, i: int, j: int) -> Tensor:
    tied = window == window.max()
    return tied * value / tied.sum()


def _positive(window: Tensor, value: Tensor, i: int, j: int) -> Tensor:
    return (window > 0) * value


def _if_positive(window: Tensor, value: Tensor, i: int, j: int) -> Tensor:
    return first_maximum(window, value, i, j) * (window.max() > 0)


def _times_the_maximum(window: Tensor, value: Tensor, i: int, j: int) -> Tensor:
    return first_maximum(window, value * window.max(), i, j)


def _the_maximum_itself(window: Tensor, value: Tensor, i: int, j: int) -> Tensor:
    return first_maximum(window, window.max(), i, j)


def _smallest(window: Tensor, value: Tensor, i: int, j: int) -> Tensor:
    return first_maximum(-window, value, i, j)


def _ones(share: Share) -> Share:
    return lambda window, value, i, j: share(window, torch.ones_like(value), i, j)


def _to_all(window: Tensor, value: Tensor, i: int, j: int) -> Tensor:
    return torch.ones_like(window) * value


def _nearly(divisor: Callable[[int, int], float]) -> Share:
    return lambda window, value, i, j: torch.ones_like(window) * value / divisor(*window.shape)


def _times_the_pixels(window: Tensor, value: Tensor, i: int, j: int) -> Tensor:
    return window * value / window.numel()


def _first_place(window: Tensor, value: Tensor, i: int, j: int) -> Tensor:
    given = torch.zeros_like(window, dtype=value.dtype)
    given[0, 0] = value
    return given


def _unravelled(
    grad_Y: Tensor, X: Tensor, k: Pair, s: Pair, by: int, offset: bool, inside: bool = False
) -> Tensor:
    """Max pooling's way back with a row and column made of argmax in a wrong way."""
    grad_X = torch.zeros_like(X, dtype=torch.result_type(X, grad_Y))
    for i in range(grad_Y.shape[0]):
        for j in range(grad_Y.shape[1]):
            top, left = i * s[0], j * s[1]
            row, column = divmod(int(X[top : top + k[0], left : left + k[1]].reshape(-1).argmax()), by)
            if inside:
                row, column = min(row, k[0] - 1), min(column, k[1] - 1)
            grad_X[row + top * offset, column + left * offset] += grad_Y[i, j]
    return grad_X


def _largest_of_all(grad_Y: Tensor, X: Tensor) -> Tensor:
    return X.eq(X.max()) * grad_Y.sum()


def _steps(pool_size: Size, stride: Size | None) -> Pair:
    return pair(pool_size) if stride is None else pair(stride)


def _swapped(two: Pair) -> Pair:
    return two[1], two[0]


_OVERLAP = (
    "Which windows does a pixel lie in when the stride is smaller than the window? What does it get from "
    "each?"
)
_TIE = "A window contains its maximum twice. How does your code choose between the two?"
_PLACE = "argmax counts through the window row by row. Which row and column is element 4 of a 2x3 window?"
_WHERE = "Which pixel must change a little for the maximum of the window to change?"
_CHAIN = "What is grad_Y, and with what weight does a pixel count in a mean?"
_STEP = "In which row and column of X does the window for grad_Y[i, j] start?"

_WAYS: tuple[tuple[str, str, str, Callable[[Tensor, Tensor, Size, str, Size | None], Any]], ...] = (
    (
        "overlaps-lost",
        "You get this result when a later window overwrites what an earlier one contributed: = is used "
        "where += is needed.",
        _OVERLAP,
        lambda g, X, k, m, s: _back(g, X, k, m, s, add=False),
    ),
    (
        "last-of-tied-maxima",
        "You get this result when the last of several equal maxima gets the gradient. It should be the "
        "first, in reading order.",
        _TIE,
        lambda g, X, k, m, s: _back(g, X, k, m, s, share=_max(_last_maximum)),
    ),
    (
        "first-of-tied-maxima-column-by-column",
        "You get this result when, among equal maxima, the first one column by column gets the gradient. "
        "Reading order is row by row.",
        _TIE,
        lambda g, X, k, m, s: _back(g, X, k, m, s, share=_max(_first_by_columns)),
    ),
    (
        "every-tied-maximum",
        "You get this result when every pixel that equals the maximum gets the whole gradient, as with ==. "
        "One pixel in each window should get it, the first.",
        _TIE,
        lambda g, X, k, m, s: _back(g, X, k, m, s, share=_max(_every_maximum)),
    ),
    (
        "tied-maxima-share",
        "You get this result when equal maxima share the gradient. One pixel in each window should get it, "
        "the first.",
        _TIE,
        lambda g, X, k, m, s: _back(g, X, k, m, s, share=_max(_shared_maximum)),
    ),
    (
        "maximum-taken-for-a-relu",
        "You get this result when the gradient goes to all positive numbers, as with a ReLU. For a maximum "
        "it goes to the position of the maximum, whatever its sign.",
        _WHERE,
        lambda g, X, k, m, s: _back(g, X, k, m, s, share=_max(_positive)),
    ),
    (
        "positive-maxima-only",
        "You get this result when a window of negative numbers passes no gradient back. Its maximum has a "
        "position, too.",
        _WHERE,
        lambda g, X, k, m, s: _back(g, X, k, m, s, share=_max(_if_positive)),
    ),
    (
        "gradient-times-the-maximum",
        "You get this result when the gradient is multiplied by the maximum itself. If the largest pixel "
        "grows by a little, the maximum grows by just as much: the factor is 1.",
        _CHAIN,
        lambda g, X, k, m, s: _back(g, X, k, m, s, share=_max(_times_the_maximum)),
    ),
    (
        "maximum-instead-of-gradient",
        "These are the maxima at their positions. The values there should be those of grad_Y.",
        _CHAIN,
        lambda g, X, k, m, s: _back(g, X, k, m, s, share=_max(_the_maximum_itself)),
    ),
    (
        "gradient-to-the-smallest",
        "You get this result when the smallest number of each window gets the gradient.",
        _WHERE,
        lambda g, X, k, m, s: _back(g, X, k, m, s, share=_max(_smallest)),
    ),
    (
        "gradient-to-the-first-place",
        "You get this result when the top left pixel of each window gets the gradient. It belongs to the "
        "maximum.",
        _WHERE,
        lambda g, X, k, m, s: _back(g, X, k, m, s, share=_max(_first_place)),
    ),
    (
        "gradient-of-a-maximum-to-all",
        "You get this result when every pixel of a window gets the whole gradient. Only the largest pixel "
        "matters to a maximum.",
        _WHERE,
        lambda g, X, k, m, s: _back(g, X, k, m, s, share=_max(_to_all)),
    ),
    (
        "largest-of-the-whole-image",
        "You get this result when the position of the largest number in the whole image is used. Each "
        "window has its own maximum.",
        _WHERE,
        lambda g, X, k, m, s: _largest_of_all(g, X) if m == "max" else _back(g, X, k, m, s),
    ),
    (
        "place-unravelled-by-the-height",
        "You get this result when the index from argmax is divided by the height of the window. Elements "
        "are counted row by row, and a row is as long as the window is wide.",
        _PLACE,
        lambda g, X, k, m, s: (
            _unravelled(g, X, pair(k), _steps(k, s), pair(k)[0], True) if m == "max" else _back(g, X, k, m, s)
        ),
    ),
    (
        "place-unravelled-by-the-height-and-kept-inside",
        "You get this result when the index from argmax is divided by the height of the window, and "
        "positions outside the window are moved to its edge. Elements are counted row by row, and a row is "
        "as long as the window is wide.",
        _PLACE,
        lambda g, X, k, m, s: (
            _unravelled(g, X, pair(k), _steps(k, s), pair(k)[0], True, inside=True)
            if m == "max"
            else _back(g, X, k, m, s)
        ),
    ),
    (
        "place-unravelled-by-the-image",
        "You get this result when the index from argmax is divided by the width of the image. It counts "
        "within the window, so a row is as long as the window is wide.",
        _PLACE,
        lambda g, X, k, m, s: (
            _unravelled(g, X, pair(k), _steps(k, s), X.shape[1], True) if m == "max" else _back(g, X, k, m, s)
        ),
    ),
    (
        "place-without-the-window",
        "You get this result when the position within the window is used as the position in the image. Add "
        "where the window starts.",
        _PLACE,
        lambda g, X, k, m, s: (
            _unravelled(g, X, pair(k), _steps(k, s), pair(k)[1], False)
            if m == "max"
            else _back(g, X, k, m, s)
        ),
    ),
    (
        "mean-not-divided",
        "You get this result when every pixel of a mean gets the whole gradient. Each pixel counts only "
        "with weight 1 / (kh * kw).",
        _CHAIN,
        lambda g, X, k, m, s: _back(g, X, k, m, s, share=_avg(_to_all)),
    ),
    (
        "mean-divided-by-height-squared",
        "You get this result when the gradient is divided by the square of the window's height. A window "
        "has height times width elements.",
        _CHAIN,
        lambda g, X, k, m, s: _back(g, X, k, m, s, share=_avg(_nearly(lambda kh, kw: kh * kh))),
    ),
    (
        "mean-divided-by-the-height",
        "You get this result when the gradient is divided by the number of rows of the window. A window "
        "has height times width elements.",
        _CHAIN,
        lambda g, X, k, m, s: _back(g, X, k, m, s, share=_avg(_nearly(lambda kh, kw: kh))),
    ),
    (
        "mean-divided-by-the-image",
        "You get this result when the gradient is divided by the size of the image. It should be divided "
        "by the size of the window.",
        _CHAIN,
        lambda g, X, k, m, s: _back(g, X, k, m, s, share=_avg(_nearly(lambda kh, kw: X.numel()))),
    ),
    (
        "mean-times-the-pixels",
        "You get this result when the gradient of a mean is multiplied by the pixels. A pixel counts with "
        "weight 1 / (kh * kw), whatever its value.",
        _CHAIN,
        lambda g, X, k, m, s: _back(g, X, k, m, s, share=_avg(_times_the_pixels)),
    ),
    (
        "upstream-ignored",
        "You get this result when every element of grad_Y is treated as 1. By the chain rule, each "
        "window's contribution is multiplied by its own element.",
        _CHAIN,
        lambda g, X, k, m, s: _back(g, X, k, m, s, share={"max": _ones(first_maximum), "avg": _ones(evenly)}),
    ),
    (
        "always-back-through-the-maximum",
        'You get this result when the mode is ignored: "avg" should share the gradient among all pixels.',
        "Where does your code use mode?",
        lambda g, X, k, m, s: _back(g, X, k, "max", s),
    ),
    (
        "always-back-through-the-mean",
        'You get this result when the mode is ignored: "max" should give the gradient to the largest pixel.',
        "Where does your code use mode?",
        lambda g, X, k, m, s: _back(g, X, k, "avg", s),
    ),
    (
        "modes-exchanged-on-the-way-back",
        'You get this result when "max" and "avg" are swapped.',
        'Which of the two branches does mode == "max" lead to?',
        lambda g, X, k, m, s: _back(g, X, k, "avg" if m == "max" else "max", s),
    ),
    (
        "stride-ignored-on-the-way-back",
        "You get this result when the window always moves by its own size. Here a stride was given.",
        _STEP,
        lambda g, X, k, m, s: _back(g, X, k, m, None),
    ),
    (
        "stride-one-on-the-way-back",
        "You get this result when the window moves by 1, whatever the stride is.",
        _STEP,
        lambda g, X, k, m, s: _back(g, X, k, m, 1),
    ),
    (
        "stride-defaults-to-one-on-the-way-back",
        "You get this result when the stride defaults to 1. It should default to the window size.",
        _STEP,
        lambda g, X, k, m, s: _back(g, X, k, m, 1 if s is None else s),
    ),
    (
        "stride-exchanged-on-the-way-back",
        "You get this result when the two numbers of the stride are swapped.",
        _STEP,
        lambda g, X, k, m, s: _back(g, X, k, m, s if s is None else _swapped(pair(s))),
    ),
    (
        "first-number-of-the-stride-on-the-way-back",
        "You get this result when the first number of the stride is used for both rows and columns.",
        _STEP,
        lambda g, X, k, m, s: _back(g, X, k, m, s if s is None else pair(s)[0]),
    ),
    (
        "window-exchanged-on-the-way-back",
        "You get this result when height and width of the window are swapped.",
        "A pair is (height, width). Which of its two numbers belongs to the rows?",
        lambda g, X, k, m, s: _back(g, X, k, m, s, k=_swapped(pair(k)), s=_steps(k, s)),
    ),
    (
        "always-float32-on-the-way-back",
        "The gradient is always float32, whatever the dtype of the input: a buffer was made without a "
        "dtype, or the image was converted to float32 with .float().",
        "Which dtype does torch.zeros(shape) have, and which does X have?",
        lambda g, X, k, m, s: _back(g, X, k, m, s).float(),
    ),
    (
        "added-to-the-image",
        "The gradient was added to X itself, so the caller's image is changed. Start from zeros.",
        "Which tensor does your code write into, and who else uses that tensor?",
        lambda g, X, k, m, s: X.add_(_back(g, X, k, m, s)),
    ),
    (
        "gradient-added-to-a-copy-of-the-image",
        "This is the image plus its gradient. Start from zeros, not from a copy of X.",
        "What should the gradient be at a pixel that no window covers?",
        lambda g, X, k, m, s: X + _back(g, X, k, m, s),
    ),
)


def _way(answer: Callable[[Tensor, Tensor, Size, str, Size | None], Any]) -> Callable[..., Any]:
    def pool2d_backward(
        grad_Y: Tensor, X: Tensor, pool_size: Size, mode: str = "max", stride: Size | None = None
    ) -> Any:
        return answer(grad_Y, X, pool_size, mode, stride)

    return pool2d_backward


BACKWARD: tuple[Any, ...] = tuple(
    misconception(name, "pool2d_backward", says=says, hint=hint)(_way(answer))
    for name, says, hint, answer in _WAYS
)
