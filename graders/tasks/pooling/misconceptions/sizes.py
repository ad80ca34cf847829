"""Mistakes about windows, strides and sizes, wherever in exercise 4 something is pooled."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor
from torch.nn import functional as F

from .pool_call import AVG, PAIR, Pair, PoolCall, Slip, first, pair, swapped

_DEFAULT = "If no stride is given, how far does the window move so that windows lie side by side?"
_ROUND = "Put windows of 2 side by side on a row of 5 pixels: how many whole ones fit, and what is left over?"
_PLACE = "With stride (2, 3), in which row and column does the window for Y[1, 2] start?"


def _steps(
    asked: PoolCall, given: Callable[[Pair], Pair], left_away: Callable[[Pair], Pair] | None = None
) -> Pair:
    """The stride seen through a mistake, which may treat the default in another way."""
    return (left_away or given)(asked.k) if asked.stride is None else given(pair(asked.stride))


def _ceiling(n: int, k: int, s: int) -> int:
    return -(-(n - k) // s) + 1


def _edge_kept(asked: PoolCall) -> Pair:
    H, W = asked.framed().shape[-2:]
    return _ceiling(H, asked.k[0], asked.s[0]), _ceiling(W, asked.k[1], asked.s[1])


def _every_step(asked: PoolCall) -> Pair:
    H, W = asked.framed().shape[-2:]
    return len(range(0, H, asked.s[0])), len(range(0, W, asked.s[1]))


def _edge_of_zeros(asked: PoolCall) -> Tensor:
    rows, columns = _edge_kept(asked)
    P = asked.framed()
    more = (
        (rows - 1) * asked.s[0] + asked.k[0] - P.shape[-2],
        (columns - 1) * asked.s[1] + asked.k[1] - P.shape[-1],
    )
    return asked.cut(count=(rows, columns), image=F.pad(P, (0, more[1], 0, more[0])))


def _only(asked: PoolCall, rows: int | None, columns: int | None) -> Tensor:
    """Zero everywhere but in the first rows and columns."""
    Y = asked.pool()
    mask = torch.zeros_like(Y)
    mask[..., :rows, :columns] = 1
    return Y * mask


def _exchanged_size(asked: PoolCall) -> Tensor:
    rows, columns = asked.count()
    if rows != columns:
        raise IndexError(
            f"index {min(rows, columns)} is out of bounds for dimension 0 with size {min(rows, columns)}"
        )
    return asked.pool()


SIZES: tuple[Slip, ...] = (
    Slip(
        "stride-defaults-to-one",
        "You get this result when the stride defaults to 1. In pooling it defaults to the window size.",
        _DEFAULT,
        lambda a: a.pool(s=_steps(a, lambda s: s, lambda k: (1, 1))),
    ),
    Slip(
        "stride-defaults-to-two",
        "You get this result when the stride defaults to 2, whatever the window size. In pooling it "
        "defaults to the window size.",
        _DEFAULT,
        lambda a: a.pool(s=_steps(a, lambda s: s, lambda k: (2, 2))),
    ),
    Slip(
        "stride-ignored",
        "You get this result when the window always moves by its own size. Here a stride was given.",
        "Where does your code use the argument stride when it cuts out a window?",
        lambda a: a.pool(s=a.k),
    ),
    Slip(
        "stride-always-one",
        "You get this result when the window moves by 1, whatever stride is given.",
        _DEFAULT,
        lambda a: a.pool(s=(1, 1)),
    ),
    Slip(
        "stride-and-padding-ignored",
        "You get this result when the window moves by its own size over the image without padding: neither "
        "stride nor padding has an effect.",
        "Which arguments of the function does your code never read?",
        lambda a: a.pool(s=a.k, p=(0, 0)),
    ),
    Slip(
        "every-position-without-padding",
        "You get this result when the window visits every position of the image without padding. Stride "
        "and padding are ignored, and without a stride the window should move by its own size.",
        _DEFAULT,
        lambda a: a.pool(s=(1, 1), p=(0, 0)),
    ),
    Slip(
        "stride-exchanged",
        "You get this result when the two numbers of the stride are swapped: the first is for the rows.",
        PAIR,
        lambda a: a.pool(s=_steps(a, swapped, lambda k: k)),
    ),
    Slip(
        "window-exchanged",
        "You get this result when height and width of the window are swapped.",
        PAIR,
        lambda a: a.pool(k=swapped(a.k)),
    ),
    Slip(
        "window-and-its-stride-exchanged",
        "You get this result when height and width of the window are swapped.",
        PAIR,
        lambda a: a.pool(k=swapped(a.k), s=_steps(a, lambda s: s, swapped)),
    ),
    Slip(
        "pairs-read-as-width-and-height",
        "You get this result when every pair is read as (width, height). It is (height, width).",
        PAIR,
        lambda a: a.pool(k=swapped(a.k), s=swapped(a.s), p=swapped(a.p)),
    ),
    Slip(
        "first-number-of-the-window-for-both",
        "You get this result when the height of the window is also used as its width. A window doesn't "
        "have to be square.",
        PAIR,
        lambda a: a.pool(k=first(a.k)),
    ),
    Slip(
        "first-number-of-the-window-and-its-stride-for-both",
        "You get this result when the height of the window is also used as its width. A window doesn't "
        "have to be square.",
        PAIR,
        lambda a: a.pool(k=first(a.k), s=_steps(a, lambda s: s, first)),
    ),
    Slip(
        "first-number-of-the-stride-for-both",
        "You get this result when the first number of the stride is used for both rows and columns.",
        PAIR,
        lambda a: a.pool(s=_steps(a, first)),
    ),
    Slip(
        "first-number-of-a-given-stride-for-both",
        "You get this result when the first number of the stride is used for both rows and columns.",
        PAIR,
        lambda a: a.pool(s=_steps(a, first, lambda k: k)),
    ),
    Slip(
        "first-number-of-each-pair-for-both",
        "You get this result when only the first number of each pair is used. The second is for the columns.",
        PAIR,
        lambda a: a.pool(k=first(a.k), s=first(a.s), p=first(a.p)),
    ),
    Slip(
        "stride-in-the-size-only",
        "The shape is right, but the windows lie one pixel apart: the stride is used in the size but not "
        "where a window is cut out.",
        _PLACE,
        lambda a: a.cut(start=lambda i, j: (i, j)),
    ),
    Slip(
        "window-moves-by-its-own-size",
        "The shape is right, but window number i starts at i times the window size. It should start at i "
        "times the stride.",
        _PLACE,
        lambda a: a.cut(start=lambda i, j: (i * a.k[0], j * a.k[1])),
    ),
    Slip(
        "stride-added-to-the-place",
        "You get this result when window number i starts at i plus the stride. It should start at i times "
        "the stride.",
        _PLACE,
        lambda a: a.cut(start=lambda i, j: (i + a.s[0], j + a.s[1])),
    ),
    Slip(
        "leftover-edge-kept",
        "You get this result when what is left over at the bottom and right edges gets windows of its own. "
        "The size is rounded down: a remainder too narrow for a whole window is dropped.",
        _ROUND,
        lambda a: a.cut(count=_edge_kept(a)),
    ),
    Slip(
        "leftover-edge-kept-and-divided-by-the-window",
        "You get this result when what is left over at the bottom and right edges gets windows of its own. "
        "The size is rounded down: a remainder too narrow for a whole window is dropped.",
        _ROUND,
        lambda a: a.cut(count=_edge_kept(a), whole=True),
        AVG,
    ),
    Slip(
        "leftover-edge-filled-with-zeros",
        "You get this result when what is left over at the bottom and right edges is filled up with zeros "
        "to a whole window. The size is rounded down: that remainder is dropped.",
        _ROUND,
        _edge_of_zeros,
    ),
    Slip(
        "a-window-at-every-step",
        "You get this result when a window starts at every step inside the image, as with range(0, H, "
        "stride), even where it extends beyond the edge. Only complete windows count.",
        _ROUND,
        lambda a: a.cut(count=_every_step(a)),
    ),
    Slip(
        "a-window-at-every-step-divided-by-the-window",
        "You get this result when a window starts at every step inside the image, as with range(0, H, "
        "stride), even where it extends beyond the edge. Only complete windows count.",
        _ROUND,
        lambda a: a.cut(count=_every_step(a), whole=True),
        AVG,
    ),
    Slip(
        "size-is-length-over-stride",
        "You get this result when the output size is the length divided by the stride. The window takes up "
        "space, too: (n + 2p - k) // s + 1.",
        "A window of 3 moves by 1 over a row of 5 pixels. How many positions does it have?",
        lambda a: a.cut(count=(a.framed().shape[-2] // a.s[0], a.framed().shape[-1] // a.s[1])),
    ),
    Slip(
        "size-is-bare-length-over-stride",
        "You get this result when the output size is the length of the image without padding, divided by "
        "the stride. Window and padding belong in it, too: (n + 2p - k) // s + 1.",
        "A window of 3 moves by 1 over a row of 5 pixels. How many positions does it have?",
        lambda a: a.cut(count=(a.X.shape[-2] // a.s[0], a.X.shape[-1] // a.s[1])),
    ),
    Slip(
        "size-is-length-over-window",
        "You get this result when the output size is the length divided by the window size. That holds "
        "only if the stride equals the window size; in general it is (n + 2p - k) // s + 1.",
        "A window of 3 moves by 1 over a row of 5 pixels. How many positions does it have?",
        lambda a: a.cut(count=(a.framed().shape[-2] // a.k[0], a.framed().shape[-1] // a.k[1])),
    ),
    Slip(
        "one-window-too-few",
        "The result is one row and one column too small: the + 1 in the output size is missing.",
        "How many positions does a window have that is as long as the image?",
        lambda a: a.pool()[..., :-1, :-1],
    ),
    Slip(
        "one-window-too-many",
        "The result is one row and one column too large: the last windows extend beyond the edge.",
        _ROUND,
        lambda a: a.cut(count=(a.count()[0] + 1, a.count()[1] + 1)),
    ),
    Slip(
        "last-row-and-column-left-zero",
        "The last row and the last column were never filled: the loops end one window too early.",
        "What is the last number in range(n - 1)?",
        lambda a: _only(a, -1, -1),
    ),
    Slip(
        "only-the-first-cell",
        "Only the first element was filled: the function returns from inside its inner loop.",
        "How far is the return line indented, and what does that mean?",
        lambda a: _only(a, 1, 1),
    ),
    Slip(
        "only-the-first-row",
        "Only the first row was filled: the function returns from inside its outer loop.",
        "How far is the return line indented, and what does that mean?",
        lambda a: _only(a, 1, None),
    ),
    Slip(
        "window-one-pixel-short",
        "You get this result when each window lacks its last row and column: a slice excludes its end.",
        "How many elements does x[0:3] have?",
        lambda a: a.cut(long=(a.k[0] - 1, a.k[1] - 1)),
    ),
    Slip(
        "window-one-pixel-long",
        "You get this result when each window is one row and one column too large.",
        "How many elements does x[0:3] have?",
        lambda a: a.cut(long=(a.k[0] + 1, a.k[1] + 1)),
    ),
    Slip(
        "rows-and-columns-exchanged",
        "You get this result when the row index of the result moves the window to the right, and the "
        "column index moves it down.",
        "If i counts the rows of the result, which axis of X does i * stride belong to?",
        lambda a: a.cut(start=lambda i, j: (j * a.s[0], i * a.s[1])),
    ),
    Slip(
        "result-made-as-width-by-height",
        "The result is right only if it is square: its buffer was created as (width, height).",
        "In torch.zeros(a, b), which is the number of rows?",
        _exchanged_size,
    ),
    Slip(
        "result-transposed",
        "The result is transposed: its columns are what should be its rows.",
        "In torch.zeros(a, b), which is the number of rows?",
        lambda a: a.pool().mT,
    ),
    Slip(
        "whole-image-at-once",
        "This is the maximum or mean of the whole image, as one number. Pooling gives one number for each "
        "window.",
        "Which part of X should the top left element of the result depend on?",
        lambda a: a.reduce(a.X.flatten(-2)),
    ),
    Slip(
        "whole-image-at-once-with-its-axes",
        "This is the maximum or mean of the whole image, in one row and one column: global pooling. Here "
        "there should be one number for each window.",
        "Which part of X should the top left element of the result depend on?",
        lambda a: a.reduce(a.X.flatten(-2))[..., None, None],
    ),
    Slip(
        "window-not-cut-out",
        "Every number is the same: the maximum or mean was taken over the whole image, not over the window.",
        "Which part of X should the top left element of the result depend on?",
        lambda a: a.reduce(a.framed().flatten(-2))[..., None, None].expand(*a.X.shape[:-2], *a.count()),
    ),
    Slip(
        "wrong-axes-summarised",
        "You get this result when the maximum or mean is taken over the axes that say which window it is. "
        "It should be taken over the axes within a window.",
        "After two calls of unfold, there are four axes. Which two of them lie within a window?",
        lambda a: a.reduce(
            a.framed()
            .unfold(-2, a.k[0], a.s[0])
            .unfold(-2, a.k[1], a.s[1])
            .movedim((-2, -1), (-4, -3))
            .flatten(-2)
        ),
    ),
    Slip(
        "image-cut-into-blocks",
        "You get this result when the image is reshaped into blocks of the size of the window. That allows "
        "no other stride, and it fails when something is left over.",
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
