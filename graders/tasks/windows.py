"""A window that moves over an image, as a pipeline of named steps, and what goes wrong with any such window.

Convolution and pooling differ in how far the window moves by itself, in what lies around the image, and in
what becomes of one window; they share everything else: how arguments are read, the frame, strides, sizes,
channels, batches, and habits about tensors.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F

from graders.diagnosis.pipeline import Call, Slip, Slips, after, refusing, step

Pair = tuple[int, int]
Size = int | Pair
Way = Callable[["Windows"], Any]

ALL, BUT_LAST = slice(None), slice(-1)


def pair(value: Any) -> Pair:
    """`(height, width)`."""
    return (value, value) if isinstance(value, int) else (value[0], value[1])


def swapped(two: Pair) -> Pair:
    """The pair the other way round."""
    return two[1], two[0]


def first(two: Pair) -> Pair:
    """The first number for both."""
    return two[0], two[0]


def second(two: Pair) -> Pair:
    """The second number for both."""
    return two[1], two[1]


class Windows(Call):
    """One call: read the arguments, put a frame around the image, place and cut windows, combine each.

    `X` is an image with any number of axes in front; a subclass says `k`, the size of the window, `combined`,
    what a block of whole windows becomes, and `cell`, what a single one becomes.
    """

    X: Tensor
    stride: Any = None
    padding: Any = 0
    k: Pair

    @step
    def default(self) -> Pair:
        """How far the window moves if nobody says anything."""
        return 1, 1

    @step
    def given(self) -> Pair | None:
        """The stride that was asked for."""
        return None if self.stride is None else pair(self.stride)

    @step
    def s(self) -> Pair:
        """The stride."""
        return self.given or self.default

    @step
    def p(self) -> Pair:
        """The padding."""
        return pair(self.padding)

    @step
    def extent(self) -> Pair:
        """How many rows and columns a window spans."""
        return self.k

    @step
    def frame(self) -> tuple[int, ...]:
        """How many columns and rows are added: left, right, top, bottom."""
        return self.p[1], self.p[1], self.p[0], self.p[0]

    @step
    def fill(self) -> float:
        """What the frame is made of."""
        return 0.0

    @step
    def image(self) -> Tensor:
        """The image in its frame."""
        return F.pad(self.X, self.frame, value=self.fill) if any(self.frame) else self.X

    @step
    def fits(self) -> Callable[[int, int, int], int]:
        """How many windows of `k` fit into `n` if they move by `s`."""
        return lambda n, k, s: (n - k) // s + 1

    @step
    def lengths(self) -> Pair:
        """Rows and columns that the size is computed from."""
        (H, W), (ph, pw) = self.X.shape[-2:], self.p
        return H + 2 * ph, W + 2 * pw

    @step
    def count(self) -> Pair:
        """Rows and columns of the result."""
        rows, columns = (self.fits(*one) for one in zip(self.lengths, self.extent, self.s, strict=True))
        return rows, columns

    @step
    def start(self) -> Callable[[int, int], Pair]:
        """Row and column at which window (i, j) begins."""
        return lambda i, j: (i * self.s[0], j * self.s[1])

    @step
    def long(self) -> Pair:
        """Rows and columns of a slice."""
        return self.k

    @step
    def blocks(self) -> Tensor:
        """All windows at once: two axes that say which, then two within."""
        (kh, kw), (sh, sw) = self.k, self.s
        return self.image.unfold(-2, kh, sh).unfold(-2, kw, sw)

    @step
    def combined(self) -> Callable[[Tensor], Any]:
        """What a block of windows becomes."""
        raise NotImplementedError

    @step
    def cell(self) -> Callable[[Tensor], Any]:
        """What one window becomes."""
        raise NotImplementedError

    @step
    def way(self) -> Way:
        """How the steps are gone through."""
        return all_at_once

    @step
    def result(self) -> Any:
        return self.way(self)


def all_at_once(call: Windows) -> Any:
    """Whole windows in one block."""
    return call.combined(call.blocks)


def one_by_one(call: Windows) -> Tensor:
    """Each window cut out as a slice, which the image's edge may shorten."""
    P, (rows, columns), (kh, kw) = call.image, call.count, call.long
    cells = []
    for i in range(rows):
        for j in range(columns):
            top, left = call.start(i, j)
            cells.append(call.cell(P[..., top : top + kh, left : left + kw]))
    if not cells:
        return P.new_empty(*P.shape[:-2], rows, columns)
    return torch.stack(cells, -1).reshape(*cells[0].shape, rows, columns)


