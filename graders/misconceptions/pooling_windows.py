"""Mistaken thoughts about windows, strides, padding and summaries, wherever in exercise 4 something is pooled.

A thought is told once and works on the last two axes; `pooling.py` makes a misconception of it for the image,
for channels and for the layers.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
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
class Asked:
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
class Thought:
    """A mistake about pooling.

    Attributes:
        name, says, hint: as of a misconception.
        answer: what it makes of a call.
        modes: in which modes it shows.
    """

    name: str
    says: str
    hint: str
    answer: Callable[[Asked], Any]
    modes: tuple[str, ...] = ("max", "avg")


MAX, AVG = ("max",), ("avg",)


def _other(asked: Asked) -> Asked:
    return replace(asked, mode="avg" if asked.mode == "max" else "max")


def _steps(
    asked: Asked, given: Callable[[Pair], Pair], left_away: Callable[[Pair], Pair] | None = None
) -> Pair:
    """The stride seen through a mistake, which may treat the default in another way."""
    return (left_away or given)(asked.k) if asked.stride is None else given(pair(asked.stride))


def _swapped(two: Pair) -> Pair:
    return two[1], two[0]


def _first(two: Pair) -> Pair:
    return two[0], two[0]


def _ceiling(n: int, k: int, s: int) -> int:
    return -(-(n - k) // s) + 1


def _edge_kept(asked: Asked) -> Pair:
    H, W = asked.framed().shape[-2:]
    return _ceiling(H, asked.k[0], asked.s[0]), _ceiling(W, asked.k[1], asked.s[1])


def _every_step(asked: Asked) -> Pair:
    H, W = asked.framed().shape[-2:]
    return _ceiling(H, 1, asked.s[0]), _ceiling(W, 1, asked.s[1])


def _edge_of_zeros(asked: Asked) -> Tensor:
    rows, columns = _edge_kept(asked)
    P = asked.framed()
    more = (
        (rows - 1) * asked.s[0] + asked.k[0] - P.shape[-2],
        (columns - 1) * asked.s[1] + asked.k[1] - P.shape[-1],
    )
    return asked.cut(count=(rows, columns), image=F.pad(P, (0, more[1], 0, more[0])))


def _only(asked: Asked, rows: int | None, columns: int | None) -> Tensor:
    """Zero everywhere but in the first rows and columns."""
    Y = asked.pool()
    mask = torch.zeros_like(Y)
    mask[..., :rows, :columns] = 1
    return Y * mask


def _replicated(asked: Asked) -> Tensor:
    (ph, pw), (H, W) = asked.p, asked.X.shape[-2:]
    rows, columns = torch.arange(-ph, H + ph).clamp(0, H - 1), torch.arange(-pw, W + pw).clamp(0, W - 1)
    return replace(asked, X=asked.X[..., rows, :][..., columns], padding=0, stride=asked.s).pool()


def _mean_of_what_is_there(asked: Asked) -> Tensor:
    there = replace(asked, X=torch.ones_like(asked.X)).pool()
    return asked.pool() if asked.mode == "max" else asked.pool() / there


def _exchanged_size(asked: Asked) -> Tensor:
    rows, columns = asked.count()
    if rows != columns:
        raise IndexError(
            f"index {min(rows, columns)} is out of bounds for dimension 0 with size {min(rows, columns)}"
        )
    return asked.pool()


def _divided_by(asked: Asked, divisor: Callable[[int, int], float]) -> Tensor:
    kh, kw = asked.k
    return asked.pool() if asked.mode == "max" else asked.pool() * (kh * kw) / divisor(kh, kw)


_DEFAULT = "If nobody says a stride, how far does the window move so that windows lie side by side?"
_ROUND = "Put windows of 2 side by side on a row of 5 pixels: how many whole ones fit, and what is left over?"
_PAIR = "A pair is (height, width). Which of its two numbers belongs to the rows, and which to the columns?"
_FRAME = "Draw the image with its frame. On which sides is it, how wide is it, and what stands in it?"
_MEAN = "How many numbers were added up in one window? What is the mean of a window of ones?"
_PLACE = "Write down in which row and column the window for Y[1, 2] begins when the stride is (2, 3)."

SIZES: tuple[Thought, ...] = (
    Thought(
        "stride-defaults-to-one",
        "This is what one gets when the window moves by 1 as long as no stride is given. "
        "The stride of a pooling defaults to the window.",
        _DEFAULT,
        lambda a: a.pool(s=_steps(a, lambda s: s, lambda k: (1, 1))),
    ),
    Thought(
        "stride-ignored",
        "This is what one gets when the window always moves by its own size. Here a stride was given.",
        "Where in your code does the argument stride arrive at the place where a window is cut out?",
        lambda a: a.pool(s=a.k),
    ),
    Thought(
        "stride-always-one",
        "This is what one gets when the window moves by 1, whatever stride is asked for.",
        _DEFAULT,
        lambda a: a.pool(s=(1, 1)),
    ),
    Thought(
        "stride-and-padding-ignored",
        "This is what one gets when the window moves by its own size over the bare image: neither stride nor "
        "padding makes a difference.",
        "Which arguments of the function does your code never read?",
        lambda a: a.pool(s=a.k, p=(0, 0)),
    ),
    Thought(
        "every-position-without-padding",
        "This is what one gets when the window visits every position of the bare image. Stride and padding "
        "are not "
        "looked at, and without a stride the window should move by its own size.",
        _DEFAULT,
        lambda a: a.pool(s=(1, 1), p=(0, 0)),
    ),
    Thought(
        "stride-exchanged",
        "This is what one gets when the two numbers of the stride are exchanged: the first belongs to the "
        "rows.",
        _PAIR,
        lambda a: a.pool(s=_steps(a, _swapped, lambda k: k)),
    ),
    Thought(
        "window-exchanged",
        "This is what one gets when height and width of the window are exchanged.",
        _PAIR,
        lambda a: a.pool(k=_swapped(a.k)),
    ),
    Thought(
        "window-and-its-stride-exchanged",
        "This is what one gets when height and width of the window are exchanged.",
        _PAIR,
        lambda a: a.pool(k=_swapped(a.k), s=_steps(a, lambda s: s, _swapped)),
    ),
    Thought(
        "pairs-read-as-width-and-height",
        "This is what one gets when every pair is read as (width, height). It is (height, width).",
        _PAIR,
        lambda a: a.pool(k=_swapped(a.k), s=_swapped(a.s), p=_swapped(a.p)),
    ),
    Thought(
        "first-number-of-the-window-for-both",
        "This is what one gets when the height of the window is used as its width, too. It need not be a "
        "square.",
        _PAIR,
        lambda a: a.pool(k=_first(a.k)),
    ),
    Thought(
        "first-number-of-the-window-and-its-stride-for-both",
        "This is what one gets when the height of the window is used as its width, too. It need not be a "
        "square.",
        _PAIR,
        lambda a: a.pool(k=_first(a.k), s=_steps(a, lambda s: s, _first)),
    ),
    Thought(
        "first-number-of-the-stride-for-both",
        "This is what one gets when the first number of the stride is used for rows and columns alike.",
        _PAIR,
        lambda a: a.pool(s=_steps(a, _first)),
    ),
    Thought(
        "first-number-of-a-given-stride-for-both",
        "This is what one gets when the first number of the stride is used for rows and columns alike.",
        _PAIR,
        lambda a: a.pool(s=_steps(a, _first, lambda k: k)),
    ),
    Thought(
        "first-number-of-each-pair-for-both",
        "This is what one gets when only the first number of each pair is read. The second belongs to the "
        "columns.",
        _PAIR,
        lambda a: a.pool(k=_first(a.k), s=_first(a.s), p=_first(a.p)),
    ),
    Thought(
        "stride-in-the-size-only",
        "The shape is right, but the windows lie one pixel apart: the stride is in the size and not in the "
        "place "
        "where a window is cut out.",
        _PLACE,
        lambda a: a.cut(start=lambda i, j: (i, j)),
    ),
    Thought(
        "window-moves-by-its-own-size",
        "The shape is right, but window number i begins at i times the window. It should begin at i times "
        "the stride.",
        _PLACE,
        lambda a: a.cut(start=lambda i, j: (i * a.k[0], j * a.k[1])),
    ),
    Thought(
        "stride-added-to-the-place",
        "This is what one gets when window number i begins at i plus the stride. It begins at i times the "
        "stride.",
        _PLACE,
        lambda a: a.cut(start=lambda i, j: (i + a.s[0], j + a.s[1])),
    ),
    Thought(
        "leftover-edge-kept",
        "This is what one gets when the leftover at the lower and right edge gets windows of its own. "
        "The size is rounded down: a remainder too narrow for a whole window is left out.",
        _ROUND,
        lambda a: a.cut(count=_edge_kept(a)),
    ),
    Thought(
        "leftover-edge-kept-and-divided-by-the-window",
        "This is what one gets when the leftover at the lower and right edge gets windows of its own. "
        "The size is rounded down: a remainder too narrow for a whole window is left out.",
        _ROUND,
        lambda a: a.cut(count=_edge_kept(a), whole=True),
        AVG,
    ),
    Thought(
        "leftover-edge-filled-with-zeros",
        "This is what one gets when the leftover at the lower and right edge is filled up with zeros to a "
        "whole "
        "window. The size is rounded down: that remainder is left out.",
        _ROUND,
        _edge_of_zeros,
    ),
    Thought(
        "a-window-at-every-step",
        "This is what one gets when a window begins at every step inside the image, as in range(0, H, "
        "stride), even "
        "where it hangs over the edge. Only whole windows count.",
        _ROUND,
        lambda a: a.cut(count=_every_step(a)),
    ),
    Thought(
        "a-window-at-every-step-divided-by-the-window",
        "This is what one gets when a window begins at every step inside the image, as in range(0, H, "
        "stride), even "
        "where it hangs over the edge. Only whole windows count.",
        _ROUND,
        lambda a: a.cut(count=_every_step(a), whole=True),
        AVG,
    ),
    Thought(
        "size-is-length-over-stride",
        "This is what one gets when the output size is the length divided by the stride. "
        "The window has a width, too: (n + 2p - k) // s + 1.",
        "A window of 3 moves by 1 over a row of 5 pixels. How many places are there for it?",
        lambda a: a.cut(count=(a.framed().shape[-2] // a.s[0], a.framed().shape[-1] // a.s[1])),
    ),
    Thought(
        "size-is-bare-length-over-stride",
        "This is what one gets when the output size is the length of the bare image divided by the stride. "
        "Window and padding belong into it, too: (n + 2p - k) // s + 1.",
        "A window of 3 moves by 1 over a row of 5 pixels. How many places are there for it?",
        lambda a: a.cut(count=(a.X.shape[-2] // a.s[0], a.X.shape[-1] // a.s[1])),
    ),
    Thought(
        "size-is-length-over-window",
        "This is what one gets when the output size is the length divided by the window. That holds only "
        "where the "
        "stride is the window; in general it is (n + 2p - k) // s + 1.",
        "A window of 3 moves by 1 over a row of 5 pixels. How many places are there for it?",
        lambda a: a.cut(count=(a.framed().shape[-2] // a.k[0], a.framed().shape[-1] // a.k[1])),
    ),
    Thought(
        "one-window-too-few",
        "The result is one row and one column too small: the + 1 in the output size is missing.",
        "How many places are there for a window that is as long as the image?",
        lambda a: a.pool()[..., :-1, :-1],
    ),
    Thought(
        "one-window-too-many",
        "The result is one row and one column too large: the last windows hang over the edge.",
        _ROUND,
        lambda a: a.cut(count=(a.count()[0] + 1, a.count()[1] + 1)),
    ),
    Thought(
        "last-row-and-column-left-zero",
        "The last row and the last column were never filled: the loops end one window too early.",
        "Which is the last number in range(n - 1)?",
        lambda a: _only(a, -1, -1),
    ),
    Thought(
        "only-the-first-cell",
        "Only the first cell was filled: the function returns from inside its inner loop.",
        "How far is the line with return indented, and what does that mean?",
        lambda a: _only(a, 1, 1),
    ),
    Thought(
        "only-the-first-row",
        "Only the first row was filled: the function returns from inside its outer loop.",
        "How far is the line with return indented, and what does that mean?",
        lambda a: _only(a, 1, None),
    ),
    Thought(
        "window-one-pixel-short",
        "This is what one gets when each window lacks its last row and column: the end of a slice is not "
        "part of it.",
        "How many elements has x[0:3]?",
        lambda a: a.cut(long=(a.k[0] - 1, a.k[1] - 1)),
    ),
    Thought(
        "window-one-pixel-long",
        "This is what one gets when each window is one row and one column too large.",
        "How many elements has x[0:3]?",
        lambda a: a.cut(long=(a.k[0] + 1, a.k[1] + 1)),
    ),
    Thought(
        "rows-and-columns-exchanged",
        "This is what one gets when the row of the result moves the window to the right, and the column "
        "down.",
        "If i counts the rows of the result, which axis of X does i * stride belong to?",
        lambda a: a.cut(start=lambda i, j: (j * a.s[0], i * a.s[1])),
    ),
    Thought(
        "result-made-as-width-by-height",
        "The result is right as long as it is a square: its buffer was made as (width, height).",
        "In torch.zeros(a, b), which number is the number of rows?",
        _exchanged_size,
    ),
    Thought(
        "result-transposed",
        "The result is transposed: what should be its rows are its columns.",
        "In torch.zeros(a, b), which number is the number of rows?",
        lambda a: a.pool().mT,
    ),
    Thought(
        "whole-image-at-once",
        "This is the summary of the whole image, in one number. Pooling gives one number for each window.",
        "Which part of X should the upper left number of the result have seen?",
        lambda a: a.reduce(a.X.flatten(-2)),
    ),
    Thought(
        "window-not-cut-out",
        "Every number is the same: the summary was taken of the whole image, and not of the window.",
        "Which part of X should the upper left number of the result have seen?",
        lambda a: a.reduce(a.framed().flatten(-2))[..., None, None].expand(*a.X.shape[:-2], *a.count()),
    ),
    Thought(
        "wrong-axes-summarised",
        "This is what one gets when the windows are summarised over the axes that say which window it is. "
        "The axes within a window should go.",
        "After two calls of unfold there are four axes. Which two of them lie within a window?",
        lambda a: a.reduce(
            a.framed()
            .unfold(-2, a.k[0], a.s[0])
            .unfold(-2, a.k[1], a.s[1])
            .movedim((-2, -1), (-4, -3))
            .flatten(-2)
        ),
    ),
    Thought(
        "image-cut-into-blocks",
        "This is what one gets when the image is reshaped into blocks of the size of the window. That "
        "takes no other "
        "stride, and it fails when something is left over.",
        "What should happen to the last column of an image of width 5 when the window is 2 wide?",
        lambda a: a.reduce(
            a.framed()
            .reshape(
                *a.X.shape[:-2],
                a.framed().shape[-2] // a.k[0],
                a.k[0],
                a.framed().shape[-1] // a.k[1],
                a.k[1],
            )
            .transpose(-3, -2)
            .flatten(-2)
        ),
    ),
)

PADDINGS: tuple[Thought, ...] = (
    Thought(
        "max-pads-with-zero",
        "This is what one gets when the frame of a max pooling is made of zeros: they win against negative "
        "numbers. "
        "For a maximum padding counts as -inf.",
        "The largest of -3 and -5 is -3. What does it become when a 0 from the frame takes part?",
        lambda a: a.pool(fill=0.0),
        MAX,
    ),
    Thought(
        "avg-leaves-padding-out",
        "This is what one gets when the padded zeros are left out of the mean. They are part of it: "
        "the sum is always divided by the whole window.",
        "Window 2, padding 1: how many of the four numbers in the corner window are padding, and do they "
        "count?",
        _mean_of_what_is_there,
        AVG,
    ),
    Thought(
        "avg-pads-with-minus-infinity",
        "There are -inf in the result: the frame of an average pooling should be zeros, -inf is for the "
        "maximum.",
        "What is the mean of -inf and anything else?",
        lambda a: a.pool(fill=-INFINITY),
        AVG,
    ),
    Thought(
        "padding-ignored",
        "This is what one gets when the padding is left out.",
        _FRAME,
        lambda a: a.pool(p=(0, 0)),
    ),
    Thought(
        "padding-exchanged",
        "This is what one gets when the two numbers of the padding are exchanged. "
        "The pair is (height, width), but torch.nn.functional.pad takes the last axis first.",
        _FRAME,
        lambda a: a.pool(p=_swapped(a.p)),
    ),
    Thought(
        "padding-mixed-up-for-pad",
        "This is what one gets when height and width of the padding alternate in torch.nn.functional.pad. "
        "It wants left, right, top, bottom.",
        _FRAME,
        lambda a: a.pool(frame=(*a.p, *a.p)),
    ),
    Thought(
        "first-number-of-the-padding-for-both",
        "This is what one gets when the first number of the padding is used on all four sides.",
        _PAIR,
        lambda a: a.pool(p=_first(a.p)),
    ),
    Thought(
        "padding-above-and-below-only",
        "This is what one gets when rows are added above and below, but no columns at the left and right.",
        _FRAME,
        lambda a: a.pool(p=(a.p[0], 0)),
    ),
    Thought(
        "padding-left-and-right-only",
        "This is what one gets when columns are added at the left and right, but no rows above and below.",
        _FRAME,
        lambda a: a.pool(p=(0, a.p[1])),
    ),
    Thought(
        "padding-counted-once",
        "This is what one gets when padding is counted only once for each axis: at the top and left, or as "
        "p and "
        "not as 2p in the size. It goes to both ends.",
        _FRAME,
        lambda a: a.pool(frame=(a.p[1], 0, a.p[0], 0)),
    ),
    Thought(
        "padding-at-the-end-only",
        "This is what one gets when padding is added at the bottom and right only. It goes to both ends.",
        _FRAME,
        lambda a: a.pool(frame=(0, a.p[1], 0, a.p[0])),
    ),
    Thought(
        "padding-doubled",
        "This is what one gets when the frame is twice as wide as asked for. Padding p means p at either "
        "end.",
        _FRAME,
        lambda a: a.pool(p=(2 * a.p[0], 2 * a.p[1])),
    ),
    Thought(
        "padding-around-the-result",
        "This is what one gets when the frame is put around the result. It belongs around the image, "
        "before pooling.",
        _FRAME,
        lambda a: F.pad(a.pool(p=(0, 0)), (a.p[1], a.p[1], a.p[0], a.p[0])),
    ),
    Thought(
        "padding-in-the-size-only",
        "The shape is right, but no frame was put around the image: the padding is in the size formula only.",
        _FRAME,
        lambda a: a.cut(image=a.X),
    ),
    Thought(
        "border-repeated",
        "This is what one gets when the frame repeats the border of the image. For a mean padding is zeros.",
        _FRAME,
        _replicated,
        AVG,
    ),
)

SUMMARIES: tuple[Thought, ...] = (
    Thought(
        "modes-exchanged",
        'This is what one gets when "max" takes means, and "avg" takes maxima.',
        'Which of the two branches does mode == "max" lead to?',
        lambda a: a.pool(reduce=_other(a).reduce),
    ),
    Thought(
        "modes-exchanged-throughout",
        'This is what one gets when "max" takes means, and "avg" takes maxima.',
        'Which of the two branches does mode == "max" lead to?',
        lambda a: _other(a).pool(),
    ),
    Thought(
        "always-the-maximum",
        'This is what one gets when the maximum is taken, whatever the mode is. For "avg" it should be the '
        "mean.",
        "Where does your code look at mode?",
        lambda a: replace(a, mode="max").pool(),
        AVG,
    ),
    Thought(
        "always-the-maximum-in-a-frame-of-zeros",
        'This is what one gets when the maximum is taken, whatever the mode is. For "avg" it should be the '
        "mean.",
        "Where does your code look at mode?",
        lambda a: a.pool(reduce=maximum),
        AVG,
    ),
    Thought(
        "always-the-mean",
        'This is what one gets when the mean is taken, whatever the mode is. For "max" it should be the '
        "maximum.",
        "Where does your code look at mode?",
        lambda a: replace(a, mode="avg").pool(),
        MAX,
    ),
    Thought(
        "always-the-mean-in-a-frame-of-minus-infinity",
        'This is what one gets when the mean is taken, whatever the mode is. For "max" it should be the '
        "maximum.",
        "Where does your code look at mode?",
        lambda a: a.pool(reduce=mean),
        MAX,
    ),
    Thought(
        "smallest-instead-of-largest",
        "This is the smallest number of each window. Max pooling keeps the largest.",
        "Which number should remain of a window that holds 1 and 7?",
        lambda a: a.pool(reduce=lambda w: w.min(-1).values) if a.mode == "max" else a.pool(),
        MAX,
    ),
    Thought(
        "largest-without-its-sign",
        "This is the largest absolute value of each window. Max pooling keeps the largest number: -9 is "
        "less than 1.",
        "Which number is larger, -9 or 1?",
        lambda a: replace(a, X=a.X.abs()).pool() if a.mode == "max" else a.pool(),
        MAX,
    ),
    Thought(
        "running-maximum-starts-at-zero",
        "This is what one gets when the search for the largest number starts at 0: where all are negative, "
        "0 wins. "
        "Start with a number of the window itself, or with -inf.",
        "What is the largest of -3 and -5, and what does your code say?",
        lambda a: a.pool().clamp(min=0) if a.mode == "max" else a.pool(),
        MAX,
    ),
    Thought(
        "place-instead-of-value",
        "These are the places of the maxima within their windows, as argmax tells them. Pooling keeps the "
        "values.",
        "What is the difference between argmax and max?",
        lambda a: a.pool(reduce=lambda w: w.argmax(-1).to(w.dtype)) if a.mode == "max" else a.pool(),
        MAX,
    ),
    Thought(
        "sum-instead-of-mean",
        "This is the sum of each window. Average pooling divides it by the number of elements.",
        _MEAN,
        lambda a: _divided_by(a, lambda kh, kw: 1),
        AVG,
    ),
    Thought(
        "divided-by-height-squared",
        "This is what one gets when the sum is divided by the square of the window's height. "
        "A window has height times width elements.",
        _MEAN,
        lambda a: _divided_by(a, lambda kh, kw: kh * kh),
        AVG,
    ),
    Thought(
        "divided-by-width-squared",
        "This is what one gets when the sum is divided by the square of the window's width. "
        "A window has height times width elements.",
        _MEAN,
        lambda a: _divided_by(a, lambda kh, kw: kw * kw),
        AVG,
    ),
    Thought(
        "divided-by-the-height",
        "This is what one gets when the sum is divided by the number of rows of the window, which is what "
        "len() says. "
        "A window has height times width elements.",
        _MEAN,
        lambda a: _divided_by(a, lambda kh, kw: kh),
        AVG,
    ),
    Thought(
        "divided-by-the-width",
        "This is what one gets when the sum is divided by the number of columns of the window. "
        "A window has height times width elements.",
        _MEAN,
        lambda a: _divided_by(a, lambda kh, kw: kw),
        AVG,
    ),
    Thought(
        "divided-by-height-plus-width",
        "This is what one gets when the sum is divided by height plus width. A window has height times "
        "width elements.",
        _MEAN,
        lambda a: _divided_by(a, lambda kh, kw: kh + kw),
        AVG,
    ),
    Thought(
        "divided-by-the-image",
        "This is what one gets when the sum of a window is divided by the size of the whole image.",
        _MEAN,
        lambda a: _divided_by(a, lambda kh, kw: a.X.shape[-2] * a.X.shape[-1]),
        AVG,
    ),
    Thought(
        "whole-number-division",
        "The means are rounded down: // divides whole numbers.",
        "What is 7 // 2, and what is the mean of 3 and 4?",
        lambda a: a.pool() if a.mode == "max" else a.pool(reduce=lambda w: w.sum(-1) // w.shape[-1]),
        AVG,
    ),
)
