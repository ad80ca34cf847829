"""Right answers in the styles of different good students; a grader that fails one of them is wrong.

To add one, write a function or class in the file of its exercise:

    @right("conv2d", "conv2d", style="shift and add")
    def shift_and_add(X, K): …
"""

from __future__ import annotations

import importlib
from collections.abc import Callable
from dataclasses import dataclass
from importlib.util import find_spec
from typing import Any, TypeVar

import solutions

_Answer = TypeVar("_Answer", bound=Callable[..., Any])

_FOUND: list[RightAnswer] = []


@dataclass(frozen=True)
class RightAnswer:
    """One right answer to one task.

    Attributes:
        task: the task's name in the contract.
        style: what distinguishes it from the others.
        answer: the function or class.
    """

    exercise: str
    task: str
    style: str
    answer: Callable[..., Any]

    def names(self) -> dict[str, Any]:
        """The names of the reference solution, with this answer replacing the reference's."""
        reference = vars(importlib.import_module(f"solutions.{self.exercise}"))
        return {
            **{key: value for key, value in reference.items() if not key.startswith("__")},
            self.task: self.answer,
        }

    def __str__(self) -> str:
        return f"{self.exercise}.{self.task}: {self.style}"


def right(exercise: str, task: str, *, style: str) -> Callable[[_Answer], _Answer]:
    """Register a function or class as a right answer to `task`."""

    def register(answer: _Answer) -> _Answer:
        _FOUND.append(RightAnswer(exercise, task, style, answer))
        return answer

    return register


def right_answers() -> tuple[RightAnswer, ...]:
    """Every right answer, exercise by exercise in the order of the files."""
    for exercise in solutions.EXERCISES:
        if find_spec(f"{__name__}.{exercise}") is not None:
            importlib.import_module(f"{__name__}.{exercise}")
    return tuple(_FOUND)
