"""What came back, narrowed: the one place where a value's type is looked at before the value is.

`sandbox/claims.py` checks that an answer has the form of an answer. A value in it may still be anything that
the wire carries: a tensor of two elements where a number belongs, a network with other parameters than it
had, a record that was rewritten. Nothing here raises anything but a `StudentError`, so that a property that
compares with these functions cannot stumble over what it compares.
"""

from __future__ import annotations

from typing import Any

from torch import Tensor

from graders.sandbox.errors import Raised


def real_number(value: Any) -> float | int | None:
    """A real number as Python's own: an int, a float, or a tensor without axes; None for all else.

    A truth value is no number.
    """
    if isinstance(value, Tensor):
        if value.dim() or value.dtype.is_complex:
            return None
        value = value.item()
    return value if type(value) in (int, float) else None


def is_shape(value: Any) -> bool:
    """Whether a value is a shape: a list or tuple of ints."""
    return isinstance(value, (list, tuple)) and all(type(item) is int for item in value)


def same(one: Any, other: Any) -> bool:
    """Whether two values are of one type and equal, elements of lists and tuples included."""
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
    """Whether two tensors have one shape and dtype, and equal values; NaN equals NaN."""
    if one.shape != other.shape or one.dtype != other.dtype:
        return False
    return bool(((one == other) | (one.isnan() & other.isnan())).all())


class Entries(dict[str, Tensor]):
    """The tensors of a module by name; an entry that is gone is the module's owner's doing."""

    def __missing__(self, name: str) -> Tensor:
        raise broken("KeyError", f"the module has no entry {name!r} any more")


def records(value: Any) -> list[dict[str, bool]]:
    """What a `Recorder` has noted of each call: two truths, and more that nobody asks for.

    Raises:
        Raised: the record was written over.
    """
    kept = isinstance(value, list) and all(
        isinstance(item, dict)
        and all(isinstance(item.get(key), bool) for key in ("training", "grad_enabled"))
        for item in value
    )
    if not kept:
        raise broken("TypeError", "what a layer inside the network notes of each call was written over")
    return list(value)


def broken(kind: str, message: str) -> Raised:
    """The error that a value amounts to that cannot be compared at all."""
    return Raised(kind, (kind, "Exception"), message, (), True)
