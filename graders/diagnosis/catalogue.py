"""Known wrong answers by name, each with the sentence for a student who has made that mistake.

A misconception is a wrong implementation of one task. It is used twice: to name the mistake behind a failing
answer, and by the tests, which require that it fails its task and is named.

To add one, write a function or class in its exercise's folder:

    @misconception("kernel-flipped", "conv2d", says="You get this result when …", hint="Which …?")
    def conv2d(X, K): …
"""

from __future__ import annotations

import importlib
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from importlib.util import find_spec
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
"""Asks a submission one question; what it returns or raises is compared."""

ALSO = " And besides: "
"""Stands between the sentences of two mistakes that are recognised in combination."""


@dataclass(frozen=True)
class Misconception:
    """One mistake.

    Attributes:
        name: its name in the catalogue, in lower case with hyphens.
        task: the task's name in the contract.
        says: the sentence for the student: *you get this result when …*.
        hint: a question that helps to find the mistake.
        wrong: a function or class that makes the mistake.
    """

    name: str
    exercise: str
    task: str
    says: str
    hint: str
    wrong: Callable[..., Any]

    def names(self) -> dict[str, Any]:
        """The names of the reference solution, with this task replaced by the wrong answer."""
        reference = vars(importlib.import_module(f"solutions.{self.exercise}"))
        return {
            **{key: value for key, value in reference.items() if not key.startswith("__")},
            self.task: self.wrong,
        }


@dataclass(frozen=True)
class Diagnosis:
    """What a failing answer behaves like: one misconception, or several that the probes can't tell apart."""

    matches: tuple[Misconception, ...]

    @property
    def name(self) -> str:
        """The name, or the names with ` or ` between them."""
        return " or ".join(match.name for match in self.matches)

    @property
    def says(self) -> str:
        """The sentence for the student."""
        if len(self.matches) == 1:
            return self.matches[0].says
        return "One of these: " + " Or: ".join(match.says for match in self.matches)

    @property
    def hint(self) -> str:
        """The question that helps to find the mistake."""
        return self.matches[0].hint


def misconception(name: str, task: str, *, says: str, hint: str) -> Callable[[_Wrong], _Wrong]:
    """Mark a wrong function or class as a misconception about `task`."""

    def mark(wrong: _Wrong) -> _Wrong:
        exercise = wrong.__module__.removeprefix("graders.tasks.").partition(".")[0]
        wrong.__misconception__ = Misconception(name, exercise, task, says, hint, wrong)  # type: ignore[attr-defined]
        return wrong

    return mark


def _catalogue_of(exercise: str) -> ModuleType:
    """The module with what is known; an exercise that nobody wrote one for has an empty one."""
    name = f"graders.tasks.{exercise}.misconceptions"
    if find_spec(name) is not None:
        return importlib.import_module(f"{name}.catalogue")
    nothing = ModuleType(name)
    vars(nothing).update(ENTRIES=(), PROBES={})
    return nothing


@cache
def catalogue(exercise: str) -> tuple[Misconception, ...]:
    """Every misconception about an exercise, in the order of its `ENTRIES`."""
    module = _catalogue_of(exercise)
    marked = [vars(value).get("__misconception__") for value in module.ENTRIES]
    return tuple(found for found in marked if isinstance(found, Misconception))


@cache
def probes(exercise: str, task: str) -> tuple[Probe, ...]:
    """The probes that tell the answers to a task apart."""
    module = _catalogue_of(exercise)
    return tuple(module.PROBES.get(task, ()))


def diagnose(submission: Submission, exercise: str, task: str) -> Diagnosis | None:
    """Name the mistake behind a failing answer, if it behaves exactly like one in the catalogue.

    The answer must agree with the wrong implementation on every probe, including those on which that one is
    right. A false diagnosis is worse than none.
    """
    known = [entry for entry in catalogue(exercise) if entry.task == task]
    if not known:
        return None
    # Probe by probe, the entries that behave differently are dropped; once none is left, the other probes
    # aren't run. Each wrong implementation runs a probe at most once (`_shown_at` is cached), and only if
    # some answer has agreed with it on all earlier probes.
    alive = list(known)
    for number, probe in enumerate(probes(exercise, task)):
        seen = observe(submission, probe)
        alive = [entry for entry in alive if same(seen, _shown_at(entry, number))]
        if not alive or (isinstance(seen, StudentError) and seen.fatal):
            return None
    # The entries that are left agree with the answer on every probe, so one of them stands for all: if no
    # probe tells it from the reference, none tells the answer from the reference either, and nothing is
    # known.
    if not alive or _is_right(alive[0]):
        return None
    return Diagnosis(tuple(alive))


