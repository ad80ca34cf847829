"""Whatever a student's process answers counts as the student's answer, never as a grader error.

Real answers of the references go through every property. One of them is replaced on the way, wholly or in
part, by something that the validation (`validation.py`) lets through.
"""

from __future__ import annotations

import importlib
import json
from collections.abc import Mapping
from random import Random
from typing import Any

import pytest
import torch

from graders.curriculum import Task, exercises
from graders.grading.grade import Settings, _ask
from graders.grading.modules import Modules
from graders.testing.in_process import Fields, submission_in_process
from graders.testing.properties import Property, properties_of
from tests.parts import Part
from tests.testing import odd_values

TASKS = [task for exercise in exercises() for task in exercise.tasks]
TRIES = 120
_LATEST, _AFTERWARDS = 14, 8
_COSTLY = ("beats_the_classic", "learns_real_images", "recognises_new_images", "real_images")


class _Enough(BaseException):
    """The replaced answer has been examined."""


class Replaced:
    """Replaces one answer, the `at`-th, and sometimes a few more after it."""

    def __init__(self, random: Random) -> None:
        self.random = random
        self.at = min(int(random.expovariate(0.25)), _LATEST)
        self.seen = 0
        self.done = ""

    def __call__(self, question: Mapping[str, Any], fields: Fields) -> Fields:
        self.seen += 1
        if self.seen > self.at + 1 + _AFTERWARDS:
            raise _Enough
        if self.seen <= self.at or (self.done and self.random.random() < 0.7):
            return fields
        keys = [key for key in fields if key not in ("id", "outcome")]
        if not keys:
            return fields
        weights = [3 if key == "value" else 1 for key in keys]
        key = self.random.choices(keys, weights)[0]
        made = odd_values.answer(self.random, key, fields[key])
        self.done += f"{question['ask']}.{key} -> {made!r:.200}; "
        return {**fields, key: made}


def tried(held: Property, task: Task, names: Mapping[str, Any], random: Random) -> tuple[str, Any]:
    """Run one property on a right answer with something replaced; returns what was, and the finding."""
    change = Replaced(random)
    submission = submission_in_process(names, change)
    try:
        return change.done, _ask(held, task, submission, Settings(seed=random.randrange(99)), Modules())
    except _Enough:
        return change.done, None
    except Exception as error:
        error.add_note(f"{held.test.__name__}: {change.done}")
        raise


@pytest.mark.parametrize("task", TASKS, ids=lambda task: f"{task.exercise}.{task.name}")
def test_no_answer_is_a_grader_error(task: Task, part: Part) -> None:
    torch.set_num_threads(1)
    names = vars(importlib.import_module(f"solutions.{task.exercise}"))
    held = [
        each
        for each in properties_of(task.exercise, task.name)
        if not any(word in each.test.__name__ for word in _COSTLY)
    ]
    for number in part.of(range(TRIES)):
        random = Random(f"{task.exercise}.{task.name}.{number}")
        _, found = tried(random.choice(held), task, names, random)
        if found is not None and found.outcome != "passed":
            json.dumps(found.counterexample, allow_nan=False)
            found.message.encode()
            # A name such as `1` may stand in the call by chance; a sentence that ends in it gives it away.
            assert not found.said.expected or not found.said.what.rstrip(".").endswith(found.said.expected)
