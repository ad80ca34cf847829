"""Everything that is known about the mistakes of an exercise.

It stands in the exercise's folder, in `slips.py` (pipelines and what replaces their steps) or, written out
one by one, in `misconceptions/catalogue.py`; a task is found in either.
"""

from __future__ import annotations

import importlib
from collections.abc import Iterable, Mapping
from functools import cache
from importlib.util import find_spec
from types import ModuleType

from .mistakes import Known, Mistake
from .pipeline import Pipeline
from .words import words
from .written import mistakes_of


def known(exercise: str, task: str) -> Known:
    """What is known about one task; nothing of a task that nobody wrote about."""
    return _by_task(exercise).get(task, Known())


def mistakes(exercise: str) -> tuple[Mistake, ...]:
    """Every single mistake of an exercise, in the order of its files."""
    return tuple(mistake for about in _by_task(exercise).values() for mistake in about.single)


@cache
def _by_task(exercise: str) -> Mapping[str, Known]:
    found = {}
    slips = _module(f"graders.tasks.{exercise}.slips")
    if slips is not None:
        pipelines: Iterable[Pipeline] = slips.PIPELINES
        told = words(exercise)
        found.update({pipeline.task: pipeline.known(exercise, told) for pipeline in pipelines})
    written = _module(f"graders.tasks.{exercise}.misconceptions.catalogue")
    if written is not None:
        found.update(mistakes_of(exercise, written.ENTRIES, written.PROBES))
    return found


def _module(name: str) -> ModuleType | None:
    """A module, or nothing if there is none of its name."""
    package, _, _ = name.rpartition(".")
    try:
        missing = find_spec(package) is None or find_spec(name) is None
    except ModuleNotFoundError:
        return None
    return None if missing else importlib.import_module(name)