# ------------------------------------------------------------------------------------------- how to slip


def cut(change: Callable[[Any], dict[str, Any]]) -> Slip:
    """A slip in a loop over the windows: the steps that are other than they should be."""
    return lambda a: a.but(way=one_by_one, **change(a))


def zeros_outside(*where: Any) -> Slip:
    """Only a part of the result is filled."""

    def masked(Y: Tensor) -> Tensor:
        mask = torch.zeros_like(Y)
        mask[(..., *where)] = 1
        return Y * mask

    return after(masked)


def refused(kind: type, *names: str) -> Slip:
    """Arguments of a kind raise what arithmetic with them would."""
    return refusing(lambda a: any(isinstance(getattr(a, name), kind) for name in names), TypeError)


def ceiling(n: int, k: int, s: int) -> int:
    """Windows that begin inside, rounded up."""
    return -(-(n - k) // s) + 1


def filled_up(a: Windows) -> Windows:
    """The last, partial window is completed by zeros."""
    P, b = a.image, a.but(fits=ceiling)
    more = [(c - 1) * s + e - n for c, s, e, n in zip(b.count, a.s, a.extent, P.shape[-2:], strict=True)]
    return b.but(image=F.pad(P, (0, max(more[1], 0), 0, max(more[0], 0))))


def replicated(a: Windows) -> Windows:
    """The frame repeats the border."""
    rows, columns = (
        torch.arange(-p, n + p).clamp(0, n - 1) for p, n in zip(a.p, a.X.shape[-2:], strict=True)
    )
    return a.but(X=a.X[..., rows, :][..., columns], s=a.s, p=(0, 0))


def read_in_order(X: Tensor) -> Tensor:
    """What one reads if one takes the numbers to lie in memory row by row."""
    return (
        X if X.is_contiguous() else X.as_strided(X.shape, torch.empty(X.shape).stride(), X.storage_offset())
    )


# ---------------------------------------------------------------------- slips of every window that moves

STRIDES: Slips = {
    "stride-ignored": lambda a: a.but(s=a.default),
    "stride-exchanged": lambda a: a.but(s=swapped(a.given) if a.given else a.s),
    "first-number-of-the-stride-for-both": lambda a: a.but(s=first(a.s)),
    "stride-in-the-size-only": cut(lambda a: {"start": lambda i, j: (i, j)}),
    "leftover-edge-filled-with-zeros": filled_up,
}

PADDINGS: Slips = {
    "padding-ignored": lambda a: a.but(p=(0, 0)),
    "padding-exchanged": lambda a: a.but(p=swapped(a.p)),
    "first-number-of-the-padding-for-both": lambda a: a.but(p=first(a.p)),
    "padding-above-and-below-only": lambda a: a.but(p=(a.p[0], 0)),
    "padding-left-and-right-only": lambda a: a.but(p=(0, a.p[1])),
    "padding-counted-once": lambda a: a.but(frame=(a.p[1], 0, a.p[0], 0)),
    "padding-at-the-end-only": lambda a: a.but(frame=(0, a.p[1], 0, a.p[0])),
    "padding-twice-at-the-end": lambda a: a.but(frame=(0, 2 * a.p[1], 0, 2 * a.p[0])),
    "padding-doubled": lambda a: a.but(p=(2 * a.p[0], 2 * a.p[1])),
    "padding-around-the-result": lambda a: a.but(p=(0, 0)).then(
        lambda Y: F.pad(Y, (a.p[1], a.p[1], a.p[0], a.p[0]))
    ),
    "border-repeated": replicated,
}

SIZES: Slips = {
    "last-row-and-column-left-zero": zeros_outside(BUT_LAST, BUT_LAST),
    "one-window-too-few": after(lambda Y: Y[..., :-1, :-1]),
    "only-the-first-cell": zeros_outside(slice(1), slice(1)),
    "only-the-first-row": zeros_outside(slice(1), ALL),
    "result-made-as-width-by-height": refusing(lambda a: len(set(a.count)) > 1, IndexError),
    "result-transposed": after(lambda Y: Y.mT),
}

# What is right as numbers, and still not the right tensor; met together with any other mistake.
HABITS: Slips = {
    "detached": after(lambda Y: Y.detach()),
    "always-float32": after(lambda Y: Y.float()),
    "always-float32-and-detached": after(lambda Y: Y.detach().float()),
    "numpy-array-returned": after(lambda Y: Y.detach().numpy()),
    "list-of-numbers-returned": after(lambda Y: Y.tolist()),
    "squeezed": after(lambda Y: Y.squeeze()),
}
