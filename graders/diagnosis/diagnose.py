"""Naming the mistake behind a failing answer.

The probes are asked once. What came is compared with every single slip, then with pairs of a value and a
habit, and must agree on every probe, those included on which the mistake does not show. Else nothing is said:
a false diagnosis is worse than none.

What a wrong answer shows at a probe is found out when it is first needed, and kept.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import cache
from typing import Any

import torch

from graders.sandbox.errors import StudentError
from graders.testing.in_process import submission_in_process
from graders.testing.reply import Reply
from graders.testing.submission import Submission

from .catalogue import known
from .mistakes import Diagnosis, Known, Mistake, Probe, right_names
from .observing import no_answer, observe, same

# More pairs than these that behave alike say nothing that a student could use.
_MOST_PAIRS = 3
# More pairs than these are narrowed down before they are tried themselves.
_MANY = 150
_MOST_TRIED = 300


def diagnose(submission: Submission, exercise: str, task: str) -> Diagnosis | None:
    """Name the mistake behind a failing answer, if it behaves exactly like a known one.

    Whatever goes wrong on the way, there is no diagnosis then, and grading goes on.
    """
    try:
        about = known(exercise, task)
        if not about.single:
            return None
        comparison = _Comparison(submission, exercise, task, about)
        matches = comparison.single() or comparison.pairs()
        return Diagnosis(matches) if matches and not comparison.is_right() else None
    except (
        Exception
    ):  # naming a mistake can never fail a grading, whatever a probe or a catalogue stumbles over
        return None


class _Lost(Exception):
    """The submission can't be asked any more."""


class _Comparison:
    """One submission beside everything that is known about a task."""

    def __init__(self, submission: Submission, exercise: str, task: str, about: Known) -> None:
        self._submission = submission
        self._task = (exercise, task)
        self._about = about
        self._numbers = range(len(about.probes))
        self._seen: dict[int, Any] = {}
        self._agreed: dict[tuple[Mistake, int], bool] = {}

    def single(self) -> tuple[Mistake, ...]:
        """The slips that behave like the submission at every probe."""
        return self._alike(self._about.single)

    def pairs(self) -> tuple[Mistake, ...]:
        """The pairs that do.

        Where a habit doesn't show, a pair behaves like its value alone, and the other way round. So only the
        few pairs whose halves agree with what was seen are put together and compared themselves.
        """
        left = self._about.pairs
        for possible in (self._possible, self._possible_in_parts):
            if len(left) > _MANY:
                for number in self._numbers:
                    left = tuple(pair for pair in left if possible(*pair, number))
        if self._about.both is None or len(left) > _MOST_TRIED:
            return ()
        parts = {_both(*self._task, *pair): pair for pair in left}
        alike = tuple(both for both in self._alike(tuple(parts)) if go_together(both, *parts[both]))
        return alike if len(alike) <= _MOST_PAIRS else ()

    def is_right(self) -> bool:
        """Whether no probe tells the submission from the reference."""
        return all(same(self._at(number), _right_at(*self._task, number)) for number in self._numbers)

    def _alike(self, mistakes: tuple[Mistake, ...]) -> tuple[Mistake, ...]:
        for number in self._numbers:
            if not mistakes:
                break
            mistakes = tuple(mistake for mistake in mistakes if self._agrees(mistake, number))
        return mistakes

    def _possible(self, value: Mistake, habit: Mistake, number: int) -> bool:
        if _silent(habit, number):
            return self._agrees(value, number)
        if _silent(value, number):
            return self._agrees(habit, number)
        # A habit that makes something else of a tensor does so with wrong numbers, too, if there are any.
        other = _kind(_shown_at(habit, number))
        kinds = (other, _kind(_shown_at(value, number)))
        return other == _kind(_right_at(*self._task, number)) or _kind(self._at(number)) in kinds

    def _possible_in_parts(self, value: Mistake, habit: Mistake, number: int) -> bool:
        """The same for each part of what was seen, such as the gradients."""
        right, one, other = _right_at(*self._task, number), _shown_at(value, number), _shown_at(habit, number)
        return all(
            same(seen, a) if same(b, usual) else same(seen, b) if same(a, usual) else True
            for seen, usual, a, b in _parts(self._at(number), right, one, other)
        )

    def _agrees(self, mistake: Mistake, number: int) -> bool:
        key = mistake, number
        if key not in self._agreed:
            self._agreed[key] = same(self._at(number), _shown_at(*key))
        return self._agreed[key]

    def _at(self, number: int) -> Any:
        """What the submission shows at a probe, which is asked once."""
        if number not in self._seen:
            seen = observe(self._submission, self._about.probes[number])
            if isinstance(seen, StudentError) and seen.fatal:
                raise _Lost
            self._seen[number] = seen
        return self._seen[number]


@cache
def _both(exercise: str, task: str, value: Mistake, habit: Mistake) -> Mistake:
    both = known(exercise, task).both
    assert both is not None
    return both(value, habit)


def go_together(both: Mistake, value: Mistake, habit: Mistake) -> bool:
    """Whether two mistakes fail together only where one of them fails alone.

    Otherwise they can't be made at once (nobody detaches a list), and whatever raises that error everywhere
    would be taken for them.
    """
    return all(
        any(no_answer(_shown_at(half, number)) for half in (value, habit))
        for number in range(len(known(both.exercise, both.task).probes))
        if no_answer(_shown_at(both, number))
    )


def _kind(seen: Any) -> tuple[type, type]:
    """What kind of thing was seen."""
    return type(seen), type(getattr(seen, "value", None))


def _parts(*shown: Any) -> Iterable[tuple[Any, ...]]:
    """What was shown part by part, if all of it has the same parts."""
    replies = [reply for reply in shown if isinstance(reply, Reply)]
    if len(replies) == len(shown):
        return zip(
            *((r.value, r.arguments, r.gradients, r.parameter_gradients) for r in replies), strict=True
        )
    tuples = [values for values in shown if isinstance(values, tuple) and len(values) == len(shown[0])]
    return zip(*tuples, strict=True) if len(tuples) == len(shown) else ()


@cache
def _silent(mistake: Mistake, number: int) -> bool:
    """Whether a mistake doesn't show at a probe."""
    return same(_shown_at(mistake, number), _right_at(mistake.exercise, mistake.task, number))


@cache
def _shown_at(mistake: Mistake, number: int) -> Any:
    return observed_in_process(mistake.names(), known(mistake.exercise, mistake.task).probes[number])


@cache
def _right_at(exercise: str, task: str, number: int) -> Any:
    return observed_in_process(right_names(exercise), known(exercise, task).probes[number])


def observed_in_process(names: Mapping[str, Any], probe: Probe) -> Any:
    """What our own code shows at a probe."""
    state = torch.random.get_rng_state()
    try:
        return observe(submission_in_process(names), probe)
    finally:
        torch.random.set_rng_state(state)
