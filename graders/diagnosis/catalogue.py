"""Known wrong answers by name, and the sentence that a student who holds one should read.

A misconception is a wrong implementation of one task. It serves twice: a failing answer is named by it, and
the tests demand that it fails its task and is named.

To add one, write a function or class in the file of its exercise:

    @misconception("kernel-flipped", "conv2d", says="This is what …", hint="Which …?")
    def conv2d(X, K): …
"""

from __future__ import annotations

import importlib
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from types import ModuleType
from typing import Any, TypeVar

import torch
from torch import Tensor

from graders.sandbox.errors import Raised, StudentError
from graders.sandbox.inside.wire import Handle, Opaque
from graders.testing.in_process import submission_in_process
from graders.testing.module import Module
from graders.testing.reply import Reply
from graders.testing.submission import Submission

_Wrong = TypeVar("_Wrong", bound=Callable[..., Any])

Probe = Callable[[Submission], Any]
"""One question to a submission; what it returns, or raises, is compared."""


@dataclass(frozen=True)
class Misconception:
    """One mistake.

    Attributes:
        name: of the catalogue, in lower case with hyphens.
        task: the contract's name of the task.
        says: the sentence for the student: *this is what one gets when …*.
        hint: a question that leads out of it.
        wrong: a function or class that behaves as the slip does.
    """

    name: str
    exercise: str
    task: str
    says: str
    hint: str
    wrong: Callable[..., Any]

    def names(self) -> dict[str, Any]:
        """The reference solution's names with this one wrong."""
        reference = vars(importlib.import_module(f"solutions.{self.exercise}"))
        return {
            **{key: value for key, value in reference.items() if not key.startswith("__")},
            self.task: self.wrong,
        }


@dataclass(frozen=True)
class Diagnosis:
    """What a failing answer behaves like: one misconception, or several that cannot be told apart."""

    matches: tuple[Misconception, ...]

    @property
    def name(self) -> str:
        """The name, or the names with ` or ` between them."""
        return " or ".join(match.name for match in self.matches)

    @property
    def says(self) -> str:
        """The sentence to read."""
        if len(self.matches) == 1:
            return self.matches[0].says
        return "One of these: " + " Or: ".join(match.says for match in self.matches)

    @property
    def hint(self) -> str:
        """The question to think about."""
        return self.matches[0].hint


def misconception(name: str, task: str, *, says: str, hint: str) -> Callable[[_Wrong], _Wrong]:
    """Mark a wrong function or class as a misconception about `task`."""

    def mark(wrong: _Wrong) -> _Wrong:
        exercise = wrong.__module__.removeprefix("graders.tasks.").partition(".")[0]
        wrong.__misconception__ = Misconception(name, exercise, task, says, hint, wrong)  # type: ignore[attr-defined]
        return wrong

    return mark


def _catalogue_of(exercise: str) -> ModuleType:
    return importlib.import_module(f"graders.tasks.{exercise}.misconceptions.catalogue")


@cache
def catalogue(exercise: str) -> tuple[Misconception, ...]:
    """Every misconception about an exercise, in the order of its file."""
    module = _catalogue_of(exercise)
    marked = [vars(value).get("__misconception__") for value in module.ENTRIES]
    return tuple(found for found in marked if isinstance(found, Misconception))


@cache
def probes(exercise: str, task: str) -> tuple[Probe, ...]:
    """The questions by which answers to a task are told apart."""
    module = _catalogue_of(exercise)
    return tuple(module.PROBES.get(task, ()))


def diagnose(submission: Submission, exercise: str, task: str) -> Diagnosis | None:
    """Name the mistake behind a failing answer, if it behaves exactly like one of the catalogue.

    The answer must agree with the wrong implementation on every probe, those included on which that one is
    right. A false diagnosis is worse than none.
    """
    known = [entry for entry in catalogue(exercise) if entry.task == task]
    if not known:
        return None
    alive = list(known)
    for number, probe in enumerate(probes(exercise, task)):
        seen = observe(submission, probe)
        alive = [entry for entry in alive if same(seen, _shown_at(entry, number))]
        if not alive or (isinstance(seen, StudentError) and seen.fatal):
            return None
    if not alive or _is_right(alive[0]):
        return None
    return Diagnosis(tuple(alive))


