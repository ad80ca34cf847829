"""What the contract calls a function's arguments, so that messages call them the same."""

from __future__ import annotations

import functools
import importlib
import inspect
from collections.abc import Mapping, Sequence
from typing import Any

import solutions


def labels(name: Any, count: int) -> Sequence[str]:
    """What to call the first `count` positional arguments of a function, or of a module of the student's.

    Where the contract has no name for one: X, K, and then their places.
    """
    known = tuple(_parameters(name)) if isinstance(name, str) else ("X",)
    usual = ("X", "K", *(f"argument {place}" for place in range(3, count + 1)))
    return [*known, *usual[len(known) :]][:count]


def written(name: str) -> str:
    """How the contract writes a function or a class, without annotations, such as `conv2d(X, K)`."""
    shown = ", ".join(str(one.replace(annotation=one.empty)) for one in _parameters(name).values())
    return f"{name}({shown})"


@functools.cache
def _parameters(name: str) -> Mapping[str, inspect.Parameter]:
    for exercise in solutions.EXERCISES:
        module = importlib.import_module(f"solutions.{exercise}")
        found = getattr(module, name, None)
        if callable(found) and found.__module__ == module.__name__:
            return inspect.signature(found).parameters
    return {}
