"""Mistakes about any convolution, for one image or a batch, with one channel or many.

They change a right function `(X, K, …)` whose last two axes are height and width.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F

from graders.diagnosis.mistakes import Probe
from graders.diagnosis.observing import calls, settled
from graders.diagnosis.written import Change, Function, Slip
from graders.testing.strategies import tensor

ORDER = "Which number of the kernel does the first pixel of the window meet, the first or the last?"
PLACES = "How many places are there for a window of 2 in a row of 3 pixels?"
CONNECTED = "Is there a float(), .item(), .data, .detach(), numpy or torch.tensor() between X and the result?"
DTYPE = "Which dtype does torch.zeros(shape) have, and which does torch.result_type(X, K) tell?"
VIEWS = "What does X.T share with X, and what differs? Which of your operations look at the memory itself?"
RECTANGLE = "What comes out, step by step, for an image of 3 rows and 5 columns?"


def before(change: Callable[[Tensor, Tensor], tuple[Tensor, Tensor]]) -> Change:
    """Image and kernel are changed before a right convolution."""

    def make(right: Function) -> Function:
        return lambda X, K, *rest, **options: right(*change(X, K), *rest, **options)

    return make


def after(change: Callable[[Tensor, Tensor], Any]) -> Change:
    """The result is changed; the change sees result and kernel."""

    def make(right: Function) -> Function:
        return lambda X, K, *rest, **options: change(right(X, K, *rest, **options), K)

    return make


def _only(Y: Tensor, rows: slice, columns: slice) -> Tensor:
    """The result, with zeros outside the given rows and columns."""
    mask = torch.zeros_like(Y)
    mask[..., rows, columns] = 1
    return Y * mask


def _per_window(K: Tensor) -> int:
    return K[0].numel() if K.dim() == 4 else K.numel()


def _frame(X: Tensor, top: int, bottom: int, left: int, right: int) -> Tensor:
    return F.pad(X, (left, right, top, bottom))


def _same(X: Tensor, K: Tensor) -> tuple[Tensor, Tensor]:
    kh, kw = K.shape[-2:]
    return _frame(X, (kh - 1) // 2, kh // 2, (kw - 1) // 2, kw // 2), K


def _same_from_the_front(X: Tensor, K: Tensor) -> tuple[Tensor, Tensor]:
    kh, kw = K.shape[-2:]
    return _frame(X, kh // 2, (kh - 1) // 2, kw // 2, (kw - 1) // 2), K


def _half(X: Tensor, K: Tensor) -> tuple[Tensor, Tensor]:
    kh, kw = K.shape[-2:]
    return _frame(X, kh // 2, kh // 2, kw // 2, kw // 2), K


def _sums(X: Tensor, K: Tensor) -> tuple[Tensor, Tensor]:
    total = K.sum(dim=(1, 2, 3), keepdim=True) if K.dim() == 4 else K.sum()
    return X, torch.ones_like(K) * total


def _masked(K: Tensor, rows: slice, columns: slice) -> Tensor:
    mask = torch.zeros_like(K)
    mask[..., rows, columns] = 1
    return K * mask


_ALL = slice(None)
_BUT_LAST = slice(None, -1)

KERNEL = (
    Slip(
        "kernel-flipped",
        "This is what one gets when the kernel is turned by 180° first, as in the textbook convolution. "
        "In deep learning the kernel is not flipped.",
        ORDER,
        before(lambda X, K: (X, K.flip(-2, -1))),
    ),
    Slip(
        "kernel-flipped-horizontally",
        "This is what one gets when each row of the kernel is read backwards. "
        "Window and kernel are both read from left to right.",
        ORDER,
        before(lambda X, K: (X, K.flip(-1))),
    ),
    Slip(
        "kernel-flipped-vertically",
        "This is what one gets when the rows of the kernel are read from the last to the first. "
        "Window and kernel are both read from top to bottom.",
        ORDER,
        before(lambda X, K: (X, K.flip(-2))),
    ),
    Slip(
        "kernel-transposed",
        "This is what one gets when rows and columns of the kernel are exchanged. "
        "The first index counts rows, for the kernel as for the image.",
        "Which of the two indices of K[a, b] goes down, and which goes to the right?",
        before(lambda X, K: (X, K.mT)),
    ),
    Slip(
        "last-kernel-row-and-column-missed",
        "This is what one gets when the last row and the last column of the kernel take no part. "
        "A range ends before its end, so range(kh) already stops at kh - 1.",
        "Which numbers does range(3 - 1) run through, and which does a kernel of 3 need?",
        before(lambda X, K: (X, _masked(K, _BUT_LAST, _BUT_LAST))),
    ),
    Slip(
        "last-product-only",
        "This is what one gets when each product overwrites the one before it, so that only the last "
        "remains. The products of a window are added up.",
        "In the innermost loop, what happens to the product before when the next one is stored?",
        before(lambda X, K: (X, _masked(K, slice(-1, None), slice(-1, None)))),
    ),
)

SUM = (
    Slip(
        "mean-instead-of-sum",
        "This is what one gets when the products of a window are averaged. A convolution adds them up.",
        "What should a kernel of ones do to a window of ones?",
        before(lambda X, K: (X, K / _per_window(K))),
    ),
    Slip(
        "sum-times-sum",
        "This is what one gets when the sum of the window is multiplied by the sum of the kernel. "
        "First each pixel is multiplied by its own number of the kernel, then comes the sum.",
        "Does your result change when two numbers of the kernel change places? Should it?",
        before(_sums),
    ),
    Slip(
        "absolute-value",
        "This is the absolute value of the right result. A negative answer is a real answer: it tells the "
        "direction.",
        "What does the sign of the result say about an edge?",
        after(lambda Y, K: Y.abs()),
    ),
    Slip(
        "negatives-cut-off",
        "This is the right result with its negative numbers set to zero. "
        "That is what an activation function does; a convolution keeps them.",
        "What should the kernel [[1, -1]] answer where the image goes from black to white?",
        after(lambda Y, K: Y.relu()),
    ),
)

SIZE = (
    Slip(
        "last-row-and-column-left-zero",
        "The last row and the last column were never filled: the loops end one position too early, "
        "at H - kh in place of H - kh + 1.",
        PLACES,
        after(lambda Y, K: _only(Y, _BUT_LAST, _BUT_LAST)),
    ),
    Slip(
        "last-row-left-zero",
        "The last row was never filled: the loop over the rows ends one position too early.",
        PLACES,
        after(lambda Y, K: _only(Y, _BUT_LAST, _ALL)),
    ),
    Slip(
        "last-column-left-zero",
        "The last column was never filled: the loop over the columns ends one position too early.",
        PLACES,
        after(lambda Y, K: _only(Y, _ALL, _BUT_LAST)),
    ),
    Slip(
        "first-row-and-column-left-zero",
        "The first row and the first column were never filled: the loops begin at 1, and Python counts "
        "from 0.",
        "Which numbers does range(1, n) run through, and which one is missing?",
        after(lambda Y, K: _only(Y, slice(1, None), slice(1, None))),
    ),
    Slip(
        "one-window-too-few",
        "The result is one row and one column too small: the + 1 in the output size is missing.",
        PLACES,
        after(lambda Y, K: Y[..., :-1, :-1]),
    ),
    Slip(
        "one-row-too-few",
        "The result is one row too small: the + 1 is missing in its height, and in its height only.",
        PLACES,
        after(lambda Y, K: Y[..., :-1, :]),
    ),
    Slip(
        "one-column-too-few",
        "The result is one column too small: the + 1 is missing in its width, and in its width only.",
        PLACES,
        after(lambda Y, K: Y[..., :-1]),
    ),
    Slip(
        "one-window-too-many",
        "The result has one row and one column too many, which no window filled. "
        "A window of kh rows fits into H rows at H - kh + 1 places.",
        PLACES,
        after(lambda Y, K: _frame(Y, 0, 1, 0, 1)),
    ),
    Slip(
        "buffer-of-image-size",
        "The result is as large as the image and ends in rows and columns of zeros that no window filled. "
        "A convolution without padding makes the image smaller.",
        PLACES,
        after(lambda Y, K: _frame(Y, 0, K.shape[-2] - 1, 0, K.shape[-1] - 1)),
    ),
    Slip(
        "same-size-by-a-frame",
        "This is what one gets with a frame of zeros around the image, so that the result is as large as the "
        "image. Here nothing is padded: only windows that lie inside the image count.",
        "How large is the result if every window must lie inside the image?",
        before(_same),
    ),
    Slip(
        "same-size-by-a-frame-larger-in-front",
        "This is what one gets with kh // 2 rows and kw // 2 columns of zeros in front and the rest behind, "
        "so that the result is as large as the image. Here nothing is padded: only windows that lie inside "
        "the image count.",
        "How large is the result if every window must lie inside the image?",
        before(_same_from_the_front),
    ),
    Slip(
        "padded-by-half-the-kernel",
        "This is what one gets when half the kernel size is padded on every side. "
        "Here nothing is padded: only windows that lie inside the image count.",
        "How large is the result if every window must lie inside the image?",
        before(_half),
    ),
    Slip(
        "padded-at-the-end",
        "This is what one gets when windows may stick out below and to the right, with zeros outside. "
        "Only windows that lie inside the image count.",
        "How large is the result if every window must lie inside the image?",
        before(lambda X, K: (_frame(X, 0, K.shape[-2] - 1, 0, K.shape[-1] - 1), K)),
    ),
    Slip(
        "every-overlap-counted",
        "This is what one gets when every overlap of kernel and image counts, even of a single pixel. "
        "Only windows that lie entirely inside the image count.",
        "How large is the result if every window must lie inside the image?",
        before(
            lambda X, K: (
                _frame(X, *[K.shape[-2] - 1] * 2, *[K.shape[-1] - 1] * 2),
                K,
            )
        ),
    ),
    Slip(
        "windows-side-by-side",
        "This is what one gets when the window moves on by its own size, as in pooling. "
        "In a convolution it moves on by one pixel, and windows overlap.",
        "By how many pixels does the window move from Y[0, 0] to Y[0, 1]?",
        after(lambda Y, K: Y[..., :: K.shape[-2], :: K.shape[-1]]),
    ),
    Slip(
        "height-and-width-of-the-result-exchanged",
        "The result is transposed: its height and its width are exchanged. "
        "On square images one sees no wrong shape, but the numbers are in the wrong places.",
        RECTANGLE,
        after(lambda Y, K: Y.mT),
    ),
    Slip(
        "axes-of-length-one-lost",
        "Axes of length one are missing in the result, as .squeeze() leaves them out. "
        "A result of one row still has a height and a width.",
        "What does .squeeze() do to a result of shape (1, 3), and what to one of shape (2, 3)?",
        after(lambda Y, K: Y.squeeze()),
    ),
)

DETACHED = Slip(
    "detached",
    "The values are right, but autograd cannot get through: somewhere a number is taken out of its tensor, "
    "or the function runs under no_grad.",
    CONNECTED,
    after(lambda Y, K: Y.detach()),
    with_habits=False,
)

FLOAT32 = Slip(
    "always-float32",
    "The result is always float32, whatever comes in: a buffer was made without a dtype, or the inputs were "
    "turned into float32 by .float().",
    DTYPE,
    after(lambda Y, K: Y.float()),
    with_habits=False,
)

PLAIN_NUMBERS = Slip(
    "detached-and-always-float32",
    "The result is always float32, and autograd cannot get through: the numbers were taken out of their "
    "tensors and put into a new one, or the function runs under no_grad.",
    CONNECTED,
    after(lambda Y, K: Y.detach().float()),
    with_habits=False,
)

# What is met together with any other mistake, and says nothing of that one.
HABITS = (FLOAT32, PLAIN_NUMBERS)


def _contiguous(strided: Tensor) -> Tensor:
    """What one reads if one takes the numbers to lie in order."""
    strides = torch.empty(strided.shape).stride()
    return strided.as_strided(strided.shape, strides)


def _viewed(value: Tensor) -> Tensor:
    return value.view(-1).view(value.shape)


def _refusing_mixed(X: Tensor, K: Tensor) -> tuple[Tensor, Tensor]:
    if X.dtype != K.dtype:
        torch.zeros(1, dtype=X.dtype) @ torch.zeros(1, dtype=K.dtype)
    return X, K


def _of_kernel(right: Function) -> Function:
    return lambda X, K, *rest, **options: right(X, K, *rest, **options).to(K.dtype)


def _of_image(right: Function) -> Function:
    return lambda X, K, *rest, **options: right(X, K, *rest, **options).to(X.dtype)


TENSORS = (
    DETACHED,
    FLOAT32,
    PLAIN_NUMBERS,
    Slip(
        "a-new-leaf",
        "The result asks for a gradient but does not pass it on to X and K: it is a new tensor made from "
        "numbers.",
        "What does torch.tensor(…, requires_grad=True) know about where its numbers come from?",
        after(lambda Y, K: Y.detach().float().requires_grad_()),
        with_habits=False,
    ),
    Slip(
        "image-detached",
        "The gradient reaches the kernel but not the image: X is cut off before it is used.",
        "Which operation takes X out of autograd's notes, and is it needed?",
        before(lambda X, K: (X.detach(), K)),
        with_habits=False,
    ),
    Slip(
        "kernel-detached",
        "The gradient reaches the image but not the kernel: K is cut off before it is used.",
        "Which operation takes K out of autograd's notes, and is it needed?",
        before(lambda X, K: (X, K.detach())),
        with_habits=False,
    ),
    Slip(
        "always-float64",
        "The result is always float64, whatever comes in. It should have the dtype torch.result_type(X, K).",
        "Where do you choose a dtype yourself (numpy does so, too), and which one would the inputs ask for?",
        after(lambda Y, K: Y.double()),
        with_habits=False,
    ),
    Slip(
        "dtype-of-the-kernel",
        "The result takes its dtype from the kernel alone. For a float image and a kernel of whole numbers "
        "that makes whole numbers of it.",
        "Which dtype should a float image and the kernel torch.tensor([[1, -1]]) give?",
        _of_kernel,
        with_habits=False,
    ),
    Slip(
        "dtype-of-the-image",
        "The result takes its dtype from the image alone, so a float64 kernel on a float32 image loses its "
        "precision. It should be torch.result_type(X, K).",
        "Which dtype should a float32 image and a float64 kernel give?",
        _of_image,
        with_habits=False,
    ),
    Slip(
        "same-dtype-demanded",
        "Image and kernel must have the same dtype here: matrix products and einsum refuse a mixture. "
        "Bring both to torch.result_type(X, K) first.",
        "What happens with a float image and the kernel torch.tensor([[1, -1]])?",
        before(_refusing_mixed),
        with_habits=False,
    ),
    Slip(
        "image-must-be-contiguous",
        "An image that is a transposed or sliced view is refused: .view() needs numbers that lie in order. "
        ".reshape() does not.",
        VIEWS,
        before(lambda X, K: (_viewed(X), K)),
        with_habits=False,
    ),
    Slip(
        "kernel-must-be-contiguous",
        "A kernel that is a transposed or sliced view is refused: .view() needs numbers that lie in order. "
        ".reshape() does not.",
        VIEWS,
        before(lambda X, K: (X, _viewed(K))),
        with_habits=False,
    ),
    Slip(
        "image-and-kernel-must-be-contiguous",
        "Transposed and sliced views are refused: .view() needs numbers that lie in order. .reshape() does "
        "not.",
        VIEWS,
        before(lambda X, K: (_viewed(X), _viewed(K))),
        with_habits=False,
    ),
    Slip(
        "memory-of-the-image-taken-in-order",
        "Transposed and sliced images give wrong numbers: the strides were taken to be those of a tensor "
        "whose numbers lie in order. X.stride() tells the real ones.",
        VIEWS,
        before(lambda X, K: (_contiguous(X), K)),
        with_habits=False,
    ),
    Slip(
        "list-returned",
        "The numbers are right, but they come as a Python list. The result should be a tensor.",
        "How can the collected numbers become one tensor without losing their gradient?",
        after(lambda Y, K: Y.tolist()),
        with_habits=False,
    ),
    Slip(
        "numpy-array-returned",
        "The result is a numpy array. It should be a tensor, computed from tensors all the way.",
        "Which line leaves torch, and is there an operation of torch for it?",
        after(lambda Y, K: Y.detach().numpy()),
        with_habits=False,
    ),
)


# ------------------------------------------------------------------------------------------------- probes


def convolution_probes(
    name: str,
    plain: tuple[tuple[int, ...], tuple[int, ...]],
    *more: tuple[tuple[int, ...], tuple[int, ...]],
    mixed: bool = True,
) -> tuple[Probe, ...]:
    """Values, gradients, dtypes and layouts of `name(X, K)`; on all but the first sizes values alone."""
    image, kernel = plain
    sizes = (*(() if len(image) < 4 else image[:1]), *kernel[: len(kernel) - 3 if len(kernel) > 2 else 0])
    cotangent = tensor(*sizes, *(n - k + 1 for n, k in zip(image[-2:], kernel[-2:], strict=True)), seed=77)
    one, two = torch.float32, torch.float64

    def pair(
        seed: int, image: tuple[int, ...] = image, kernel: tuple[int, ...] = kernel
    ) -> tuple[Tensor, Tensor]:
        return tensor(*image, seed=seed), tensor(*kernel, seed=seed + 1)

    X, K = pair(1)
    Z, L = (value.requires_grad_() for value in pair(3))
    whole = tensor(*kernel, seed=6).long()
    turned = {"layout": "transposed"}
    asked = (
        calls(name, X, K),
        *(calls(name, *pair(11 + 2 * n, *sizes)) for n, sizes in enumerate(more)),
        calls(name, Z, L, cotangent=cotangent),
        calls(name, X.to(two), K.to(two)),
        *((calls(name, X, whole), calls(name, X.to(one), K.to(two))) if mixed else ()),
        calls(name, tensor(*image, seed=7, **turned), K),  # type: ignore[arg-type]
        calls(name, X, tensor(*kernel, seed=8, **turned)),  # type: ignore[arg-type]
        calls(name, tensor(*image, seed=9, layout="sliced"), tensor(*kernel, seed=10, layout="sliced")),
    )
    return tuple(settled(probe) for probe in asked)
