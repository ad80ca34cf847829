"""The properties that follow from the facts of a task, for `pytest graders/tasks --submission DIR`."""

from __future__ import annotations

import pytest

from graders.curriculum import exercises
from graders.testing import derived
from graders.testing.properties import Property, properties_of
from graders.testing.submission import Submission

DERIVED = [
    pytest.param(exercise.name, held, id=f"{task.name}-{held.group}-{held.test.__name__}")
    for exercise in exercises()
    for task in exercise.tasks
    for held in properties_of(exercise.name, task.name)
    if held.test.__module__.startswith(derived.__package__)
]


@pytest.fixture
def mark(held: Property) -> Property:
    """Which task and which group the property belongs to."""
    return held


@pytest.mark.parametrize(("exercise", "held"), DERIVED, scope="module")
def test_what_follows_from_the_facts(held: Property, submission: Submission) -> None:
    held.test(submission=submission)
