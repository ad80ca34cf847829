"""What a mistake is, what is known about a task, and what a diagnosis says."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from itertools import combinations, product
from typing import Any

from graders.testing.submission import Submission

from . import phrases

Probe = Callable[[Submission], Any]
"""One question to a submission; what it returns, or raises, is compared."""


@dataclass(frozen=True)
class Mistake:
    """One way to get a task wrong: a slip, or two of them at once.

    Attributes:
        name: in lower case with hyphens; of two at once, both with ` and ` between them.
        task: the contract's name of the task.
        says: the sentence for the student.
        hint: a question that leads out of it.
        wrong: a function or class that behaves as the mistake does.
    """

    name: str
    exercise: str
    task: str
    says: str
    hint: str
    wrong: Callable[..., Any]

    def names(self) -> dict[str, Any]:
        """The reference solution's names with this one wrong."""
        return {**right_names(self.exercise), self.task: self.wrong}


def right_names(exercise: str) -> dict[str, Any]:
    """What the reference solution of an exercise defines, by name."""
    defined: Mapping[str, Any] = vars(importlib.import_module(f"solutions.{exercise}"))
    return {name: value for name, value in defined.items() if not name.startswith("__")}


@dataclass(frozen=True)
class Known:
    """What is known about one task.

    Attributes:
        values: mistakes that change numbers, shapes or what is remembered.
        habits: mistakes that are met together with any of those, such as a buffer without a dtype.
        probes: the questions by which answers are told apart.
        both: makes one mistake of two; the second is a habit. Without it pairs aren't looked for.
    """

    values: tuple[Mistake, ...] = ()
    habits: tuple[Mistake, ...] = ()
    probes: tuple[Probe, ...] = ()
    both: Callable[[Mistake, Mistake], Mistake] | None = None

    @property
    def single(self) -> tuple[Mistake, ...]:
        """Every mistake that is one slip."""
        return self.values + self.habits

    @property
    def pairs(self) -> tuple[tuple[Mistake, Mistake], ...]:
        """Every value with every habit, and habits with each other."""
        if self.both is None:
            return ()
        return (*product(self.values, self.habits), *combinations(self.habits, 2))


@dataclass(frozen=True)
class Diagnosis:
    """What a failing answer behaves like: one mistake, or several that cannot be told apart."""

    matches: tuple[Mistake, ...]

    @property
    def name(self) -> str:
        """The name, or the names with ` or ` between them."""
        return " or ".join(match.name for match in self.matches)

    @property
    def says(self) -> str:
        """The sentence to read."""
        return phrases.either([match.says for match in self.matches])

    @property
    def hint(self) -> str:
        """The question to think about."""
        return self.matches[0].hint
