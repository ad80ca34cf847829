"""What one call to a student's code brought back."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from torch import Tensor


@dataclass(frozen=True)
class Reply:
    """What one call returned, and what was observed.

    Attributes:
        value: the result: plain tensors, numbers, strings, lists, tuples, dicts; a `Module` for an object.
        arguments: the tensor arguments after the call, if requested.
        marks: for each of these, what autograd has newly recorded about it; empty if nothing.
        gradients: those of the tensor arguments that require grad, if a cotangent was given; None if the
            result isn't part of a graph.
        parameter_gradients: those of a module's parameters, by name.
        effort: the number of tensor operations and Python steps, if requested.
        changed_state: global settings that the call changed.
        printed: what the code printed.
    """

    value: Any
    arguments: list[Tensor] = field(default_factory=list)
    marks: list[str] = field(default_factory=list)
    gradients: list[Tensor | None] | None = None
    parameter_gradients: dict[str, Tensor | None] = field(default_factory=dict)
    effort: tuple[int, int] = (0, 0)
    changed_state: list[str] = field(default_factory=list)
    printed: str = ""
