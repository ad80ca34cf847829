"""Narrowing: the one place where the type of a returned value is checked before the value is used.

`sandbox/validation.py` checks that an answer is well-formed. A value in it may still be anything that the
wire
carries: a tensor of two elements where a number belongs, a network whose parameters have changed, a record
that was rewritten. The functions here raise nothing but `StudentError`, so a property that compares values
with them can't fail in any other way.
"""

from __future__ import annotations

from typing import Any

from torch import Tensor

from graders.sandbox.errors import Raised


def real_number(value: Any) -> float | int | None:
    """An int, a float or a 0-d tensor as a Python number; None for everything else, including a bool."""
    if isinstance(value, Tensor):
        if value.dim() or value.dtype.is_complex:
            return None
        value = value.item()
    return value if type(value) in (int, float) else None


def is_shape(value: Any) -> bool:
    """Whether a value is a shape: a list or tuple of ints."""
    return isinstance(value, (list, tuple)) and all(type(item) is int for item in value)


def same(one: Any, other: Any) -> bool:
    """Whether two values have the same type and are equal, and so are the elements of lists and tuples."""
    if type(one) is not type(other):
        return False
    if isinstance(one, Tensor):
        return same_tensor(one, other)
    if isinstance(one, (list, tuple)):
        return len(one) == len(other) and all(map(same, one, other))
    if isinstance(one, dict):
        return list(one) == list(other) and all(same(item, other[key]) for key, item in one.items())
    return bool(one == other)


def same_tensor(one: Tensor, other: Tensor) -> bool:
    """Whether two tensors have the same shape, dtype and values; NaN equals NaN."""
    if one.shape != other.shape or one.dtype != other.dtype:
        return False
    return bool(((one == other) | (one.isnan() & other.isnan())).all())


class Entries(dict[str, Tensor]):
    """The tensors of a module by name; a missing entry is the student's error, not the grader's."""

    def __missing__(self, name: str) -> Tensor:
        raise broken("KeyError", f"the module no longer has an entry {name!r}")


def records(value: Any) -> list[dict[str, bool]]:
    """What a `Recorder` noted about each call, checked as far as properties use it.

    Raises:
        Raised: the record was overwritten.
    """
    kept = isinstance(value, list) and all(
        isinstance(item, dict)
        and all(isinstance(item.get(key), bool) for key in ("training", "grad_enabled"))
        for item in value
    )
    if not kept:
        raise broken("TypeError", "the record that a layer in the network keeps of its calls was overwritten")
    return list(value)


def broken(kind: str, message: str) -> Raised:
    """The error that stands for a value that can't be compared at all."""
    return Raised(kind, (kind, "Exception"), message, (), True)
