"""Exercise 1, continued: mistakes about the size of a result."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

from graders.diagnosis.mistakes import Probe
from graders.diagnosis.observing import value_of
from graders.diagnosis.written import Function, entry

_FORMULA = "Draw seven boxes in a row and a window of three. Where may the window start if it moves by two?"
_SIDES = "If one box of padding is put on each side of seven boxes, how many are there?"
_HOLES = "How many pixels does a kernel of 3 elements cover if they lie 2 pixels apart?"


def _extent(k: int, d: int) -> int:
    return d * (k - 1) + 1


Formula = Callable[..., Any]

# Each takes n, kernel, stride, padding and dilation.
_SIZES: tuple[tuple[str, Formula, str, str], ...] = (
    (
        "plus-one-forgotten",
        lambda n, k, s, p, d: (n + 2 * p - _extent(k, d)) // s,
        "The + 1 is missing: the first position counts as well, before any stride is made.",
        _FORMULA,
    ),
    (
        "plus-one-divided-too",
        lambda n, k, s, p, d: (n + 2 * p - _extent(k, d) + 1) // s,
        "The + 1 stands inside the division by the stride. The room is divided, and the first position is "
        "added after that.",
        _FORMULA,
    ),
    (
        "partial-windows-counted",
        lambda n, k, s, p, d: math.ceil((n + 2 * p - _extent(k, d)) / s) + 1,
        "The division is rounded up, so a last window that sticks out is counted. Only windows that fit "
        "entirely count: round down.",
        _FORMULA,
    ),
    (
        "rounded-to-the-nearest",
        lambda n, k, s, p, d: round((n + 2 * p - _extent(k, d)) / s) + 1,
        "The division is rounded to the nearest number. Only windows that fit entirely count: round down.",
        _FORMULA,
    ),
    (
        "fraction-returned",
        lambda n, k, s, p, d: (n + 2 * p - _extent(k, d)) / s + 1,
        "The result is a float, and a fraction where the stride does not divide. It should be an int, "
        "rounded down: // in place of /.",
        "What do 5 / 2 and 5 // 2 give?",
    ),
    (
        "padding-counted-once",
        lambda n, k, s, p, d: (n + p - _extent(k, d)) // s + 1,
        "The padding is counted once. It is put on each of the two ends, so the axis grows by twice the "
        "padding.",
        _SIDES,
    ),
    (
        "padding-ignored",
        lambda n, k, s, p, d: (n - _extent(k, d)) // s + 1,
        "The padding has no effect. It is put on each of the two ends, so the axis grows by twice the "
        "padding.",
        _SIDES,
    ),
    (
        "padding-subtracted",
        lambda n, k, s, p, d: (n - 2 * p - _extent(k, d)) // s + 1,
        "The padding is subtracted. It makes the axis longer, by twice the padding.",
        _SIDES,
    ),
    (
        "padding-added-after-the-division",
        lambda n, k, s, p, d: (n - _extent(k, d)) // s + 1 + 2 * p,
        "The padding is added to the result. It is put around the input, before the window begins to move.",
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
        "Without a stride the window moves by its own size, as in pooling. In a convolution the stride is "
        "1 unless something else is said.",
        "By how much does the window move if nobody says anything?",
    ),
    (
        "divided-before-the-kernel-is-subtracted",
        lambda n, k, s, p, d: (n + 2 * p) // s - _extent(k, d) + 1,
        "The input is divided by the stride before the kernel is subtracted. First comes the room that the "
        "kernel leaves, and that is divided.",
        _FORMULA,
    ),
    (
        "only-the-kernel-divided",
        lambda n, k, s, p, d: n + 2 * p - _extent(k, d) // s + 1,
        "Only the kernel is divided by the stride: brackets are missing, and // comes before + and -. What "
        "is divided is the whole room that the kernel leaves.",
        "What is 8 - 4 // 2, and what is (8 - 4) // 2?",
    ),
    (
        "divided-by-stride-plus-one",
        lambda n, k, s, p, d: (n + 2 * p - _extent(k, d)) // (s + 1),
        "The room is divided by stride + 1: the brackets are in the wrong place. The + 1 is added after the "
        "division, for the first position.",
        _FORMULA,
    ),
    (
        "window-left-out",
        lambda n, k, s, p, d: (n + 2 * p) // s,
        "The kernel does not appear in the size. A window of k needs room, and the last ones would stick "
        "out.",
        _FORMULA,
    ),
    (
        "same-size-expected",
        lambda n, k, s, p, d: math.ceil(n / s),
        "This is the size of a convolution that pads by itself to keep the input's length. Here only the "
        "padding that is asked for is added.",
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
        "The dilation is taken for the number of pixels left out between two elements. It is their "
        "distance, so dilation - 1 are left out; with dilation 1 they touch.",
        _HOLES,
    ),
    (
        "kernel-times-dilation",
        lambda n, k, s, p, d: (n + 2 * p - k * d) // s + 1,
        "The extent of a dilated kernel is taken to be kernel × dilation. After the last element no step "
        "follows: there are kernel - 1 steps.",
        _HOLES,
    ),
    (
        "extent-one-too-small",
        lambda n, k, s, p, d: (n + 2 * p - d * (k - 1)) // s + 1,
        "The extent of the kernel is one pixel too small: kernel - 1 steps lead from the first element to "
        "the last, and the first one counts as well.",
        _HOLES,
    ),
    (
        "dilation-added-to-the-kernel",
        lambda n, k, s, p, d: (n + 2 * p - (k + d - 1)) // s + 1,
        "The dilation is added to the kernel once. It widens every one of the kernel - 1 steps.",
        _HOLES,
    ),
    (
        "dilation-on-the-input",
        lambda n, k, s, p, d: (n + 2 * p - k) // (s * d) + 1,
        "The dilation is multiplied into the stride. It does not change how the window moves, but how far "
        "the window reaches.",
        _HOLES,
    ),
    (
        "pair-returned",
        lambda n, k, s, p, d: ((n + 2 * p - _extent(k, d)) // s + 1,) * 2,
        "Two numbers come back. The function is about one axis, so the answer is one int.",
        "How often will it be called for an image?",
    ),
)

_ORDER_OF_ARGUMENTS = (
    "stride-and-padding-in-the-other-order",
    "Stride and padding are exchanged where they are given without a name: the order is n, kernel, stride, "
    "padding, dilation.",
    "What does output_size(8, 3, 2, 1) mean, number by number?",
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
