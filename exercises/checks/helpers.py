"""Helpers for the checks: print small tensors side by side, and compare them with a clear message.

>>> print(show(got=torch.tensor([[1, 2], [3, 4]]), expected=torch.tensor([[1, 2], [3, 5]])))
got         expected
 1    2     1  2
 3   *4*    3  5
"""

import math
from collections.abc import Callable

import torch
from torch import Tensor

SHOWN_AT_MOST = 100
"""For tensors with more elements than this, only the shape is shown."""

ROUNDING = 1e-5
"""Largest difference, relative to the largest expected value, that counts as rounding.

The examples consist of small integers, where any mistake causes a much larger difference. So this is as
strict as testing for equality, but still fair to an algorithm that rounds, such as one that uses a Fourier
transform.
"""


def show(**tensors: object) -> str:
    """Return text that shows small tensors side by side, each under its name.

    If `got` and `expected` have the same shape, the elements of `got` that differ are marked with stars.
    """
    got, expected = tensors.get("got"), tensors.get("expected")
    wrong = None
    if isinstance(got, Tensor) and isinstance(expected, Tensor) and got.shape == expected.shape:
        wrong = _differs(got, expected, ROUNDING)
    blocks = [_block(name, value, wrong if name == "got" else None) for name, value in tensors.items()]
    height = max((len(block) for block in blocks), default=0)
    widths = [max(map(len, block)) for block in blocks]
    lines = []
    for row in range(height):
        cells = [block[row] if row < len(block) else "" for block in blocks]
        lines.append(
            "    ".join(cell.ljust(width) for cell, width in zip(cells, widths, strict=True)).rstrip()
        )
    return "\n".join(lines)


def assert_same(
    got: object,
    expected: object,
    call: str,
    question: str = "",
    *,
    tolerance: float = ROUNDING,
    **inputs: object,
) -> None:
    """Fail unless `got` matches `expected`: type, shape, dtype, device and values, checked in this order.

    Args:
        got: what the student's code returned.
        expected: a tensor or a plain Python value: an int, a float, a string, or a list or tuple of those.
        call: the call as the student would write it, for the message.
        question: a question that helps the student find the mistake, for the message.
        tolerance: largest difference that counts as rounding, relative to the largest expected value (or to 1
            if that is larger).
        **inputs: tensors to show next to the result.
    """
    __tracebackhide__ = True
    problem = _problem(got, expected, tolerance)
    if not problem:
        return
    picture = show(**inputs, got=got, expected=expected)
    raise AssertionError("\n\n".join(part for part in (f"{call}: {problem}", picture, question) if part))


def assert_refused(function: Callable[[], object], call: str, question: str = "") -> None:
    """Fail unless calling `function` raises `ValueError`, because there is no valid result.

    `NotImplementedError` passes through: an unwritten task isn't a wrong one.
    """
    __tracebackhide__ = True
    try:
        got = function()
    except ValueError:
        return
    except NotImplementedError:
        raise
    except Exception as error:
        came = f"it raised {type(error).__name__}: {error}"
    else:
        came = f"it returned {_kind(got)}."
    problem = f"{call}: there is no valid result, so it should raise ValueError, but {came}"
    raise AssertionError("\n\n".join(part for part in (problem, question) if part))


def _problem(got: object, expected: object, tolerance: float) -> str:
    """What is wrong with `got`, in one sentence; empty if nothing is."""
    if got is None and expected is not None:
        return "it returned None. Is there a `return` missing?"
    if isinstance(expected, Tensor):
        return _tensor_problem(got, expected, tolerance)
    if isinstance(expected, float):
        if isinstance(got, bool) or not isinstance(got, int | float):
            return f"expected a float, got {_kind(got)}."
        right = got == expected or math.isclose(got, expected, rel_tol=tolerance, abs_tol=tolerance)
        return "" if right else f"expected {expected:g}, got {got:g}."
    if isinstance(expected, list | tuple):
        if type(got) is not type(expected) or not isinstance(got, list | tuple):
            return f"expected a {type(expected).__name__}, got {_kind(got)}."
        if len(got) != len(expected):
            return f"expected {len(expected)} elements, got {len(got)}."
        for index, (one, other) in enumerate(zip(got, expected, strict=True)):
            if problem := _problem(one, other, tolerance):
                return f"at position {index}: {problem}"
        return ""
    if type(got) is not type(expected):
        return f"expected {expected!r}, {_kind(expected)}, got {_kind(got)}."
    return "" if got == expected else f"expected {expected!r}, got {got!r}."


