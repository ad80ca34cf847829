"""Whether the hidden tests of an exercise notice a mutant of its reference.

A mutant that behaves like the reference is no wrong answer. It is listed in
`graders/tasks/<exercise>/mutants_equivalent.toml`, by a part of its name, with the reason:

    "copy=True).requires_grad_() -> " = "the arithmetic that follows makes a new tensor in any case"
"""

from __future__ import annotations

import signal
import sys
import tomllib
import types
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import cache

import torch

from graders.curriculum import file_of
from graders.sandbox.errors import StudentError
from graders.testing.expect import GraderError, Mismatch, NotWritten
from graders.testing.in_process import submission_in_process
from graders.testing.properties import properties_of
from graders.testing.submission import Submission

from .mutation import Mutant

SECONDS = 20
"""How long all properties of a mutant may take; one that loops for ever is stopped."""


@cache
def equivalent(exercise: str) -> Mapping[str, str]:
    """The mutants of an exercise that are right answers: a part of the name, and the reason."""
    home = file_of(exercise).parent.parent
    path = home / "graders" / "tasks" / exercise / "mutants_equivalent.toml"
    return tomllib.loads(path.read_text(encoding="utf-8")) if path.exists() else {}


def listed(mutant: Mutant) -> list[str]:
    """The entries of the list of equivalent mutants that speak of this one."""
    return [part for part in equivalent(mutant.exercise) if part in mutant.name]


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
