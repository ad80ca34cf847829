"""Mistakes that occur in many tasks: each is a change that makes a right function wrong."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor

from graders.sandbox.errors import Raised
from graders.sandbox.inside.wire import Opaque
from graders.testing.module import Module
from graders.testing.reply import Reply
from graders.testing.submission import Submission

from .catalogue import ALSO, Probe, misconception, of_the_machine, same

Function = Callable[..., Any]
Change = Callable[[Function], Function]


@dataclass(frozen=True)
class Slip:
    """One mistake.

    Attributes:
        name: its name in the catalogue, without the task's prefix.
        says, hint: as in the catalogue.
        change: makes a wrong function from the right one; it must return a new function each time.
        with_habits: whether it is also combined with habits such as a buffer without a dtype.
    """

    name: str
    says: str
    hint: str
    change: Change
    with_habits: bool = True


def entries(
    exercise: str,
    task: str,
    right: Function,
    slips: Iterable[Slip],
    *,
    habits: Iterable[Slip] = (),
    prefix: str = "",
    before: str = "",
    make: Change = lambda function: function,
) -> tuple[Any, ...]:
    """Misconceptions about one task: every slip alone and combined with every habit.

    Args:
        right: the right function or class.
        prefix: put in front of the slip's name, so that names are unique within an exercise.
        before: put in front of the slip's sentence.
        make: makes the task's answer from the wrong function, if the task is another function.
    """
    found = []
    for slip in slips:
        wrong = make(slip.change(right))
        found.append(entry(exercise, task, prefix + slip.name, wrong, before + slip.says, slip.hint))
        for habit in habits if slip.with_habits else ():
            both = f"{before}{slip.says}{ALSO}{habit.says[0].lower()}{habit.says[1:]}"
            name = f"{prefix}{slip.name}-and-{habit.name}"
            wrong = make(habit.change(slip.change(right)))
            found.append(entry(exercise, task, name, wrong, both, slip.hint))
    return tuple(found)


def entry(exercise: str, task: str, name: str, wrong: Function, says: str, hint: str) -> Function:
    """One misconception from a generated function, which isn't written in its exercise's folder."""
    wrong.__module__ = f"graders.tasks.{exercise}.misconceptions"
    return misconception(name, task, says=says, hint=hint)(wrong)


def marked(namespace: Mapping[str, Any]) -> tuple[Any, ...]:
    """Every `@misconception` in a module's namespace, in order of definition."""
    return tuple(
        value for value in namespace.values() if "__misconception__" in getattr(value, "__dict__", {})
    )


# ---------------------------------------------------------------------------------------------- observing


def plain(reply: Reply) -> Reply:
    """A reply without what the contract leaves open and what says nothing about the mistake."""
    value = reply.value
    if isinstance(value, Opaque):
        value = f"a {value.type}"
    if isinstance(value, list):
        value = ("list", _numbers(value))
    return replace(reply, value=value, effort=(0, 0), changed_state=[], printed="")


def _numbers(tree: Any) -> Any:
    """Nested lists with every 0-d tensor replaced by its number."""
    if isinstance(tree, list):
        return [_numbers(item) for item in tree]
    return float(tree) if isinstance(tree, Tensor) and tree.dim() == 0 else tree


def calls(name: str, *args: Any, **kwargs: Any) -> Probe:
    """A probe that calls a function of the exercise; it observes the result and the arguments afterwards."""

    def probe(submission: Submission) -> Any:
        return plain(submission.ask(name, *args, return_arguments=True, **kwargs))

    return probe


def value_of(name: str, *args: Any, **kwargs: Any) -> Probe:
    """A probe that observes the plain value of one call."""
    return lambda submission: plain(submission.ask(name, *args, **kwargs)).value


# Part of torch's error message for `if tensor:`.
TRUTH = "Boolean value of Tensor"


def telling(probe: Probe, *phrases: str | tuple[str, ...]) -> Probe:
    """The same probe, but errors are told apart by which of `phrases` their message contains, if any.

    A tuple of phrases is one thing said in several ways.
    """
    several = [(phrase,) if isinstance(phrase, str) else phrase for phrase in phrases]

    def asked(submission: Submission) -> Any:
        try:
            return probe(submission)
        except Raised as raised:
            if of_the_machine(raised):
                raise
            about = next((ways[0] for ways in several if any(way in raised.message for way in ways)), "")
            return ("raised", raised.type, about)

    return asked


def settled(probe: Probe) -> Probe:
    """The same probe, but errors and empty tensors all count as *no result*.

    Which of them occurs depends only on how the same mistake was written.
    """

    def asked(submission: Submission) -> Any:
        try:
            seen = probe(submission)
        except Raised as raised:
            if of_the_machine(raised):
                raise
            if TRUTH in raised.message:
                return "a tensor was asked whether it is true"
            if raised.type in ("RuntimeError", "ValueError", "IndexError"):
                return "no result"
            raise
        value = seen.value if isinstance(seen, Reply) else seen
        return "no result" if isinstance(value, Tensor) and not value.numel() else seen

    return asked


def counted(function: Function) -> Function:
    """The same function, with its Python steps counted like a student's."""
    function.__code__ = function.__code__.replace(co_filename="<misconception>")
    return function


def effort(name: str, right: Function, *questions: tuple[Tensor, Tensor]) -> Probe:
    """A probe for whether tensor operations and Python steps grow from question to question.

    If the results aren't right, the effort says nothing about the mistake.
    """

    def probe(submission: Submission) -> Any:
        efforts = []
        for X, K in questions:
            reply = submission.ask(name, X, K, effort=True)
            wanted = right(X, K)
            if not isinstance(reply.value, Tensor) or not same(reply.value.detach().clone(), wanted):
                return "not right"
            efforts.append(reply.effort)
        # The same threshold as in the properties.
        return tuple(max(counts) > min(counts) + 4 for counts in zip(*efforts, strict=True))

    return settled(probe)


def draws_weights_anew(layer: Module, X: Tensor, labels: dict[str, str]) -> bool:
    """Whether each call leaves another weight behind, and answers by it."""
    seen = []
    for _ in range(2):
        answer = layer(X.detach())
        weight = next((w for name, w in layer.describe().parameters if labels.get(name) == "weight"), None)
        if weight is None or not isinstance(answer, Tensor):
            return False
        seen.append((weight, answer))
    (one, first), (other, second) = seen
    return not torch.equal(one, other) and not torch.equal(first.detach(), second.detach())
