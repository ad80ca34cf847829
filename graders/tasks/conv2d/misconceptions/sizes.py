"""Exercise 1, continued: mistakes about the size of a result."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

from graders.diagnosis.catalogue import Probe
from graders.diagnosis.slips import Function, entry, value_of

_FORMULA = "Draw seven boxes in a row and a window of three. Where can the window start if it moves by two?"
_SIDES = "If one box of padding is added on each side of seven boxes, how many boxes are there?"
_HOLES = "How many pixels does a kernel of 3 elements cover if they lie 2 pixels apart?"


def _extent(k: int, d: int) -> int:
    return d * (k - 1) + 1


Formula = Callable[..., Any]

# Each takes n, kernel, stride, padding and dilation.
_SIZES: tuple[tuple[str, Formula, str, str], ...] = (
    (
        "plus-one-forgotten",
        lambda n, k, s, p, d: (n + 2 * p - _extent(k, d)) // s,
        "The + 1 is missing: the first position counts, too, before the window moves at all.",
        _FORMULA,
    ),
    (
        "plus-one-divided-too",
        lambda n, k, s, p, d: (n + 2 * p - _extent(k, d) + 1) // s,
        "The + 1 is inside the division by the stride. Divide the remaining space first, then add the "
        "first position.",
        _FORMULA,
    ),
    (
        "partial-windows-counted",
        lambda n, k, s, p, d: math.ceil((n + 2 * p - _extent(k, d)) / s) + 1,
        "The division is rounded up, so a last window that sticks out is counted. Only windows that fit "
        "completely count: round down.",
        _FORMULA,
    ),
    (
        "rounded-to-the-nearest",
        lambda n, k, s, p, d: round((n + 2 * p - _extent(k, d)) / s) + 1,
        "The division is rounded to the nearest integer. Only windows that fit completely count: round down.",
        _FORMULA,
    ),
    (
        "fraction-returned",
        lambda n, k, s, p, d: (n + 2 * p - _extent(k, d)) / s + 1,
        "The result is a float, with a fraction where the stride doesn't divide evenly. It should be an "
        "int, rounded down: // instead of /.",
        "What do 5 / 2 and 5 // 2 give?",
    ),
    (
        "padding-counted-once",
        lambda n, k, s, p, d: (n + p - _extent(k, d)) // s + 1,
        "The padding is counted once. It is added at both ends, so the axis grows by twice the padding.",
        _SIDES,
    ),
    (
        "padding-ignored",
        lambda n, k, s, p, d: (n - _extent(k, d)) // s + 1,
        "The padding has no effect. It is added at both ends, so the axis grows by twice the padding.",
        _SIDES,
    ),
    (
        "padding-subtracted",
        lambda n, k, s, p, d: (n - 2 * p - _extent(k, d)) // s + 1,
        "The padding is subtracted. Padding makes the axis longer, by twice its size.",
        _SIDES,
    ),
    (
        "padding-added-after-the-division",
        lambda n, k, s, p, d: (n - _extent(k, d)) // s + 1 + 2 * p,
        "The padding is added to the result. It is added around the input, before the window starts to move.",
        _SIDES,
    ),
    (
        "stride-ignored",
        lambda n, k, s, p, d: n + 2 * p - _extent(k, d) + 1,
        "The stride has no effect. With stride 2 only every second position is used.",
        _FORMULA,
    ),
    (
        "stride-defaults-to-the-kernel",
        lambda n, k, s, p, d: (n + 2 * p - _extent(k, d)) // (k if s == 1 else s) + 1,
        "By default the window moves by its own size, as in pooling. In a convolution the stride defaults "
        "to 1.",
        "By how much does the window move if no stride is given?",
    ),
    (
        "divided-before-the-kernel-is-subtracted",
        lambda n, k, s, p, d: (n + 2 * p) // s - _extent(k, d) + 1,
        "The input is divided by the stride before the kernel is subtracted. Subtract the kernel first, "
        "then divide the space that remains.",
        _FORMULA,
    ),
    (
        "only-the-kernel-divided",
        lambda n, k, s, p, d: n + 2 * p - _extent(k, d) // s + 1,
        "Only the kernel is divided by the stride: parentheses are missing, and // comes before + and -. "
        "The whole space that the kernel leaves has to be divided.",
        "What is 8 - 4 // 2, and what is (8 - 4) // 2?",
    ),
    (
        "divided-by-stride-plus-one",
        lambda n, k, s, p, d: (n + 2 * p - _extent(k, d)) // (s + 1),
        "The remaining space is divided by stride + 1: the parentheses are in the wrong place. The + 1 is "
        "added after the division, for the first position.",
        _FORMULA,
    ),
    (
        "window-left-out",
        lambda n, k, s, p, d: (n + 2 * p) // s,
        "The kernel doesn't appear in the size. A window of k pixels needs space, and the last ones would "
        "stick out.",
        _FORMULA,
    ),
    (
        "same-size-expected",
        lambda n, k, s, p, d: math.ceil(n / s),
        "This is the size of a convolution that adds padding by itself to keep the input's length. Only "
        "the given padding should be added.",
        _FORMULA,
    ),
    (
        "dilation-ignored",
        lambda n, k, s, p, d: (n + 2 * p - k) // s + 1,
        "The dilation has no effect. A dilated kernel has as many elements as before but spans more pixels.",
        _HOLES,
    ),
    (
        "dilation-as-number-of-holes",
        lambda n, k, s, p, d: (n + 2 * p - _extent(k, d + 1)) // s + 1,
        "The dilation is read as the number of pixels skipped between two elements. It is their distance, "
        "so dilation - 1 pixels are skipped; with dilation 1 the elements are adjacent.",
        _HOLES,
    ),
    (
        "kernel-times-dilation",
        lambda n, k, s, p, d: (n + 2 * p - k * d) // s + 1,
        "The extent of a dilated kernel is taken to be kernel × dilation. No step follows the last "
        "element: there are kernel - 1 steps.",
        _HOLES,
    ),
    (
        "extent-one-too-small",
        lambda n, k, s, p, d: (n + 2 * p - d * (k - 1)) // s + 1,
        "The extent of the kernel is one pixel too small: kernel - 1 steps lead from the first element to "
        "the last, and the first one counts, too.",
        _HOLES,
    ),
    (
        "dilation-added-to-the-kernel",
        lambda n, k, s, p, d: (n + 2 * p - (k + d - 1)) // s + 1,
        "The dilation is added to the kernel once. It stretches each of the kernel - 1 steps.",
        _HOLES,
    ),
    (
        "dilation-on-the-input",
        lambda n, k, s, p, d: (n + 2 * p - k) // (s * d) + 1,
        "The dilation is multiplied into the stride. It doesn't change how the window moves, only how far "
        "the window reaches.",
        _HOLES,
    ),
    (
        "pair-returned",
        lambda n, k, s, p, d: ((n + 2 * p - _extent(k, d)) // s + 1,) * 2,
        "Two numbers are returned. The function is about one axis, so it should return one int.",
        "How often would you call it for an image?",
    ),
)

_ORDER_OF_ARGUMENTS = (
    "stride-and-padding-in-the-other-order",
    "Stride and padding are swapped when passed by position: the order is n, kernel, stride, padding, "
    "dilation.",
    "What does output_size(8, 3, 2, 1) mean, argument by argument?",
)


def _from_formula(formula: Formula) -> Function:
    return lambda n, kernel, stride=1, padding=0, dilation=1: formula(n, kernel, stride, padding, dilation)


def _other_order(n: int, kernel: int, padding: int = 0, stride: int = 1, dilation: int = 1) -> int:
    return (n + 2 * padding - _extent(kernel, dilation)) // stride + 1


# ---------------------------------------------------------------------------------------- entries, probes

ENTRIES = tuple(
    entry("conv2d", "output_size", f"size-{name}", wrong, says, hint)
    for name, wrong, says, hint in (
        *((name, _from_formula(formula), says, hint) for name, formula, says, hint in _SIZES),
        (_ORDER_OF_ARGUMENTS[0], _other_order, *_ORDER_OF_ARGUMENTS[1:]),
    )
)

PROBES: dict[str, tuple[Probe, ...]] = {
    "output_size": (
        *(value_of("output_size", n, k) for n, k in ((5, 3), (8, 2), (1, 1), (28, 5))),
        *(
            value_of("output_size", *sizes)
            for sizes in ((7, 3, 2), (8, 3, 2), (9, 1, 4), (10, 4, 4), (11, 3, 5))
        ),
        *(
            value_of("output_size", *sizes)
            for sizes in ((8, 3, 2, 1), (9, 2, 3, 2), (6, 3, 7, 1), (5, 3, 1, 2))
        ),
        value_of("output_size", 8, 3, padding=1, stride=2),
        value_of("output_size", 12, 3, padding=1),
        *(value_of("output_size", *sizes) for sizes in ((9, 3, 1, 0, 2), (12, 3, 2, 1, 3), (20, 4, 1, 2, 3))),
        value_of("output_size", 14, 2, dilation=3),
    ),
}
