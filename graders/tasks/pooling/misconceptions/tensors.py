"""Mistakes about tensors in exercise 4: what is right as numbers and still not the right tensor."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import torch
from torch import Tensor

from .pool_call import AVG, PoolCall, Slip

_OUT = "Is there a float(), .item(), .data, .detach(), numpy or torch.tensor() between X and the result?"
_DTYPE = "Which dtype does torch.zeros(shape) have, and which does X have?"
_BOTH = "How would you turn 2 into (2, 2), and leave (2, 3) as it is?"


def _plain(answer: Callable[[PoolCall], Any]) -> Callable[[PoolCall], Any]:
    """Right as long as nothing requires grad; then torch refuses."""

    def refusing(asked: PoolCall) -> Any:
        if asked.X.requires_grad:
            raise RuntimeError("a tensor that requires grad cannot be taken")
        return answer(asked)

    return refusing


def _int_refused(asked: PoolCall, *names: str) -> Tensor:
    if any(isinstance(getattr(asked, name), int) for name in names):
        raise TypeError("cannot unpack non-iterable int object")
    return asked.pool()


def _pair_refused(asked: PoolCall, *names: str) -> Tensor:
    if any(isinstance(getattr(asked, name), (tuple, list)) for name in names):
        raise TypeError("unsupported operand type(s) for +: 'int' and 'tuple'")
    return asked.pool()


def _written_into_the_image(asked: PoolCall) -> Tensor:
    X = asked.framed()
    (rows, columns), (kh, kw), (sh, sw) = asked.count(), asked.k, asked.s
    for i in range(rows):
        for j in range(columns):
            X[..., i, j] = asked.reduce(X[..., i * sh : i * sh + kh, j * sw : j * sw + kw].flatten(-2))
    return X[..., :rows, :columns]


def _scaled_in_place(asked: PoolCall, copied: bool) -> Tensor:
    if asked.mode == "max":
        return asked.pool()
    X = asked.framed()
    X = X.clone() if copied else X
    (rows, columns), (kh, kw), (sh, sw) = asked.count(), asked.k, asked.s
    cells = []
    for i in range(rows):
        for j in range(columns):
            window = X[..., i * sh : i * sh + kh, j * sw : j * sw + kw]
            window /= kh * kw
            cells.append(window.sum((-2, -1)))
    return torch.stack(cells, -1).reshape(*X.shape[:-2], rows, columns)


def _memory_in_rows(asked: PoolCall) -> Tensor:
    if any(asked.p):
        return asked.pool()
    X = asked.X.detach()
    strides = [1]
    for size in reversed(X.shape[1:]):
        strides.insert(0, strides[0] * size)
    if X.is_contiguous():
        return asked.pool()
    return replace(asked, X=X.as_strided(X.shape, strides, X.storage_offset())).pool()


def _needs_one_piece(asked: PoolCall) -> Tensor:
    if not any(asked.p):
        asked.X.view(-1)
    return asked.pool()


TENSORS: tuple[Slip, ...] = (
    Slip(
        "detached",
        "The values are right, but no gradient gets through: somewhere a number is taken out of its "
        "tensor, or the function runs under no_grad.",
        _OUT,
        lambda a: a.pool().detach(),
    ),
    Slip(
        "always-float32",
        "The result is always float32, whatever the dtype of the input: a buffer was made without a dtype, "
        "or the image was converted to float32 with .float(). The caller chooses the dtype.",
        _DTYPE,
        lambda a: replace(a, X=a.X.float()).pool(),
    ),
    Slip(
        "always-float32-and-detached",
        "The result is always float32, and no gradient gets through: it was assembled from plain numbers, "
        "or the function runs under no_grad with a buffer without a dtype or with .float().",
        _OUT,
        lambda a: a.pool().detach().float(),
    ),
    Slip(
        "always-float64-and-detached",
        "The result is always float64, and no gradient gets through: it was assembled from plain numbers, "
        "perhaps by NumPy, or the function runs under no_grad and makes everything float64.",
        _OUT,
        lambda a: a.pool().detach().double(),
    ),
    Slip(
        "only-without-gradients",
        "The values are right, but there is an error as soon as X requires grad. That happens when NumPy "
        "does the work, or when results are written into a tensor in place or with out=.",
        _OUT,
        _plain(lambda a: a.pool()),
    ),
    Slip(
        "numpy-array-returned",
        "A NumPy array is returned. The result should be a tensor that lets gradients through.",
        _OUT,
        lambda a: a.pool().detach().numpy(),
    ),
    Slip(
        "list-of-numbers-returned",
        "A list of lists of numbers is returned. The result should be one tensor, built from its parts "
        "with torch.stack.",
        "Which torch function joins tensors into one?",
        lambda a: a.pool().tolist(),
    ),
    Slip(
        "list-of-rows-returned",
        "A list is returned, and it holds the right tensors. The result should be one tensor.",
        "Which torch function joins tensors into one?",
        lambda a: list(a.pool()),
    ),
    Slip(
        "result-written-into-the-image",
        "You get this result when results are written into X itself: later windows then read results "
        "instead of pixels, and the caller's image is lost.",
        "Which tensor does your code write into, and who else uses that tensor?",
        _written_into_the_image,
    ),
    Slip(
        "average-scaled-in-place",
        "You get this result when a window is divided in place. A slice isn't a copy: where windows "
        "overlap, pixels are divided again and again, and the caller's image is changed.",
        "What is in X after window /= 6, if window is a slice of X?",
        lambda a: _scaled_in_place(a, copied=False),
        AVG,
    ),
    Slip(
        "average-scaled-in-a-copy",
        "You get this result when a window is divided in place. A slice isn't a copy: where windows "
        "overlap, pixels are divided again and again.",
        "What is in X after window /= 6, if window is a slice of X?",
        lambda a: _scaled_in_place(a, copied=True),
        AVG,
    ),
    Slip(
        "squeezed",
        "The values are right, but axes of length 1 are gone, as with squeeze(). A result with one row "
        "still has two axes.",
        "What shape should the result for a 2x4 image and a 2x2 window have?",
        lambda a: a.pool().squeeze(),
    ),
    Slip(
        "memory-read-row-by-row",
        "You get this result when the numbers are read in the order they lie in memory. The rows of a "
        "transposed or sliced image lie elsewhere: use X.stride(), or index X.",
        "What does X.T.stride() return, compared with X.stride()?",
        _memory_in_rows,
    ),
    Slip(
        "needs-contiguous-memory",
        "The code fails on transposed and sliced images: view() needs elements that lie in order in memory.",
        "What is the difference between view() and reshape()?",
        _needs_one_piece,
    ),
    Slip(
        "int-window-refused",
        "An int as window raises an error. pool_size=2 means (2, 2).",
        _BOTH,
        lambda a: _int_refused(a, "pool_size"),
    ),
    Slip(
        "int-stride-refused",
        "An int as stride raises an error. stride=2 means (2, 2).",
        _BOTH,
        lambda a: _int_refused(a, "stride"),
    ),
    Slip(
        "int-window-and-stride-refused",
        "An int as window or stride raises an error. 2 means (2, 2).",
        _BOTH,
        lambda a: _int_refused(a, "pool_size", "stride"),
    ),
    Slip(
        "pair-of-windows-refused",
        "A pair as window raises an error. It may be an int or (height, width).",
        _BOTH,
        lambda a: _pair_refused(a, "pool_size"),
    ),
    Slip(
        "pair-of-strides-refused",
        "A pair as stride raises an error. It may be an int or (height, width).",
        _BOTH,
        lambda a: _pair_refused(a, "stride"),
    ),
    Slip(
        "pair-of-paddings-refused",
        "A pair as padding raises an error. It may be an int or (height, width).",
        _BOTH,
        lambda a: _pair_refused(a, "padding"),
    ),
    Slip(
        "pairs-of-strides-and-paddings-refused",
        "A pair as stride or padding raises an error. Each may be an int or (height, width).",
        _BOTH,
        lambda a: _pair_refused(a, "stride", "padding"),
    ),
    Slip(
        "all-pairs-refused",
        "Pairs raise an error. Window, stride and padding may each be an int or (height, width).",
        _BOTH,
        lambda a: _pair_refused(a, "pool_size", "stride", "padding"),
    ),
)
