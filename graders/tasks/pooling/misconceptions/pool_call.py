"""What a pooling is asked, and the right answer with something changed.

A slip is told once and works on the last two axes; `pooling.py` makes a misconception of it for the image,
for channels and for the layers.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F

Pair = tuple[int, int]
Size = int | Pair
Reduce = Callable[[Tensor], Tensor]
INFINITY = float("inf")


def pair(value: Size) -> Pair:
    """`(height, width)`."""
    return (value, value) if isinstance(value, int) else (value[0], value[1])


def maximum(windows: Tensor) -> Tensor:
    """The largest of the last axis."""
    return windows.max(-1).values


def mean(windows: Tensor) -> Tensor:
    """The mean of the last axis."""
    return windows.mean(-1)


@dataclass(frozen=True)
class PoolCall:
    """One call, and the right answer to it with something changed."""

    X: Tensor
    pool_size: Size
    mode: str = "max"
    stride: Size | None = None
    padding: Size = 0

    @property
    def k(self) -> Pair:
        """The window."""
        return pair(self.pool_size)

    @property
    def s(self) -> Pair:
        """The stride."""
        return self.k if self.stride is None else pair(self.stride)

    @property
    def p(self) -> Pair:
        """The padding."""
        return pair(self.padding)

    @property
    def reduce(self) -> Reduce:
        """The summary that the mode asks for."""
        return maximum if self.mode == "max" else mean

    @property
    def fill(self) -> float:
        """What padding counts as."""
        return -INFINITY if self.mode == "max" else 0.0

    def framed(
        self, p: Pair | None = None, fill: float | None = None, frame: tuple[int, ...] | None = None
    ) -> Tensor:
        """The image in its frame, or in another."""
        ph, pw = self.p if p is None else p
        frame = frame or (pw, pw, ph, ph)
        return F.pad(self.X, frame, value=self.fill if fill is None else fill) if any(frame) else self.X

    def pool(
        self, k: Pair | None = None, s: Pair | None = None, reduce: Reduce | None = None, **frame: Any
    ) -> Tensor:
        """The right result, but for what is given."""
        (kh, kw), (sh, sw) = k or self.k, s or self.s
        windows = self.framed(**frame).unfold(-2, kh, sh).unfold(-2, kw, sw)
        return (reduce or self.reduce)(windows.flatten(-2))

    def count(self) -> Pair:
        """Rows and columns of the right result."""
        (kh, kw), (sh, sw), (ph, pw) = self.k, self.s, self.p
        H, W = self.X.shape[-2:]
        return (H + 2 * ph - kh) // sh + 1, (W + 2 * pw - kw) // sw + 1

    def cut(
        self,
        count: Pair | None = None,
        start: Callable[[int, int], Pair] | None = None,
        long: Pair | None = None,
        whole: bool = False,
        image: Tensor | None = None,
    ) -> Tensor:
        """The windows cut out one by one, as slices that the edge of the image makes shorter.

        Args:
            count: of rows and columns.
            start: row and column at which window (i, j) begins.
            long: height and width of each slice.
            whole: a sum divided by the size of the whole window, and not the mean of what is there.
            image: what is cut; the framed image if nothing else.
        """
        P = self.framed() if image is None else image
        rows, columns = count or self.count()
        kh, kw = long or self.k
        start = start or (lambda i, j: (i * self.s[0], j * self.s[1]))
        cells = []
        for i in range(rows):
            for j in range(columns):
                top, left = start(i, j)
                window = P[..., top : top + kh, left : left + kw].flatten(-2)
                if self.mode == "avg" and whole:
                    cells.append(window.sum(-1) / (kh * kw))
                else:
                    cells.append(self.reduce(window))
        if not cells:
            return P.new_empty(*P.shape[:-2], rows, columns)
        return torch.stack(cells, -1).reshape(*P.shape[:-2], rows, columns)


@dataclass(frozen=True)
class Slip:
    """A mistake about pooling.

    Attributes:
        name, says, hint: as of a misconception.
        answer: what it makes of a call.
        modes: in which modes it shows.
    """

    name: str
    says: str
    hint: str
    answer: Callable[[PoolCall], Any]
    modes: tuple[str, ...] = ("max", "avg")


MAX, AVG = ("max",), ("avg",)


def swapped(two: Pair) -> Pair:
    """The pair the other way round."""
    return two[1], two[0]


def first(two: Pair) -> Pair:
    """The first number for both."""
    return two[0], two[0]


PAIR = "A pair is (height, width). Which of its two numbers belongs to the rows, and which to the columns?"
