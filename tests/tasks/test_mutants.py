"""Every automatic mutant of the reference fails, except those that behave like the reference."""

from __future__ import annotations

import signal
import sys
import tomllib
import types
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path

import pytest
import torch

import solutions
from graders.sandbox.errors import StudentError
from graders.testing.expect import GraderError, Mismatch, NotWritten
from graders.testing.in_process import submission_in_process
from graders.testing.properties import properties_of
from graders.testing.submission import Submission
from tests.parts import Part
from tests.tasks.mutation import Mutant, mutants

EQUIVALENT: dict[str, str] = tomllib.loads(
    (Path(__file__).parent / "mutants_equivalent.toml").read_text(encoding="utf-8")
)
"""By a part of the mutant's name: why it is no wrong answer."""
LEAST = 200
SECONDS = 20


@cache
def every_mutant(exercise: str) -> tuple[Mutant, ...]:
    return tuple(mutants(exercise))


def survives(mutant: Mutant) -> bool:
    """Whether the mutant passes every property of the tasks that it changes."""
    try:
        with _time_limit(SECONDS):
            submission = _submission(mutant)
            for task in (*mutant.tasks, "invalid_input"):
                for held in properties_of(mutant.exercise, task):
                    submission.begin(by_hand=False)
                    held.test(submission=submission)
    except (Mismatch, NotWritten, StudentError, _Late, ExceptionGroup):
        return False
    return True


def _submission(mutant: Mutant) -> Submission:
    module = types.ModuleType(f"mutant_{mutant.exercise}")
    sys.modules[module.__name__] = module
    try:
        exec(compile(mutant.source, f"{mutant.exercise}.py", "exec"), module.__dict__)
    except GraderError:
        raise
    except Exception as error:
        raise _Late(f"cannot be imported: {error}") from None
    return submission_in_process(
        {key: value for key, value in vars(module).items() if not key.startswith("__")}
    )


class _Late(Exception):
    """The mutant never ends, or never begins."""


@contextmanager
def _time_limit(seconds: int) -> Iterator[None]:
    def late(number: int, frame: object) -> None:
        raise _Late(f"still running after {seconds} s")

    before = signal.signal(signal.SIGALRM, late)
    signal.alarm(seconds)
    try:
        yield
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, before)
        torch.set_grad_enabled(True)


def listed(mutant: Mutant) -> list[str]:
    """The entries of the list of equivalent mutants that speak of this one."""
    return [part for part in EQUIVALENT if part in mutant.name]


@pytest.mark.parametrize("exercise", solutions.EXERCISES)
def test_every_mutant_of_the_reference_fails(exercise: str, part: Part) -> None:
    asked = [mutant for mutant in every_mutant(exercise) if not listed(mutant)]
    chosen = set(part.of(mutant.name for mutant in asked))
    survivors = [mutant.name for mutant in asked if mutant.name in chosen and survives(mutant)]
    assert not survivors, f"{part}: they pass, and are not listed as equivalent:\n" + "\n".join(survivors)


def test_there_are_enough_mutants_and_every_entry_of_the_list_is_needed() -> None:
    every = [mutant for exercise in solutions.EXERCISES for mutant in every_mutant(exercise)]
    used = {part for mutant in every for part in listed(mutant)}
    assert sum(not listed(mutant) for mutant in every) >= LEAST
    assert set(EQUIVALENT) == used, "listed as equivalent, but no longer made"
    assert all(reason.strip() for reason in EQUIVALENT.values())
