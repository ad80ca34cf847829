"""Exercise 1: mistakes about convolution.

The layer, the sizes and the other ways to write a convolution have files of their own beside this one.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor
from torch.nn import functional as F

from graders.diagnosis.mistakes import Probe
from graders.diagnosis.written import Slip, entries, marked, misconception
from graders.tasks.convolution_slips import (
    HABITS,
    KERNEL,
    PLACES,
    RECTANGLE,
    SIZE,
    SUM,
    TENSORS,
    after,
    convolution_probes,
)

from . import backward, layer, sizes, vectorized


def right(X: Tensor, K: Tensor) -> Tensor:
    """A right convolution."""
    dtype = torch.result_type(X, K)
    return F.conv2d(X.to(dtype)[None, None], K.to(dtype)[None, None])[0, 0]


def _filled(
    X: Tensor,
    K: Tensor,
    shape: tuple[int, int],
    positions: tuple[int, int],
    cell: Callable[[int, int], Tensor],
) -> Tensor:
    """A buffer of a shape, filled by two loops."""
    Y = torch.zeros(shape, dtype=torch.result_type(X, K))
    for i in range(positions[0]):
        for j in range(positions[1]):
            Y[i, j] = cell(i, j)
    return Y


def _size(X: Tensor, K: Tensor) -> tuple[int, int]:
    return X.shape[0] - K.shape[0] + 1, X.shape[1] - K.shape[1] + 1


# ------------------------------------------------------------------------------------------------- conv2d

_IMAGE = (
    Slip(
        "divided-by-the-sum-of-the-kernel",
        "The result is divided by the sum of the kernel, as if it were a weighted mean. "
        "A convolution is a plain sum of products.",
        "What would the kernel [[1, -1]], whose sum is 0, be divided by?",
        after(lambda Y, K: Y / K.sum()),
    ),
    Slip(
        "returned-from-the-inner-loop",
        "Only the very first number is there: the function returns inside the inner loop, after one window.",
        "How far is the line with return indented, and what is still to be done when it is reached?",
        after(lambda Y, K: F.pad(Y[:1, :1], (0, Y.shape[1] - 1, 0, Y.shape[0] - 1))),
    ),
    Slip(
        "returned-from-the-outer-loop",
        "Only the first row is there: the function returns inside the outer loop, after one row.",
        "How far is the line with return indented, and what is still to be done when it is reached?",
        after(lambda Y, K: F.pad(Y[:1], (0, 0, 0, Y.shape[0] - 1))),
    ),
    Slip(
        "result-in-one-row",
        "The numbers are right, but they come in one long row. The result has a height and a width.",
        "Which shape should the collected numbers be folded into at the end?",
        after(lambda Y, K: Y.flatten()),
    ),
    Slip(
        "batch-and-channel-axes-left-on",
        "The numbers are right, but the result still has a batch axis and a channel axis in front. "
        "X has two axes here, and so has the result.",
        "Which shape did you bring X to, and how do you get back?",
        after(lambda Y, K: Y[None, None]),
    ),
    Slip(
        "channel-axis-left-on",
        "The numbers are right, but the result has an axis more in front. X has two axes here, and so has "
        "the result.",
        "Which shape did you bring X to, and how do you get back?",
        after(lambda Y, K: Y[None]),
    ),
)


@misconception(
    "kernel-indices-exchanged",
    "conv2d",
    says="The kernel is read as K[b, a] where the window is read as [a, b]: the indices are exchanged, or "
    "the diagonal of a matrix product is summed, as in torch.trace(window @ K). That is wrong on square "
    "kernels, and an error on others.",
    hint="Which of the two indices of K goes down, and which goes to the right?",
)
def kernel_indices_exchanged(X: Tensor, K: Tensor) -> Tensor:
    if K.shape[0] != K.shape[1]:
        raise IndexError("index is out of bounds")
    return right(X, K.mT.contiguous())


@misconception(
    "kernel-height-and-width-exchanged",
    "conv2d",
    says="The height of the kernel is taken for its width. On square kernels all is well; others do not even "
    "meet a window of their own shape.",
    hint="Which number comes first in K.shape, the height or the width?",
)
def kernel_height_and_width_exchanged(X: Tensor, K: Tensor) -> Tensor:
    kw, kh = K.shape
    size = X.shape[0] - kh + 1, X.shape[1] - kw + 1
    return _filled(X, K, size, size, lambda i, j: (X[i : i + kh, j : j + kw] * K).sum())


@misconception(
    "image-height-and-width-exchanged",
    "conv2d",
    says="The height of the image is taken for its width. On square images all is well; on others the "
    "windows run over the edge.",
    hint=RECTANGLE,
)
def image_height_and_width_exchanged(X: Tensor, K: Tensor) -> Tensor:
    kh, kw = K.shape
    size = X.shape[1] - kh + 1, X.shape[0] - kw + 1
    return _filled(X, K, size, size, lambda i, j: (X[i : i + kh, j : j + kw] * K).sum())


@misconception(
    "buffer-transposed",
    "conv2d",
    says="The tensor for the result has its height and its width exchanged. It fits square results only; "
    "with others an index is out of range.",
    hint=RECTANGLE,
)
def buffer_transposed(X: Tensor, K: Tensor) -> Tensor:
    if len(set(_size(X, K))) > 1:
        raise IndexError("index is out of bounds")
    return right(X, K)


@misconception(
    "kernel-height-for-both-axes",
    "conv2d",
    says="The height of the kernel, K.shape[0], is used for its width as well. That holds for square kernels "
    "only; a kernel has a height and a width.",
    hint="What do K.shape[0] and K.shape[1] say of the kernel [[1, -1]]?",
)
def kernel_height_for_both_axes(X: Tensor, K: Tensor) -> Tensor:
    k = K.shape[0]
    size = X.shape[0] - k + 1, X.shape[1] - k + 1
    return _filled(X, K, size, size, lambda i, j: (X[i : i + k, j : j + k] * K).sum())


@misconception(
    "kernel-width-for-both-axes",
    "conv2d",
    says="The width of the kernel, K.shape[1], is used for its height as well. That holds for square kernels "
    "only; a kernel has a height and a width.",
    hint="What do K.shape[0] and K.shape[1] say of the kernel [[1, -1]]?",
)
def kernel_width_for_both_axes(X: Tensor, K: Tensor) -> Tensor:
    k = K.shape[1]
    size = X.shape[0] - k + 1, X.shape[1] - k + 1
    return _filled(X, K, size, size, lambda i, j: (X[i : i + k, j : j + k] * K).sum())


@misconception(
    "loops-of-kernel-height-for-both-axes",
    "conv2d",
    says="Both loops over the kernel run to its height, K.shape[0]. That holds for square kernels only: of a "
    "wider one a part is left out, and in a narrower one an index is out of range.",
    hint="What do K.shape[0] and K.shape[1] say of the kernel [[1, -1]]?",
)
def loops_of_kernel_height_for_both_axes(X: Tensor, K: Tensor) -> Tensor:
    k = K.shape[0]
    if k > K.shape[1]:
        raise IndexError("index is out of bounds")
    return right(X, K[:k, :k])


@misconception(
    "smaller-side-of-the-kernel-for-both-axes",
    "conv2d",
    says="Of a kernel that is not square only a square part is used. A kernel has a height and a width of "
    "its own.",
    hint="What do K.shape[0] and K.shape[1] say of the kernel [[1, -1]]?",
)
def smaller_side_of_the_kernel_for_both_axes(X: Tensor, K: Tensor) -> Tensor:
    k = min(K.shape)
    return right(X, K[:k, :k])


@misconception(
    "height-of-the-result-for-both-axes",
    "conv2d",
    says="The result is square, as high as wide: its height was computed and used for its width as well. "
    "Height and width each go their own way.",
    hint=RECTANGLE,
)
def height_of_the_result_for_both_axes(X: Tensor, K: Tensor) -> Tensor:
    kh, kw = K.shape
    n = X.shape[0] - kh + 1
    return _filled(X, K, (n, n), (n, n), lambda i, j: (X[i : i + kh, j : j + kw] * K).sum())


@misconception(
    "width-of-the-result-for-both-axes",
    "conv2d",
    says="The result is square, as wide as high: its width was computed and used for its height as well. "
    "Height and width each go their own way.",
    hint=RECTANGLE,
)
def width_of_the_result_for_both_axes(X: Tensor, K: Tensor) -> Tensor:
    kh, kw = K.shape
    n = X.shape[1] - kw + 1
    return _filled(X, K, (n, n), (n, n), lambda i, j: (X[i : i + kh, j : j + kw] * K).sum())


@misconception(
    "windows-cut-at-the-border",
    "conv2d",
    says="The loops run over the whole image, so that the last windows stick out of it and are cut off. A "
    "cut window either does not fit the kernel or is stretched over it; only whole windows count.",
    hint=PLACES,
)
def windows_cut_at_the_border(X: Tensor, K: Tensor) -> Tensor:
    kh, kw = K.shape
    high, wide = X.shape
    return _filled(X, K, (high, wide), (high, wide), lambda i, j: (X[i : i + kh, j : j + kw] * K).sum())


@misconception(
    "image-overwritten",
    "conv2d",
    says="The image is changed while it is read: a slice is no copy, and window *= K paints over the "
    "image. All later windows then see the painted one.",
    hint="Does X still hold the same numbers after the call? Which line writes into it?",
)
def image_overwritten(X: Tensor, K: Tensor) -> Tensor:
    kh, kw = K.shape

    def painted(i: int, j: int) -> Tensor:
        window = X[i : i + kh, j : j + kw]
        window *= K
        return window.sum()

    return _filled(X, K, _size(X, K), _size(X, K), painted)


@misconception(
    "matrix-product-of-the-window",
    "conv2d",
    says="Window and kernel are multiplied as matrices, with @ or matmul. They are multiplied number by "
    "number, with *, and then summed.",
    hint="How many products does a window of 2 × 2 make, and which numbers meet in them?",
)
def matrix_product_of_the_window(X: Tensor, K: Tensor) -> Tensor:
    kh, kw = K.shape
    return _filled(X, K, _size(X, K), _size(X, K), lambda i, j: (X[i : i + kh, j : j + kw] @ K).sum())


@misconception(
    "rows-laid-end-to-end",
    "conv2d",
    says="This is a one-dimensional convolution over all rows laid end to end. What lies side by side in "
    "memory need not lie side by side in the image: the second row of a window begins one line below.",
    hint="In X.flatten(), how far is a pixel from the one below it?",
)
def rows_laid_end_to_end(X: Tensor, K: Tensor) -> Tensor:
    dtype = torch.result_type(X, K)
    return F.conv1d(X.to(dtype).reshape(1, 1, -1), K.to(dtype).reshape(1, 1, -1))[0, 0]


@misconception(
    "the-first-window-only",
    "conv2d",
    says="This is the answer of one window, the first. The kernel slides over the whole image, and every "
    "place gives a number.",
    hint="At how many places does a kernel of 2 × 3 fit into an image of 3 × 5?",
)
def the_first_window_only(X: Tensor, K: Tensor) -> Tensor:
    return right(X, K)[0, 0]


@misconception(
    "sum-of-all-windows",
    "conv2d",
    says="The answers of all windows are added up to one number. Every place keeps its own number.",
    hint="Where do you set the sum back to zero before the next window?",
)
def sum_of_all_windows(X: Tensor, K: Tensor) -> Tensor:
    return right(X, K).sum()


@misconception(
    "sums-carried-on",
    "conv2d",
    says="Each number holds the sums of all windows before it as well: the sum is not set back to zero "
    "before the next window.",
    hint="Where do you set the sum back to zero, and which loop is that line in?",
)
def sums_carried_on(X: Tensor, K: Tensor) -> Tensor:
    Y = right(X, K)
    return Y.flatten().cumsum(0).reshape(Y.shape)


@misconception(
    "sums-carried-along-the-row",
    "conv2d",
    says="Each number holds the sums of the windows to its left as well: the sum is set back to zero once "
    "in a row, and not before each window.",
    hint="Where do you set the sum back to zero, and which loop is that line in?",
)
def sums_carried_along_the_row(X: Tensor, K: Tensor) -> Tensor:
    return right(X, K).cumsum(1)


# ---------------------------------------------------------------------------------------- entries, probes

ENTRIES = (
    *entries("conv2d", "conv2d", right, (*KERNEL, *SUM, *SIZE, *_IMAGE), habits=HABITS),
    *entries("conv2d", "conv2d", right, TENSORS),
    *marked(globals()),
    *layer.entries_of(right, (*KERNEL, *SUM, *SIZE)),
    *sizes.ENTRIES,
    *vectorized.entries_of(right, (*KERNEL, *SUM, *SIZE)),
    *backward.ENTRIES,
)

PROBES: dict[str, tuple[Probe, ...]] = {
    "conv2d": convolution_probes(
        "conv2d",
        ((4, 6), (2, 3)),
        ((5, 4), (3, 2)),
        ((4, 4), (2, 2)),
        ((3, 5), (2, 2)),
        ((5, 5), (2, 3)),
        ((4, 4), (4, 2)),
        ((4, 5), (1, 2)),
    ),
    **layer.PROBES,
    **sizes.PROBES,
    **vectorized.PROBES,
    **backward.PROBES,
}
