"""Fixed questions with their right results, which travel to the student's process together."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from torch import Tensor

from . import messages
from .expect import compare, lies_elsewhere, named, number
from .module import Module
from .submission import Call, Submission


@dataclass(frozen=True)
class Asked:
    """A question with its right result; `expected` and `bound` as for `expect.agrees`."""

    args: tuple[Any, ...]
    kwargs: Mapping[str, Any]
    expected: Tensor
    bound: Tensor


def each_agrees(submission: Submission, name: str | Module, cases: Iterable[Asked]) -> None:
    """As `expect.agrees` for one case after the other, though their questions travel together."""
    cases = tuple(cases)
    replies = submission.ask_each(Call(name, case.args, case.kwargs) for case in cases)
    for reply, case in zip(replies, cases, strict=True):
        if _lies_within(reply.value, case.expected, case.bound):
            continue  # before any words are made
        shown, call = named(name, case.args, case.kwargs), messages.call(name, case.args, case.kwargs)
        compare(reply.value, expected=case.expected, bound=case.bound, call=call, shown=shown)


@dataclass(frozen=True)
class AskedNumber:
    """A question with a number for its right result."""

    args: tuple[Any, ...]
    kwargs: Mapping[str, Any]
    expected: int


def each_number(submission: Submission, name: str, cases: Iterable[AskedNumber]) -> None:
    """The results of all cases, which travel together, are the right numbers; see `expect.number`."""
    cases = tuple(cases)
    replies = submission.ask_each(Call(name, case.args, case.kwargs) for case in cases)
    for reply, case in zip(replies, cases, strict=True):
        if type(reply.value) is not int or reply.value != case.expected:
            number(reply.value, case.expected, call=messages.call(name, case.args, case.kwargs))


def _lies_within(got: Any, expected: Tensor, bound: Tensor) -> bool:
    """Whether `compare` would find nothing, for a result and bounds that are finite."""
    if not isinstance(got, Tensor) or got.shape != expected.shape or got.dtype.is_complex:
        return False
    return not lies_elsewhere(got) and bool(((got.double() - expected).abs() <= bound).all())
