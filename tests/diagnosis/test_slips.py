"""Slips compose: two mistakes at once are both named, what is right never is, and nothing here can fail."""

from __future__ import annotations

from collections.abc import Callable
from itertools import product
from typing import Any

import pytest
import torch

from graders.curriculum import exercises
from graders.diagnosis import diagnose as engine
from graders.diagnosis.catalogue import known, mistakes
from graders.diagnosis.diagnose import diagnose
from graders.diagnosis.mistakes import Known, Mistake, right_names
from graders.diagnosis.pipeline import Call, Pipeline, Slips, after, right, step, together
from graders.diagnosis.words import Words, shared, words
from graders.testing.in_process import submission_in_process
from tests.tasks.right_answers import RightAnswer, right_answers

TASKS = [(exercise.name, task.name) for exercise in exercises() for task in exercise.tasks]
WITH_PAIRS = [key for key in TASKS if known(*key).pairs]
BY_HAND = {(exercise.name, task.name) for exercise in exercises() for task in exercise.tasks if task.by_hand}


@pytest.fixture(autouse=True)
def one_thread() -> None:
    torch.set_num_threads(1)


class Power(Call):
    """A toy: `base ** exponent`."""

    base: float
    exponent: int = 2

    @step
    def result(self) -> float:
        return self.base**self.exponent


VALUES: Slips = {"cubed": lambda a: a.but(exponent=3), "negative": after(lambda y: -y)}
HABITS: Slips = {"of-its-size": lambda a: a.but(base=abs(a.base)), "listed": after(lambda y: [y])}


def _asked(x: float) -> Callable[..., Any]:
    return lambda submission: submission.ask("power", x).value


def _power(slip: Any) -> Callable[..., Any]:
    return lambda x: slip(Power(base=x)).answer()


PIPELINE = Pipeline("power", _power, VALUES, [_asked(2.0), _asked(-3.0), _asked(1.0)], HABITS)
WORDS = Words({name: {"says": f"It is {name}.", "hint": "Why?"} for name in (*VALUES, *HABITS)})


def test_a_slip_replaces_a_step_and_leaves_the_others() -> None:
    slips = (right, *VALUES.values(), *HABITS.values())
    assert [_power(slip)(-3.0) for slip in slips] == [9, -27, -9, 9, [9]]


def test_a_habit_acts_on_the_arguments_first_and_on_the_answer_last() -> None:
    assert _power(together(VALUES["cubed"], HABITS["of-its-size"]))(-3.0) == 27
    assert _power(together(VALUES["negative"], HABITS["listed"]))(-3.0) == [-9]


@pytest.fixture
def toy(monkeypatch: pytest.MonkeyPatch) -> Known:
    """What is known about `power`, in an exercise of its own."""
    about = PIPELINE.known("toy", WORDS)
    monkeypatch.setattr(engine, "known", lambda exercise, task: about)
    monkeypatch.setattr(engine, "right_names", lambda exercise: {"power": _power(right)})
    monkeypatch.setattr(Mistake, "names", lambda mistake: {"power": mistake.wrong})
    for kept in (engine._both, engine._silent, engine._shown_at, engine._right_at):
        kept.cache_clear()
    return about


def _named(answer: Callable[..., Any]) -> str | None:
    found = diagnose(submission_in_process({"power": answer}), "toy", "power")
    return None if found is None else found.name


def test_one_slip_is_named_before_two_are_looked_for(toy: Known) -> None:
    assert _named(lambda x: x**3) == "cubed"


def test_two_slips_at_once_are_both_named_and_both_said(toy: Known) -> None:
    assert _named(lambda x: [x**3]) == "cubed and listed"
    found = diagnose(submission_in_process({"power": lambda x: [-(x**2)]}), "toy", "power")
    assert found is not None and found.says == "It is negative. Also: it is listed."


def test_behaviour_that_is_nobodys_and_what_is_right_are_not_named(toy: Known) -> None:
    assert _named(lambda x: x**4) is None
    assert _named(lambda x: x**3 if x != 1.0 else 7.0) is None
    assert _named(lambda x: x**2) is None


def test_an_error_while_naming_a_mistake_is_no_diagnosis(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(exercise: str, task: str) -> Known:
        raise RuntimeError("the catalogue is broken")

    assert diagnose(submission_in_process({}), "no-such-exercise", "no-such-task") is None
    monkeypatch.setattr(engine, "known", broken)
    assert diagnose(submission_in_process({}), "pooling", "pool2d") is None


@pytest.mark.parametrize(
    "error", [AttributeError, TypeError, RuntimeError, IndexError, ValueError, NameError]
)
@pytest.mark.parametrize("task", ["conv2d.conv2d", "multichannel.conv2d_multi_in", "pooling.pool2d"])
def test_an_answer_that_always_raises_is_not_taken_for_two_slips(task: str, error: type[Exception]) -> None:
    def always(*args: Any, **options: Any) -> Any:
        raise error("whatever I am asked")

    exercise, _, name = task.partition(".")
    found = diagnose(submission_in_process({**right_names(exercise), name: always}), exercise, name)
    assert found is None, f"it is taken for {found.name}"


def _each_right_answer() -> list[Any]:
    return [pytest.param(answer, id=str(answer)) for answer in right_answers()]


@pytest.mark.parametrize("answer", _each_right_answer())
def test_no_right_answer_is_named(answer: RightAnswer) -> None:
    found = diagnose(submission_in_process(answer.names()), answer.exercise, answer.task)
    assert found is None, f"it is taken for {found.name}"


@pytest.mark.parametrize("exercise", [exercise.name for exercise in exercises()])
def test_every_entry_of_an_exercises_words_is_about_one_of_its_mistakes(exercise: str) -> None:
    told = set(words(exercise).entries) - set(shared())
    assert told <= {mistake.name for mistake in mistakes(exercise)}


def _share_named(exercise: str, task: str, every: int) -> float:
    """Of every so many pairs of a value and a habit, how many are named: both, or the one that shows."""
    about = known(exercise, task)
    named = []
    for value, habit in list(product(about.values, about.habits))[::every]:
        both = engine._both(exercise, task, value, habit)
        if engine.go_together(both, value, habit):
            submission = submission_in_process(both.names())
            submission._seed = 7
            found = diagnose(submission, exercise, task)
            names = [] if found is None else [match.name for match in found.matches]
            named.append(bool({both.name, value.name, habit.name} & set(names)))
    return sum(named) / len(named)


@pytest.mark.parametrize(("exercise", "task"), WITH_PAIRS)
def test_a_value_and_a_habit_at_once_are_named(exercise: str, task: str) -> None:
    assert _share_named(exercise, task, 97) >= 0.75


@pytest.mark.full
@pytest.mark.parametrize(("exercise", "task"), WITH_PAIRS)
def test_nearly_all_pairs_of_a_value_and_a_habit_are_named(exercise: str, task: str) -> None:
    assert _share_named(exercise, task, 5) >= (0.95 if (exercise, task) in BY_HAND else 0.9)


@pytest.mark.parametrize(("exercise", "task"), WITH_PAIRS)
def test_what_is_said_of_a_second_mistake_does_not_say_that_the_rest_is_right(
    exercise: str, task: str
) -> None:
    about = known(exercise, task)
    assert about.both is not None
    for habit in about.habits:
        _, _, second = about.both(about.values[0], habit).says.partition(" Also: ")
        assert "right, but" not in second, habit.name