def _tensor_problem(got: object, expected: Tensor, tolerance: float) -> str:
    if not isinstance(got, Tensor):
        return f"expected a tensor, got {_kind(got)}."
    if got.shape != expected.shape:
        return f"the shape should be {tuple(expected.shape)}, but it is {tuple(got.shape)}."
    if got.dtype != expected.dtype:
        return f"the dtype should be {expected.dtype}, but it is {got.dtype}."
    if got.device != expected.device:
        return f"the result should be on {expected.device}, but it is on {got.device}."
    wrong, total = int(_differs(got, expected, tolerance).sum()), expected.numel()
    if not wrong:
        return ""
    if total == 1:
        return "the shape is right, but the value is wrong."
    return f"the shape is right, but {wrong} of {total} values {'is' if wrong == 1 else 'are'} wrong."


def _differs(got: Tensor, expected: Tensor, tolerance: float) -> Tensor:
    """Where two tensors of the same shape differ by more than rounding; NaN always counts as different."""
    a, b = got.detach().cpu().to(torch.float64), expected.detach().cpu().to(torch.float64)
    finite = b[b.isfinite()].abs()
    scale = max(1.0, finite.max().item()) if finite.numel() else 1.0
    return ~((a == b) | ((a - b).abs() <= tolerance * scale))


def _kind(value: object) -> str:
    if isinstance(value, Tensor):
        return f"a tensor of shape {tuple(value.shape)}"
    name = type(value).__name__
    return f"{'an' if name[0] in 'aeiou' else 'a'} {name}"


def _block(name: str, value: object, wrong: Tensor | None) -> list[str]:
    """The lines that show one value: its name, then its numbers."""
    if not isinstance(value, Tensor):
        text = repr(value)
        return [name, text if len(text) <= 200 else text[:200] + " …"]
    if value.numel() > SHOWN_AT_MOST or value.numel() == 0:
        return [name, f"shape {tuple(value.shape)}"]
    values = value.detach().cpu()
    marks = torch.zeros(values.shape, dtype=torch.bool) if wrong is None else wrong
    if values.dim() < 2:
        return [name, *_rows(values.reshape(1, -1), marks.reshape(1, -1))]
    lines = [name]
    # One table for each index of the leading axes, so that a batch is shown as a list of images.
    leading = values.shape[:-2]
    tables = zip(values.reshape(-1, *values.shape[-2:]), marks.reshape(-1, *values.shape[-2:]), strict=True)
    for number, (table, table_marks) in enumerate(tables):
        if leading:
            index = [int(i) for i in torch.unravel_index(torch.tensor(number), leading)]
            lines.append(f"[{', '.join(map(str, index))}]")
        lines.extend(_rows(table, table_marks))
    return lines


def _rows(table: Tensor, marks: Tensor) -> list[str]:
    # If any element is marked, the others are padded with spaces to keep the columns aligned.
    plain = " " if bool(marks.any()) else ""
    texts = [
        [
            f"*{_number(value)}*" if mark else f"{plain}{_number(value)}{plain}"
            for value, mark in zip(row, row_marks, strict=True)
        ]
        for row, row_marks in zip(table.tolist(), marks.tolist(), strict=True)
    ]
    width = max((len(text) for row in texts for text in row), default=0)
    return ["  ".join(text.rjust(width) for text in row).rstrip() for row in texts]


def _number(value: float | bool | complex) -> str:
    if isinstance(value, float):
        return f"{value:.4g}"
    return str(value)
