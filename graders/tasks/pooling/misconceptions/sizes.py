"""Mistakes about windows, strides and sizes, wherever in exercise 4 something is pooled."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor
from torch.nn import functional as F

from .pool_call import AVG, PAIR, Pair, PoolCall, Slip, first, pair, swapped

_DEFAULT = "If nobody says a stride, how far does the window move so that windows lie side by side?"
_ROUND = "Put windows of 2 side by side on a row of 5 pixels: how many whole ones fit, and what is left over?"
_PLACE = "In which row and column does the window for Y[1, 2] begin when the stride is (2, 3)?"


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
        "This is what one gets when the window moves by 1 as long as no stride is given. "
        "The stride of a pooling defaults to the window.",
        _DEFAULT,
        lambda a: a.pool(s=_steps(a, lambda s: s, lambda k: (1, 1))),
    ),
    Slip(
        "stride-defaults-to-two",
        "This is what one gets when the window moves by 2 as long as no stride is given, whatever its own "
        "size is. The stride of a pooling defaults to the window.",
        _DEFAULT,
        lambda a: a.pool(s=_steps(a, lambda s: s, lambda k: (2, 2))),
    ),
    Slip(
        "stride-ignored",
        "This is what one gets when the window always moves by its own size. Here a stride was given.",
        "Where in your code does the argument stride arrive at the place where a window is cut out?",
        lambda a: a.pool(s=a.k),
    ),
    Slip(
        "stride-always-one",
        "This is what one gets when the window moves by 1, whatever stride is asked for.",
        _DEFAULT,
        lambda a: a.pool(s=(1, 1)),
    ),
    Slip(
        "stride-and-padding-ignored",
        "This is what one gets when the window moves by its own size over the bare image: neither stride nor "
        "padding makes a difference.",
        "Which arguments of the function does your code never read?",
        lambda a: a.pool(s=a.k, p=(0, 0)),
    ),
    Slip(
        "every-position-without-padding",
        "This is what one gets when the window visits every position of the bare image. Stride and padding "
        "are not "
        "looked at, and without a stride the window should move by its own size.",
        _DEFAULT,
        lambda a: a.pool(s=(1, 1), p=(0, 0)),
    ),
    Slip(
        "stride-exchanged",
        "This is what one gets when the two numbers of the stride are exchanged: the first belongs to the "
        "rows.",
        PAIR,
        lambda a: a.pool(s=_steps(a, swapped, lambda k: k)),
    ),
    Slip(
        "window-exchanged",
        "This is what one gets when height and width of the window are exchanged.",
        PAIR,
        lambda a: a.pool(k=swapped(a.k)),
    ),
    Slip(
        "window-and-its-stride-exchanged",
        "This is what one gets when height and width of the window are exchanged.",
        PAIR,
        lambda a: a.pool(k=swapped(a.k), s=_steps(a, lambda s: s, swapped)),
    ),
    Slip(
        "pairs-read-as-width-and-height",
        "This is what one gets when every pair is read as (width, height). It is (height, width).",
        PAIR,
        lambda a: a.pool(k=swapped(a.k), s=swapped(a.s), p=swapped(a.p)),
    ),
    Slip(
        "first-number-of-the-window-for-both",
        "This is what one gets when the height of the window is used as its width, too. It need not be a "
        "square.",
        PAIR,
        lambda a: a.pool(k=first(a.k)),
    ),
    Slip(
        "first-number-of-the-window-and-its-stride-for-both",
        "This is what one gets when the height of the window is used as its width, too. It need not be a "
        "square.",
        PAIR,
        lambda a: a.pool(k=first(a.k), s=_steps(a, lambda s: s, first)),
    ),
    Slip(
        "first-number-of-the-stride-for-both",
        "This is what one gets when the first number of the stride is used for rows and columns alike.",
        PAIR,
        lambda a: a.pool(s=_steps(a, first)),
    ),
    Slip(
        "first-number-of-a-given-stride-for-both",
        "This is what one gets when the first number of the stride is used for rows and columns alike.",
        PAIR,
        lambda a: a.pool(s=_steps(a, first, lambda k: k)),
    ),
    Slip(
        "first-number-of-each-pair-for-both",
        "This is what one gets when only the first number of each pair is read. The second belongs to the "
        "columns.",
        PAIR,
        lambda a: a.pool(k=first(a.k), s=first(a.s), p=first(a.p)),
    ),
    Slip(
        "stride-in-the-size-only",
        "The shape is right, but the windows lie one pixel apart: the stride is in the size and not in the "
        "place "
        "where a window is cut out.",
        _PLACE,
        lambda a: a.cut(start=lambda i, j: (i, j)),
    ),
    Slip(
        "window-moves-by-its-own-size",
        "The shape is right, but window number i begins at i times the window. It should begin at i times "
        "the stride.",
        _PLACE,
        lambda a: a.cut(start=lambda i, j: (i * a.k[0], j * a.k[1])),
    ),
    Slip(
        "stride-added-to-the-place",
        "This is what one gets when window number i begins at i plus the stride. It begins at i times the "
        "stride.",
        _PLACE,
        lambda a: a.cut(start=lambda i, j: (i + a.s[0], j + a.s[1])),
    ),
    Slip(
        "leftover-edge-kept",
        "This is what one gets when the leftover at the lower and right edge gets windows of its own. "
        "The size is rounded down: a remainder too narrow for a whole window is left out.",
        _ROUND,
        lambda a: a.cut(count=_edge_kept(a)),
    ),
    Slip(
        "leftover-edge-kept-and-divided-by-the-window",
        "This is what one gets when the leftover at the lower and right edge gets windows of its own. "
        "The size is rounded down: a remainder too narrow for a whole window is left out.",
        _ROUND,
        lambda a: a.cut(count=_edge_kept(a), whole=True),
        AVG,
    ),
    Slip(
        "leftover-edge-filled-with-zeros",
        "This is what one gets when the leftover at the lower and right edge is filled up with zeros to a "
        "whole "
        "window. The size is rounded down: that remainder is left out.",
        _ROUND,
        _edge_of_zeros,
    ),
    Slip(
        "a-window-at-every-step",
        "This is what one gets when a window begins at every step inside the image, as in range(0, H, "
        "stride), even "
        "where it hangs over the edge. Only whole windows count.",
        _ROUND,
        lambda a: a.cut(count=_every_step(a)),
    ),
    Slip(
        "a-window-at-every-step-divided-by-the-window",
        "This is what one gets when a window begins at every step inside the image, as in range(0, H, "
        "stride), even "
        "where it hangs over the edge. Only whole windows count.",
        _ROUND,
        lambda a: a.cut(count=_every_step(a), whole=True),
        AVG,
    ),
    Slip(
        "size-is-length-over-stride",
        "This is what one gets when the output size is the length divided by the stride. "
        "The window has a width, too: (n + 2p - k) // s + 1.",
        "A window of 3 moves by 1 over a row of 5 pixels. How many places are there for it?",
        lambda a: a.cut(count=(a.framed().shape[-2] // a.s[0], a.framed().shape[-1] // a.s[1])),
    ),
    Slip(
        "size-is-bare-length-over-stride",
        "This is what one gets when the output size is the length of the bare image divided by the stride. "
        "Window and padding belong into it, too: (n + 2p - k) // s + 1.",
        "A window of 3 moves by 1 over a row of 5 pixels. How many places are there for it?",
        lambda a: a.cut(count=(a.X.shape[-2] // a.s[0], a.X.shape[-1] // a.s[1])),
    ),
    Slip(
        "size-is-length-over-window",
        "This is what one gets when the output size is the length divided by the window. That holds only "
        "where the "
        "stride is the window; in general it is (n + 2p - k) // s + 1.",
        "A window of 3 moves by 1 over a row of 5 pixels. How many places are there for it?",
        lambda a: a.cut(count=(a.framed().shape[-2] // a.k[0], a.framed().shape[-1] // a.k[1])),
    ),
    Slip(
        "one-window-too-few",
        "The result is one row and one column too small: the + 1 in the output size is missing.",
        "How many places are there for a window that is as long as the image?",
        lambda a: a.pool()[..., :-1, :-1],
    ),
    Slip(
        "one-window-too-many",
        "The result is one row and one column too large: the last windows hang over the edge.",
        _ROUND,
        lambda a: a.cut(count=(a.count()[0] + 1, a.count()[1] + 1)),
    ),
    Slip(
        "last-row-and-column-left-zero",
        "The last row and the last column were never filled: the loops end one window too early.",
        "Which is the last number in range(n - 1)?",
        lambda a: _only(a, -1, -1),
    ),
    Slip(
        "only-the-first-cell",
        "Only the first cell was filled: the function returns from inside its inner loop.",
        "How far is the line with return indented, and what does that mean?",
        lambda a: _only(a, 1, 1),
    ),
    Slip(
        "only-the-first-row",
        "Only the first row was filled: the function returns from inside its outer loop.",
        "How far is the line with return indented, and what does that mean?",
        lambda a: _only(a, 1, None),
    ),
    Slip(
        "window-one-pixel-short",
        "This is what one gets when each window lacks its last row and column: the end of a slice is not "
        "part of it.",
        "How many elements has x[0:3]?",
        lambda a: a.cut(long=(a.k[0] - 1, a.k[1] - 1)),
    ),
    Slip(
        "window-one-pixel-long",
        "This is what one gets when each window is one row and one column too large.",
        "How many elements has x[0:3]?",
        lambda a: a.cut(long=(a.k[0] + 1, a.k[1] + 1)),
    ),
    Slip(
        "rows-and-columns-exchanged",
        "This is what one gets when the row of the result moves the window to the right, and the column "
        "down.",
        "If i counts the rows of the result, which axis of X does i * stride belong to?",
        lambda a: a.cut(start=lambda i, j: (j * a.s[0], i * a.s[1])),
    ),
    Slip(
        "result-made-as-width-by-height",
        "The result is right as long as it is a square: its buffer was made as (width, height).",
        "In torch.zeros(a, b), which number is the number of rows?",
        _exchanged_size,
    ),
    Slip(
        "result-transposed",
        "The result is transposed: what should be its rows are its columns.",
        "In torch.zeros(a, b), which number is the number of rows?",
        lambda a: a.pool().mT,
    ),
    Slip(
        "whole-image-at-once",
        "This is the summary of the whole image, in one number. Pooling gives one number for each window.",
        "Which part of X should the upper left number of the result have seen?",
        lambda a: a.reduce(a.X.flatten(-2)),
    ),
    Slip(
        "whole-image-at-once-with-its-axes",
        "This is the summary of the whole image, in one row and one column: global pooling. Here there is "
        "one number for each window.",
        "Which part of X should the upper left number of the result have seen?",
        lambda a: a.reduce(a.X.flatten(-2))[..., None, None],
    ),
    Slip(
        "window-not-cut-out",
        "Every number is the same: the summary was taken of the whole image, and not of the window.",
        "Which part of X should the upper left number of the result have seen?",
        lambda a: a.reduce(a.framed().flatten(-2))[..., None, None].expand(*a.X.shape[:-2], *a.count()),
    ),
    Slip(
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
    Slip(
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
