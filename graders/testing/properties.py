"""`@property_of`: marks a function as a property of one task, in one group that earns points together."""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from types import ModuleType
from typing import Any, TypeVar

from hypothesis import HealthCheck, Phase, settings

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

    Groups and their weights are in the exercise's `GROUPS`; a group earns its share of the points when all
    its properties hold. All properties of a task are in one file and run in the order in which they are
    defined.
    """

    def mark(test: _Test) -> _Test:
        marked = PROPERTY_SETTINGS(test) if hasattr(test, "hypothesis") else test
        marked.__property__ = Mark(task, group)  # type: ignore[attr-defined]
        return marked

    return mark


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


def properties_of(exercise: str, task: str) -> list[Property]:
    """The properties of one task, in the order of its file."""
    return [found for file in files_of(exercise) for found in marked_in(file) if found.task == task]


def groups_by_task(exercise: str) -> Mapping[str, Mapping[str, float]]:
    """The groups of every task with their weights: `GROUPS` of the package, or beside the properties."""
    named = (vars(module).get("GROUPS") for module in (package_of(exercise), *files_of(exercise)))
    return next((groups for groups in named if groups is not None), {})


def groups_of(exercise: str, task: str) -> dict[str, float]:
    """The groups of one task with their weights."""
    return dict(groups_by_task(exercise)[task])
