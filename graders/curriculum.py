"""Exercises and tasks, read from `solutions/`: names, points, hints. Only this module knows which exist."""

from __future__ import annotations

import functools
import re
from dataclasses import dataclass
from pathlib import Path

import solutions

from .percent import FormatError, SourceCell, read_cells

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
        return self.name != "invalid_input"


@dataclass(frozen=True)
class Exercise:
    """One exercise, which has the name of its file."""

    name: str
    title: str
    tasks: tuple[Task, ...]


class SourceError(Exception):
    """A file in `solutions/` lacks something that it must declare."""


def cells(exercise: str) -> list[SourceCell]:
    """The cells of one solution file, with their metadata.

    Raises:
        SourceError: the file isn't in the percent format.
    """
    path = SOLUTIONS / f"{exercise}.py"
    try:
        return read_cells(path.read_text(encoding="utf-8"))
    except FormatError as error:
        raise SourceError(f"solutions/{path.name}, {error}") from None


@functools.cache
def exercises() -> tuple[Exercise, ...]:
    """All exercises in the order of the course."""
    return tuple(_read(name) for name in solutions.EXERCISES)


def exercise_named(name: str) -> Exercise:
    """One exercise by name."""
    return next(found for found in exercises() if found.name == name)


def _read(name: str) -> Exercise:
    found = cells(name)
    title = found[0].source.splitlines()[0].removeprefix("#").strip()
    hints = {cell.metadata["hints"]: _numbered(cell.source) for cell in found if "hints" in cell.metadata}
    tasks = []
    for cell in found:
        about = cell.metadata
        if "task" not in about:
            continue
        task = about["task"]
        if len(hints.get(task, ())) != 3:
            raise SourceError(
                f"solutions/{name}.py: task {task} has {len(hints.get(task, ()))} hints; it needs 3"
            )
        try:
            tasks.append(
                Task(
                    exercise=name,
                    name=task,
                    kind=about["kind"],
                    points=float(about["points"]),
                    difficulty=about["difficulty"],
                    minutes=about["minutes"],
                    importance=about["importance"],
                    by_hand=about.get("by_hand", False),
                    hints=hints[task],
                )
            )
        except KeyError as missing:
            raise SourceError(f"solutions/{name}.py: task {task} does not state its {missing}") from None
    return Exercise(name, title, tuple(tasks))


def _numbered(text: str) -> tuple[str, ...]:
    """The items of a Markdown list `1. … 2. … 3. …`."""
    items = re.split(r"^\d+\.\s+", text, flags=re.MULTILINE)[1:]
    return tuple(" ".join(item.split()) for item in items)
