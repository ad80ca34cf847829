"""Mistakes about maxima and means, wherever in exercise 4 something is pooled."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from torch import Tensor

from .pool_call import AVG, MAX, PoolCall, Slip, maximum, mean

_MEAN = "How many numbers are added up in one window? What is the mean of a window of ones?"


def _other(asked: PoolCall) -> PoolCall:
    return replace(asked, mode="avg" if asked.mode == "max" else "max")


def _divided_by(asked: PoolCall, divisor: Callable[[int, int], float]) -> Tensor:
    kh, kw = asked.k
    return asked.pool() if asked.mode == "max" else asked.pool() * (kh * kw) / divisor(kh, kw)


SUMMARIES: tuple[Slip, ...] = (
    Slip(
        "modes-exchanged",
        'You get this result when "max" takes means and "avg" takes maxima.',
        'Which of the two branches does mode == "max" lead to?',
        lambda a: a.pool(reduce=_other(a).reduce),
    ),
    Slip(
        "modes-exchanged-throughout",
        'You get this result when "max" takes means and "avg" takes maxima.',
        'Which of the two branches does mode == "max" lead to?',
        lambda a: _other(a).pool(),
    ),
    Slip(
        "always-the-maximum",
        'You get this result when the maximum is taken, whatever the mode. For "avg" it should be the mean.',
        "Where does your code use mode?",
        lambda a: replace(a, mode="max").pool(),
        AVG,
    ),
    Slip(
        "always-the-maximum-in-a-frame-of-zeros",
        'You get this result when the maximum is taken, whatever the mode. For "avg" it should be the mean.',
        "Where does your code use mode?",
        lambda a: a.pool(reduce=maximum),
        AVG,
    ),
    Slip(
        "always-the-mean",
        'You get this result when the mean is taken, whatever the mode. For "max" it should be the maximum.',
        "Where does your code use mode?",
        lambda a: replace(a, mode="avg").pool(),
        MAX,
    ),
    Slip(
        "always-the-mean-in-a-frame-of-minus-infinity",
        'You get this result when the mean is taken, whatever the mode. For "max" it should be the maximum.',
        "Where does your code use mode?",
        lambda a: a.pool(reduce=mean),
        MAX,
    ),
    Slip(
        "smallest-instead-of-largest",
        "This is the smallest number of each window. Max pooling keeps the largest.",
        "Which number of a window that holds 1 and 7 should remain?",
        lambda a: a.pool(reduce=lambda w: w.min(-1).values) if a.mode == "max" else a.pool(),
        MAX,
    ),
    Slip(
        "largest-without-its-sign",
        "This is the largest absolute value of each window. Max pooling keeps the largest number: -9 is "
        "less than 1.",
        "Which number is larger, -9 or 1?",
        lambda a: replace(a, X=a.X.abs()).pool() if a.mode == "max" else a.pool(),
        MAX,
    ),
    Slip(
        "running-maximum-starts-at-zero",
        "You get this result when the search for the largest number starts at 0: where all are negative, 0 "
        "wins. Start with a number of the window, or with -inf.",
        "What is the largest of -3 and -5, and what does your code return?",
        lambda a: a.pool().clamp(min=0) if a.mode == "max" else a.pool(),
        MAX,
    ),
    Slip(
        "running-maximum-starts-at-a-finite-number",
        "You get this result when the search for the largest number starts at a large negative number, "
        "such as -1e9: where all are smaller, it wins. Start with a number of the window, or with -inf.",
        "What is the largest of -2e9 and -3e9, and what does your code return?",
        lambda a: a.pool().clamp(min=-1e9) if a.mode == "max" else a.pool(),
        MAX,
    ),
    Slip(
        "place-instead-of-value",
        "These are the positions of the maxima within their windows, as returned by argmax. Pooling keeps "
        "the values.",
        "What is the difference between argmax and max?",
        lambda a: a.pool(reduce=lambda w: w.argmax(-1).to(w.dtype)) if a.mode == "max" else a.pool(),
        MAX,
    ),
    Slip(
        "sum-instead-of-mean",
        "This is the sum of each window. Average pooling divides it by the number of elements.",
        _MEAN,
        lambda a: _divided_by(a, lambda kh, kw: 1),
        AVG,
    ),
    Slip(
        "divided-by-height-squared",
        "You get this result when the sum is divided by the square of the window's height. A window has "
        "height times width elements.",
        _MEAN,
        lambda a: _divided_by(a, lambda kh, kw: kh * kh),
        AVG,
    ),
    Slip(
        "divided-by-width-squared",
        "You get this result when the sum is divided by the square of the window's width. A window has "
        "height times width elements.",
        _MEAN,
        lambda a: _divided_by(a, lambda kh, kw: kw * kw),
        AVG,
    ),
    Slip(
        "divided-by-the-height",
        "You get this result when the sum is divided by the number of rows of the window, which is what "
        "len() returns. A window has height times width elements.",
        _MEAN,
        lambda a: _divided_by(a, lambda kh, kw: kh),
        AVG,
    ),
    Slip(
        "divided-by-the-width",
        "You get this result when the sum is divided by the number of columns of the window. A window has "
        "height times width elements.",
        _MEAN,
        lambda a: _divided_by(a, lambda kh, kw: kw),
        AVG,
    ),
    Slip(
        "divided-by-height-plus-width",
        "You get this result when the sum is divided by height plus width. A window has height times width "
        "elements.",
        _MEAN,
        lambda a: _divided_by(a, lambda kh, kw: kh + kw),
        AVG,
    ),
    Slip(
        "divided-by-the-image",
        "You get this result when the sum of a window is divided by the size of the whole image.",
        _MEAN,
        lambda a: _divided_by(a, lambda kh, kw: a.X.shape[-2] * a.X.shape[-1]),
        AVG,
    ),
    Slip(
        "whole-number-division",
        "The means are rounded down: // is integer division.",
        "What is 7 // 2, and what is the mean of 3 and 4?",
        lambda a: a.pool() if a.mode == "max" else a.pool(reduce=lambda w: w.sum(-1) // w.shape[-1]),
        AVG,
    ),
)
