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
        "The values are right, but autograd cannot get through: somewhere a number is taken out of its "
        "tensor, or the function runs under no_grad.",
        _OUT,
        lambda a: a.pool().detach(),
    ),
    Slip(
        "always-float32",
        "The result is always float32, whatever comes in: a buffer was made without a dtype, or the image "
        "was turned "
        "into float32 by .float(). The dtype is the caller's.",
        _DTYPE,
        lambda a: replace(a, X=a.X.float()).pool(),
    ),
    Slip(
        "always-float32-and-detached",
        "The result is always float32, and autograd cannot get through: it was put together from plain "
        "numbers, or the function runs under no_grad with a buffer without a dtype or .float().",
        _OUT,
        lambda a: a.pool().detach().float(),
    ),
    Slip(
        "always-float64-and-detached",
        "The result is always float64, and autograd cannot get through: it was put together from plain "
        "numbers, perhaps by numpy, or the function runs under no_grad and makes everything float64.",
        _OUT,
        lambda a: a.pool().detach().double(),
    ),
    Slip(
        "only-without-gradients",
        "The values are right, but there is an error as soon as X requires grad. This is what one gets "
        "when numpy "
        "does the work, or when results are written into a tensor in place or by out=.",
        _OUT,
        _plain(lambda a: a.pool()),
    ),
    Slip(
        "numpy-array-returned",
        "A numpy array comes back. The result should be a tensor, with the gradients that come with it.",
        _OUT,
        lambda a: a.pool().detach().numpy(),
    ),
    Slip(
        "list-of-numbers-returned",
        "A list of lists of numbers comes back. The result should be one tensor, made by torch.stack from "
        "its parts.",
        "Which function of torch puts tensors side by side into one?",
        lambda a: a.pool().tolist(),
    ),
    Slip(
        "list-of-rows-returned",
        "A list comes back, and it holds the right tensors. The result should be one tensor.",
        "Which function of torch puts tensors side by side into one?",
        lambda a: list(a.pool()),
    ),
    Slip(
        "result-written-into-the-image",
        "This is what one gets when the result is written into X itself: later windows then read results "
        "instead of "
        "pixels, and the caller's image is gone.",
        "Into which tensor does your code write, and who else holds that tensor?",
        _written_into_the_image,
    ),
    Slip(
        "average-scaled-in-place",
        "This is what one gets when a window is divided in place. A slice is no copy: where windows overlap, "
        "pixels are divided again and again, and the caller's image is changed.",
        "What is in X after window /= 6, if window is a slice of X?",
        lambda a: _scaled_in_place(a, copied=False),
        AVG,
    ),
    Slip(
        "average-scaled-in-a-copy",
        "This is what one gets when a window is divided in place. A slice is no copy: where windows overlap, "
        "pixels are divided again and again.",
        "What is in X after window /= 6, if window is a slice of X?",
        lambda a: _scaled_in_place(a, copied=True),
        AVG,
    ),
    Slip(
        "squeezed",
        "The numbers are right, but axes of length 1 are gone, as squeeze() does it. A result of one row "
        "still has "
        "two axes.",
        "What shape should the result of a 2x4 image and a 2x2 window have?",
        lambda a: a.pool().squeeze(),
    ),
    Slip(
        "memory-read-row-by-row",
        "This is what one gets when the numbers are read as they lie in memory. The rows of a transposed "
        "or sliced "
        "image lie elsewhere: ask X.stride(), or index X.",
        "What does X.T.stride() say, compared with X.stride()?",
        _memory_in_rows,
    ),
    Slip(
        "needs-contiguous-memory",
        "There is an error for transposed and sliced images: view() takes only what lies in memory in one "
        "piece.",
        "What is the difference between view() and reshape()?",
        _needs_one_piece,
    ),
    Slip(
        "int-window-refused",
        "A window given as one number fails. pool_size=2 means (2, 2).",
        _BOTH,
        lambda a: _int_refused(a, "pool_size"),
    ),
    Slip(
        "int-stride-refused",
        "A stride given as one number fails. stride=2 means (2, 2).",
        _BOTH,
        lambda a: _int_refused(a, "stride"),
    ),
    Slip(
        "int-window-and-stride-refused",
        "A window or a stride given as one number fails. 2 means (2, 2).",
        _BOTH,
        lambda a: _int_refused(a, "pool_size", "stride"),
    ),
    Slip(
        "pair-of-windows-refused",
        "A window given as a pair fails. It may be one number, or (height, width).",
        _BOTH,
        lambda a: _pair_refused(a, "pool_size"),
    ),
    Slip(
        "pair-of-strides-refused",
        "A stride given as a pair fails. It may be one number, or (height, width).",
        _BOTH,
        lambda a: _pair_refused(a, "stride"),
    ),
    Slip(
        "pair-of-paddings-refused",
        "A padding given as a pair fails. It may be one number, or (height, width).",
        _BOTH,
        lambda a: _pair_refused(a, "padding"),
    ),
    Slip(
        "pairs-of-strides-and-paddings-refused",
        "A stride or a padding given as a pair fails. It may be one number, or (height, width).",
        _BOTH,
        lambda a: _pair_refused(a, "stride", "padding"),
    ),
    Slip(
        "all-pairs-refused",
        "Pairs fail. Window, stride and padding may be one number each, or (height, width).",
        _BOTH,
        lambda a: _pair_refused(a, "pool_size", "stride", "padding"),
    ),
)