# What an error says that comes from the sandbox or a device, and from no slip.
_OF_THE_MACHINE = ("/dev/urandom", "CUDA")


def of_the_machine(raised: Raised) -> bool:
    """Whether an error tells of the sandbox or of a device: it is never the same as another one."""
    return any(words in raised.message for words in _OF_THE_MACHINE)


def observe(submission: Submission, probe: Probe) -> Any:
    """What a submission shows at one probe: values, or what it raises."""
    try:
        return probe(submission)
    except StudentError as error:
        return error


def _is_right(entry: Misconception) -> bool:
    """Whether no probe tells it from the reference."""
    numbers = range(len(probes(entry.exercise, entry.task)))
    return all(same(_shown_at(entry, n), _right_at(entry.exercise, entry.task, n)) for n in numbers)


@cache
def _shown_at(entry: Misconception, number: int) -> Any:
    """What the wrong implementation shows at one probe; later ones are asked of those still in question."""
    return _observation(entry.names(), entry.exercise, entry.task, number)


@cache
def _right_at(exercise: str, task: str, number: int) -> Any:
    return _observation(vars(importlib.import_module(f"solutions.{exercise}")), exercise, task, number)


def _observation(names: Mapping[str, Any], exercise: str, task: str, number: int) -> Any:
    plain = {key: value for key, value in names.items() if not key.startswith("__")}
    state = torch.random.get_rng_state()
    try:
        return observe(submission_in_process(plain), probes(exercise, task)[number])
    finally:
        torch.random.set_rng_state(state)


def same(one: Any, other: Any) -> bool:
    """Whether two observations are the same behaviour.

    Probes have small whole numbers in them wherever possible, so that different slips give answers that
    lie far apart; 10⁻⁴ of the largest value then absorbs rounding and nothing else.
    """
    if isinstance(one, Reply) and isinstance(other, Reply):
        pairs: Iterable[tuple[Any, Any]] = (
            (one.value, other.value),
            (one.arguments, other.arguments),
            (one.gradients, other.gradients),
            (one.parameter_gradients, other.parameter_gradients),
        )
        return all(same(a, b) for a, b in pairs)
    if isinstance(one, Tensor) and isinstance(other, Tensor):
        if one.shape != other.shape or one.dtype != other.dtype:
            return False
        facts = [getattr(tensor, "facts", None) for tensor in (one, other)]
        if facts[0] is not None and facts[1] is not None and facts[0].requires_grad != facts[1].requires_grad:
            return False
        a, b = one.detach().double(), other.detach().double()
        finite = b[b.isfinite()]
        scale = float(finite.abs().max()) if finite.numel() else 0.0
        return torch.allclose(a, b, rtol=0, atol=1e-4 * scale + 1e-12, equal_nan=True)
    if isinstance(one, float) and isinstance(other, float):
        return (
            one == other
            or abs(one - other) <= 1e-5 * max(abs(one), abs(other))
            or (one != one and other != other)
        )
    if isinstance(one, Raised) and isinstance(other, Raised):
        return one.type == other.type and not of_the_machine(one) and not of_the_machine(other)
    if isinstance(one, (list, tuple)) and isinstance(other, (list, tuple)):
        return type(one) is type(other) and len(one) == len(other) and all(map(same, one, other))
    if isinstance(one, dict) and isinstance(other, dict):
        return list(one) == list(other) and all(same(one[key], other[key]) for key in one)
    if isinstance(one, (Handle, Opaque, Module)) and isinstance(other, (Handle, Opaque, Module)):
        return type(one) is type(other)
    return type(one) is type(other) and bool(one == other)
