"""The properties of a task: those that its facts imply, and those by hand, marked with `@property_of`."""

from __future__ import annotations

import importlib
import importlib.util
import pkgutil
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from types import ModuleType
from typing import Any, TypeVar

from hypothesis import HealthCheck, Phase, settings

from .derived import derived
from .operation import Operation
from .size import Size

_Test = TypeVar("_Test", bound=Callable[..., Any])

PROPERTY_SETTINGS = settings(
    max_examples=12,
    phases=(Phase.explicit, Phase.generate),
    report_multiple_bugs=False,
    database=None,
    deadline=None,
    suppress_health_check=list(HealthCheck),
    print_blob=False,
)


@dataclass(frozen=True)
class Mark:
    """Which task a property belongs to, and the group of it."""

    task: str
    group: str


@dataclass(frozen=True)
class Property:
    """One property: a test function that takes a submission, and what it stands for."""

    test: Callable[..., None]
    task: str
    group: str

    @property
    def title(self) -> str:
        """The function's name as a sentence."""
        return self.test.__name__.removeprefix("test_").replace("_", " ")


def property_of(task: str, group: str) -> Callable[[_Test], _Test]:
    """Mark a test function `(submission, …)` as a property of `task`.

    Groups and their weights stand in the facts of the task, or in the exercise's `GROUPS`; a group earns its
    share when all its properties hold. The properties of a task stand in one file, and run in the order in
    which it defines them.
    """

    return lambda test: _marked(test, task, group)


def _marked(test: _Test, task: str, group: str) -> _Test:
    marked = PROPERTY_SETTINGS(test) if hasattr(test, "hypothesis") else test
    marked.__property__ = Mark(task, group)  # type: ignore[attr-defined]
    return marked


def package_of(exercise: str) -> ModuleType:
    """The package `graders.tasks.<exercise>`."""
    return importlib.import_module(f"graders.tasks.{exercise}")


@cache
def files_of(exercise: str) -> tuple[ModuleType, ...]:
    """The modules with an exercise's properties, by name."""
    package = importlib.import_module(f"graders.tasks.{exercise}.properties")
    names = sorted(found.name for found in pkgutil.iter_modules(package.__path__))
    return tuple(importlib.import_module(f"{package.__name__}.{name}") for name in names)


def facts_of(exercise: str, task: str) -> Operation | Size | None:
    """What is declared of a task in `graders/tasks/<exercise>/facts.py`, if anything is."""
    name = f"graders.tasks.{exercise}.facts"
    if importlib.util.find_spec(name) is None:
        return None
    found = getattr(importlib.import_module(name), task, None)
    return found if isinstance(found, (Operation, Size)) else None


@cache
def _derived(facts: Operation | Size) -> tuple[Property, ...]:
    """The properties that follow from facts, group by group."""
    found = derived(facts) if isinstance(facts, Operation) else facts.derived()
    return tuple(Property(_marked(test, facts.task, group), facts.task, group) for group, test in found)


def properties_of(exercise: str, task: str) -> list[Property]:
    """The properties of one task, in the order in which they are asked.

    Those of a declared task are asked group by group; whatever is written by hand for a group stands in the
    place of what would be derived for it. Without facts the order is that of the task's file.
    """
    written = [
        Property(value, mark.task, mark.group)
        for file in files_of(exercise)
        for value in vars(file).values()
        if (mark := getattr(value, "__property__", None)) is not None and mark.task == task
    ]
    facts = facts_of(exercise, task)
    if facts is None:
        return written
    by_hand = {held.group for held in written}
    found = [*(held for held in _derived(facts) if held.group not in by_hand), *written]
    return sorted(found, key=lambda held: list(facts.groups).index(held.group))


def groups_of(exercise: str, task: str) -> dict[str, float]:
    """The groups of one task with their weights."""
    facts = facts_of(exercise, task)
    if facts is not None:
        return {name: group.weight for name, group in facts.groups.items()}
    return dict(package_of(exercise).GROUPS[task])
