"""A task as a pipeline of named steps; a slip replaces some of them, and slips compose.

    class Squares(Call):
        X: Tensor

        @step
        def power(self) -> int:
            return 2

        @step
        def result(self) -> Tensor:
            return self.X**self.power

    slips = {"cubed": lambda a: a.but(power=3), "negative": lambda a: a.then(lambda Y: -Y)}

A call with both is `slips["negative"](slips["cubed"](call))`: combinations are generated, never written.
"""

from __future__ import annotations

import copy
import inspect
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Generic, Self, TypeVar

from . import phrases
from .mistakes import Known, Mistake, Probe
from .words import Words

_Value = TypeVar("_Value")


class step(Generic[_Value]):
    """A right step of a pipeline: a property that `Call.but` can replace."""

    def __init__(self, right: Callable[[Any], _Value]) -> None:
        self._right = right
        self.__doc__ = right.__doc__

    def __get__(self, call: Any, owner: type) -> _Value:
        return self._right(call)


class Call:
    """The arguments of one call, and the steps that lead to its answer.

    A subclass has a `step` called `result`.
    """

    result: Any
    afterwards: tuple[Callable[[Any], Any], ...] = ()

    def __init__(self, **given: Any) -> None:
        vars(self).update(given)

    def but(self, **steps: Any) -> Self:
        """The same with other steps, or other arguments."""
        other = copy.copy(self)
        vars(other).update(steps)
        return other

    def then(self, change: Callable[[Any], Any]) -> Self:
        """The same with its answer changed."""
        return self.but(afterwards=(*self.afterwards, change))

    def answer(self) -> Any:
        """What the steps lead to."""
        Y = self.result
        for change in self.afterwards:
            Y = change(Y)
        return Y


Slip = Callable[[Any], Any]
"""Takes a call and returns it with some of its steps replaced."""

Slips = Mapping[str, Slip]


def after(change: Callable[[Any], Any]) -> Slip:
    """A slip that changes the answer."""
    return lambda call: call.then(change)


def found(**steps: Callable[[Any], Any]) -> Slip:
    """A slip by which something is found in another way; each way is told the call."""
    return lambda call: call.but(**{name: way(call) for name, way in steps.items()})


def refusing(condition: Callable[[Any], bool], error: type[Exception]) -> Slip:
    """A slip that raises an error for some calls."""

    def fail(_: Any) -> Any:
        raise error("refused")

    return lambda call: call.then(fail) if condition(call) else call


def of_function(function: Callable[..., Any]) -> Callable[[Slip], Callable[..., Any]]:
    """The shortest pipeline: a right function; slips change its arguments, by name, and its answer."""
    signature = inspect.signature(function)

    def make(slip: Slip) -> Callable[..., Any]:
        def wrong(*args: Any, **named: Any) -> Any:
            given = signature.bind(*args, **named)
            given.apply_defaults()
            return slip(_Plain(function=function, names=list(given.arguments), **given.arguments)).answer()

        return wrong

    return make


class _Plain(Call):
    function: Callable[..., Any]
    names: list[str]

    @step
    def result(self) -> Any:
        return self.function(**{name: getattr(self, name) for name in self.names})


def right(call: Any) -> Any:
    """No slip at all."""
    return call


def together(value: Slip, habit: Slip) -> Slip:
    """Both at once: a habit has its hands on the arguments first, and on the answer last."""

    def slip(call: Any) -> Any:
        begun = habit(call.but(afterwards=()))
        changed = value(begun.but(afterwards=call.afterwards))
        return changed.but(afterwards=(*changed.afterwards, *begun.afterwards))

    return slip


@dataclass(frozen=True)
class Pipeline:
    """One task: how its answer is made, and what goes wrong on the way.

    Attributes:
        make: makes the task's function or class, with a slip in its pipeline.
        values: slips that change numbers, shapes or what is remembered.
        habits: slips that are met together with any of those.
        probes: the questions by which answers are told apart.
        builds_on: the task that this one calls.
        of_that: names of the slips that are that task's.
    """

    task: str
    make: Callable[[Slip], Callable[..., Any]]
    values: Slips
    probes: Sequence[Probe]
    habits: Slips = field(default_factory=dict)
    builds_on: str = ""
    of_that: frozenset[str] = frozenset()

    def known(self, exercise: str, words: Words) -> Known:
        """Every mistake with its words, and how two become one."""

        def mistake(name: str, slip: Slip) -> Mistake:
            says, hint = words.about(name, self.task)
            if name in self.of_that:
                says = phrases.builds_on(self.builds_on, says)
            return Mistake(name, exercise, self.task, says, hint, self.make(slip))

        def both(value: Mistake, habit: Mistake) -> Mistake:
            name = f"{value.name} and {habit.name}"
            says = phrases.besides(value.says, words.besides(habit.name, self.task))
            slip = together({**self.habits, **self.values}[value.name], self.habits[habit.name])
            return Mistake(name, exercise, self.task, says, value.hint, self.make(slip))

        return Known(
            tuple(mistake(*one) for one in self.values.items()),
            tuple(mistake(*one) for one in self.habits.items()),
            tuple(self.probes),
            both,
        )
