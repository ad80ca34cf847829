"""The properties of a task: those that its facts imply, and those by hand, marked with `@property_of`."""

from __future__ import annotations

import importlib
import importlib.util
import pkgutil
from collections.abc import Callable, Mapping
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
    """The task and the group that a property belongs to."""

    task: str
    group: str


@dataclass(frozen=True)
class Property:
    """One property: a test function that takes a submission, with its task and group."""

    test: Callable[..., None]
    task: str
    group: str

    @property
    def title(self) -> str:
        """The function's name as a sentence."""
        return self.test.__name__.removeprefix("test_").replace("_", " ")


def property_of(task: str, group: str) -> Callable[[_Test], _Test]:
    """Mark a test function `(submission, …)` as a property of `task`.

    Groups and their weights are in the task's facts or in the exercise's `GROUPS`; a group earns its share of
    the points when all its properties hold. All handwritten properties of a task are in one file and run in
    the order in which they are defined.
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
    """The modules with an exercise's properties: one `properties.py`, or those of a folder, by name."""
    package = importlib.import_module(f"graders.tasks.{exercise}.properties")
    if not hasattr(package, "__path__"):
        return (package,)
    names = sorted(found.name for found in pkgutil.iter_modules(package.__path__))
    return tuple(importlib.import_module(f"{package.__name__}.{name}") for name in names)


def marked_in(file: ModuleType) -> list[Property]:
    """The properties in one module, in the order in which they stand there."""
    return [
        Property(value, mark.task, mark.group)
        for value in vars(file).values()
        if isinstance(mark := getattr(value, "__property__", None), Mark)
    ]


def facts_of(exercise: str, task: str) -> Operation | Size | None:
    """What is declared of a task in `graders/tasks/<exercise>/facts.py`, if anything is."""
    return _declared(exercise).get(task)


@cache
def _declared(exercise: str) -> Mapping[str, Operation | Size]:
    name = f"graders.tasks.{exercise}.facts"
    if importlib.util.find_spec(name) is None:
        return {}
    found = vars(importlib.import_module(name))
    return {task: facts for task, facts in found.items() if isinstance(facts, (Operation, Size))}


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
    written = [found for file in files_of(exercise) for found in marked_in(file) if found.task == task]
    facts = facts_of(exercise, task)
    if facts is None:
        return written
    by_hand = {held.group for held in written}
    found = [*(held for held in _derived(facts) if held.group not in by_hand), *written]
    return sorted(found, key=lambda held: list(facts.groups).index(held.group))


def groups_by_task(exercise: str) -> Mapping[str, Mapping[str, float]]:
    """The groups of every task with their weights: those of its facts, and `GROUPS`."""
    named = (vars(module).get("GROUPS") for module in (package_of(exercise), *files_of(exercise)))
    written: Mapping[str, Mapping[str, float]] = next((groups for groups in named if groups is not None), {})
    declared = {
        task: {name: group.weight for name, group in facts.groups.items()}
        for task, facts in _declared(exercise).items()
    }
    return {**written, **declared}


def groups_of(exercise: str, task: str) -> dict[str, float]:
    """The groups of one task with their weights."""
    return dict(groups_by_task(exercise)[task])
