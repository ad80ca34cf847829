"""Everything that is known about the mistakes of an exercise: its `slips.py`, and the words beside it."""

from __future__ import annotations

import importlib
from collections.abc import Iterable, Mapping
from functools import cache
from importlib.util import find_spec

from .mistakes import Known, Mistake
from .pipeline import Pipeline
from .words import words


def known(exercise: str, task: str) -> Known:
    """What is known about one task; nothing of a task that nobody wrote about."""
    return _by_task(exercise).get(task, Known())


def mistakes(exercise: str) -> tuple[Mistake, ...]:
    """Every single mistake of an exercise, in the order of its file."""
    return tuple(mistake for about in _by_task(exercise).values() for mistake in about.single)


@cache
def _by_task(exercise: str) -> Mapping[str, Known]:
    package = f"graders.tasks.{exercise}"
    if find_spec(package) is None or find_spec(f"{package}.slips") is None:
        return {}
    pipelines: Iterable[Pipeline] = importlib.import_module(f"{package}.slips").PIPELINES
    told = words(exercise)
    return {pipeline.task: pipeline.known(exercise, told) for pipeline in pipelines}
