"""Exercises and tasks, read from `solutions/`: names, points, hints. Only this module knows which exist."""

from __future__ import annotations

import functools
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import solutions

from .percent import FormatError, SourceCell, read_cells
from .schema import INVALID_INPUT, complaints, numbered

SOLUTIONS = Path(solutions.__file__).parent


@dataclass(frozen=True)
class Task:
    """One task of the contract.

    Attributes:
        kind: `"core"` or `"stretch"`.
        points: the points it is worth.
        difficulty, importance: from 1 to 5.
        minutes: how long a student may need.
        by_hand: whether torch's own convolutions and poolings are forbidden.
        hints: three, from a nudge to almost the answer.
    """

    exercise: str
    name: str
    kind: str
    points: float
    difficulty: int
    minutes: int
    importance: int
    by_hand: bool
    hints: tuple[str, ...]

    @property
    def is_function(self) -> bool:
        """Whether it is a function or class; `invalid_input` stands for calls to several functions."""
        return self.name != INVALID_INPUT


@dataclass(frozen=True)
class Exercise:
    """One exercise, which has the name of its file."""

    name: str
    title: str
    tasks: tuple[Task, ...]


class SourceError(ValueError):
    """A file in `solutions/` declares something wrongly; the text has a line for each place."""


def file_of(exercise: str) -> Path:
    """The solution file of an exercise, in this project or in another folder that holds exercises."""
    return solutions.FILES[exercise]


def checks_of(exercise: str) -> Path:
    """The file with the examples that students see."""
    return file_of(exercise).parent.parent / "exercises" / "checks" / f"test_{exercise}.py"


def cells(exercise: str) -> list[SourceCell]:
    """The cells of one solution file, with their metadata.

    Raises:
        SourceError: the file isn't in the percent format.
    """
    try:
        return read_cells(file_of(exercise).read_text(encoding="utf-8"))
    except FormatError as error:
        raise SourceError(f"solutions/{exercise}.py, {error}") from None


@functools.cache
def exercises() -> tuple[Exercise, ...]:
    """All exercises in the order of the course.

    Raises:
        SourceError: a file declares something wrongly.
    """
    return tuple(_read(name) for name in solutions.EXERCISES)


def exercise_named(name: str) -> Exercise:
    """One exercise by name."""
    return next(found for found in exercises() if found.name == name)


def _read(name: str) -> Exercise:
    found = cells(name)
    wrong = complaints(name, f"solutions/{name}.py", file_of(name).read_text(encoding="utf-8"), found)
    if wrong:
        raise SourceError("\n".join(map(str, wrong)))
    title = found[0].source.splitlines()[0].removeprefix("#").strip()
    hints = {cell.metadata["hints"]: numbered(cell.source) for cell in found if "hints" in cell.metadata}
    tasks = [_task(name, cell.metadata, hints) for cell in found if "task" in cell.metadata]
    return Exercise(name, title, tuple(tasks))


def _task(exercise: str, about: Mapping[str, Any], hints: Mapping[str, tuple[str, ...]]) -> Task:
    return Task(
        exercise=exercise,
        name=about["task"],
        kind=about["kind"],
        points=float(about["points"]),
        difficulty=about["difficulty"],
        minutes=about["minutes"],
        importance=about["importance"],
        by_hand=about.get("by_hand", False),
        hints=hints[about["task"]],
    )
