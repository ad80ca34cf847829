"""Mistakes that are written out one by one, for tasks that have no pipeline yet.

@misconception("edge-white-on-black", "edge_image", says="This is …", hint="Which …?")
def edge_image(height, width, left, right): …
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

from .mistakes import Known, Mistake, Probe

_Wrong = TypeVar("_Wrong", bound=Callable[..., Any])
Function = Callable[..., Any]
Change = Callable[[Function], Function]


def misconception(name: str, task: str, *, says: str, hint: str) -> Callable[[_Wrong], _Wrong]:
    """Mark a wrong function or class as a mistake about `task`."""

    def mark(wrong: _Wrong) -> _Wrong:
        exercise = wrong.__module__.removeprefix("graders.tasks.").partition(".")[0]
        wrong.__mistake__ = Mistake(name, exercise, task, says, hint, wrong)  # type: ignore[attr-defined]
        return wrong

    return mark


def mistakes_of(
    exercise: str, entries: Iterable[Any], probes: Mapping[str, Iterable[Probe]]
) -> dict[str, Known]:
    """What is known about each task, from the marked functions and classes of an exercise."""
    marked = [vars(value).get("__mistake__") for value in entries]
    found: dict[str, list[Mistake]] = {}
    for mistake in marked:
        if isinstance(mistake, Mistake):
            found.setdefault(mistake.task, []).append(mistake)
    return {task: Known(tuple(those), probes=tuple(probes.get(task, ()))) for task, those in found.items()}


@dataclass(frozen=True)
class Slip:
    """One mistake.

    Attributes:
        name: as in the catalogue, without the task's prefix.
        says, hint: as in the catalogue.
        change: makes a right function wrong; it must return a new one each time.
        with_habits: whether it is also met together with habits such as a buffer without a dtype.
    """

    name: str
    says: str
    hint: str
    change: Change
    with_habits: bool = True


def entries(
    exercise: str,
    task: str,
    right: Function,
    slips: Iterable[Slip],
    *,
    habits: Iterable[Slip] = (),
    prefix: str = "",
    before: str = "",
    make: Change = lambda function: function,
) -> tuple[Any, ...]:
    """Mistakes about one task: every slip alone, and together with every habit.

    Args:
        right: the right function, or class.
        prefix: in front of the slip's name, so that names stay unique within an exercise.
        before: in front of the slip's sentence.
        make: makes the task's answer from the wrong function, where that is another one.
    """
    found = []
    for slip in slips:
        wrong = make(slip.change(right))
        found.append(entry(exercise, task, prefix + slip.name, wrong, before + slip.says, slip.hint))
        for habit in habits if slip.with_habits else ():
            both = f"{before}{slip.says} And besides: {habit.says[0].lower()}{habit.says[1:]}"
            name = f"{prefix}{slip.name}-and-{habit.name}"
            wrong = make(habit.change(slip.change(right)))
            found.append(entry(exercise, task, name, wrong, both, slip.hint))
    return tuple(found)


def entry(exercise: str, task: str, name: str, wrong: Function, says: str, hint: str) -> Function:
    """One misconception from a function that was made, not written in the file of its exercise."""
    wrong.__module__ = f"graders.tasks.{exercise}.misconceptions"
    return misconception(name, task, says=says, hint=hint)(wrong)


def marked(namespace: Mapping[str, Any]) -> tuple[Any, ...]:
    """Every `@misconception` of a file, in the order in which it stands there."""
    return tuple(value for value in namespace.values() if "__mistake__" in getattr(value, "__dict__", {}))
