"""The contract's names for a function's arguments, which messages use too."""

from __future__ import annotations

import functools
import importlib
import inspect
from collections.abc import Mapping, Sequence
from typing import Any

import solutions


def labels(name: Any, count: int) -> Sequence[str]:
    """Names for the first `count` positional arguments of a function, or of a student's module.

    Arguments that the contract doesn't name are called X, K, and then by their position.
    """
    known = tuple(_parameters(name)) if isinstance(name, str) else ("X",)
    usual = ("X", "K", *(f"argument {place}" for place in range(3, count + 1)))
    return [*known, *usual[len(known) :]][:count]


def written(name: str) -> str:
    """The contract's signature of a function or class, without annotations, such as `conv2d(X, K)`."""
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