# Phrases in errors that come from the sandbox or from a device, and never from a mistake.
_OF_THE_MACHINE = ("/dev/urandom", "CUDA")


def of_the_machine(raised: Raised) -> bool:
    """Whether an error comes from the sandbox or a device; such an error never equals another one."""
    return any(words in raised.message for words in _OF_THE_MACHINE)


def observe(submission: Submission, probe: Probe) -> Any:
    """What a submission does on one probe: the values it returns, or the error it raises."""
    try:
        return probe(submission)
    except StudentError as error:
        return error


def _is_right(entry: Misconception) -> bool:
    """Whether no probe tells an entry from the reference."""
    numbers = range(len(probes(entry.exercise, entry.task)))
    return all(same(_shown_at(entry, n), _right_at(entry.exercise, entry.task, n)) for n in numbers)


@cache
def _shown_at(entry: Misconception, number: int) -> Any:
    """What the wrong implementation does on one probe; computed when first needed, once in each process."""
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

    Both come from running a probe: on the student's answer, and on a known one (`other`). The same mistake
    can be written in many ways, so what depends on the writing is ignored, such as rounding and the wording
    of errors. Everything else must match, because a coincidence would give a false diagnosis.
    """
    # Neither effort nor output nor changed settings: they tell how the code is written, not what it computes.
    if isinstance(one, Reply) and isinstance(other, Reply):
        pairs: Iterable[tuple[Any, Any]] = (
            (one.value, other.value),
            (one.arguments, other.arguments),
            (one.gradients, other.gradients),
            (one.parameter_gradients, other.parameter_gradients),
        )
        return all(same(a, b) for a, b in pairs)
    if isinstance(one, Tensor) and isinstance(other, Tensor):
        # A wrong dtype, or a result that is cut off from its graph, is a mistake of its own.
        if one.shape != other.shape or one.dtype != other.dtype:
            return False
        facts = [getattr(tensor, "facts", None) for tensor in (one, other)]
        if facts[0] is not None and facts[1] is not None and facts[0].requires_grad != facts[1].requires_grad:
            return False
        a, b = one.detach().double(), other.detach().double()
        # Probes use small integers wherever possible, so different mistakes give results that are far apart,
        # and 10⁻⁴ of the largest value absorbs rounding and nothing else. It is relative to the largest value
        # and not to each one, because terms that cancel leave an error of the size of the terms. 10⁻¹² is for
        # results that are zero everywhere.
        finite = b[b.isfinite()]
        scale = float(finite.abs().max()) if finite.numel() else 0.0
        return torch.allclose(a, b, rtol=0, atol=1e-4 * scale + 1e-12, equal_nan=True)
    # A float is a loss or a rate, whose terms have one sign: nothing cancels, and 10⁻⁵ of the value is eighty
    # times the machine epsilon of float32. The last line lets NaN equal NaN.
    if isinstance(one, float) and isinstance(other, float):
        return (
            one == other
            or abs(one - other) <= 1e-5 * max(abs(one), abs(other))
            or (one != one and other != other)
        )
    # The message and the line of an error depend on how the code is written; its class is part of the
    # mistake.
    # The message and the line of an error depend on how the code is written; its class is part of the
    # mistake.
    if isinstance(one, Raised) and isinstance(other, Raised):
        return one.type == other.type and not of_the_machine(one) and not of_the_machine(other)
    if isinstance(one, (list, tuple)) and isinstance(other, (list, tuple)):
        return type(one) is type(other) and len(one) == len(other) and all(map(same, one, other))
    if isinstance(one, dict) and isinstance(other, dict):
        return list(one) == list(other) and all(same(one[key], other[key]) for key in one)
    # Objects stay in their processes, so all that can be compared is that both are objects.
    if isinstance(one, (Handle, Opaque, Module)) and isinstance(other, (Handle, Opaque, Module)):
        return type(one) is type(other)
    return type(one) is type(other) and bool(one == other)
