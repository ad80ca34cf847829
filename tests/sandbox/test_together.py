"""Questions that travel in one frame: each is answered, or fails, by itself."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
import torch

from graders.sandbox.errors import Crashed, Forbidden, OutOfMemory, Raised, StudentError, TimedOut
from graders.sandbox.limits import Limits
from graders.sandbox.warm_parent import WarmParent
from graders.testing.in_process import submission_in_process
from graders.testing.submission import Call, Submission

WORK = """
import os, time, torch

def f(X, n):
    if n == 7:
        raise ValueError("seven")
    if n == 20:
        os._exit(3)
    if n == 40:
        while True: pass
    if n == 60:
        return torch.ones(1 << 40)
    return X * n

def changes(X, n):
    X += 1
    torch.set_default_dtype(torch.float64)
    return X

def by_hand(X, n):
    try:
        torch.nn.functional.conv2d(X[None, None], X[None, None])
    except Exception:
        pass
    return X * n

class Layer(torch.nn.Module):
    def forward(self, X):
        return X

def says(X, n):
    print("number", n)
    return Layer()
"""


@pytest.fixture
def submission(warm_parent: WarmParent) -> Iterator[Submission]:
    made = Submission(warm_parent, {"work.py": WORK}, "work", limits=Limits(cpu_seconds=1.0))
    made.begin(by_hand=True)
    yield made
    made.close()


def calls(name: str, *numbers: int) -> list[Call]:
    return [Call(name, (torch.ones(2, 2), number)) for number in numbers]


def answered(submission: Submission, *asked: Call) -> tuple[list[Any], StudentError | None]:
    """The values that came back, and what came instead of the next."""
    values: list[Any] = []
    try:
        for reply in submission.ask_each(asked):
            values.append(reply.value)
    except StudentError as error:
        return values, error
    return values, None


def test_answers_come_in_the_order_of_the_questions(submission: Submission) -> None:
    values, error = answered(submission, *calls("f", *range(100, 400)))
    assert error is None
    assert [float(value[0, 0]) for value in values] == list(range(100, 400))


@pytest.mark.parametrize(
    ("number", "kind"), [(7, Raised), (20, Crashed), (40, TimedOut), (60, (Raised, OutOfMemory))]
)
def test_what_fails_is_held_against_its_own_question(submission: Submission, number: int, kind: Any) -> None:
    asked = calls("f", *(other for other in range(number + 30) if other not in {7, 20, 40, 60} - {number}))
    values, error = answered(submission, *asked)
    assert isinstance(error, kind)
    assert [float(value[0, 0]) for value in values] == [call.args[1] for call in asked[: len(values)]]
    assert asked[len(values)].args[1] == number


def test_an_error_leaves_the_process_for_what_is_asked_next(submission: Submission) -> None:
    assert isinstance(answered(submission, *calls("f", 5, 6, 7, 8))[1], Raised)
    assert answered(submission, *calls("f", 8, 9, 10))[1] is None


def test_a_lost_process_answers_nothing_more_of_the_task(submission: Submission) -> None:
    assert isinstance(answered(submission, *calls("f", 20))[1], Crashed)
    values, error = answered(submission, *calls("f", 1, 2))
    assert values == [] and isinstance(error, Crashed)
    submission.begin(by_hand=True)
    assert answered(submission, *calls("f", 1, 2))[1] is None


def test_what_is_refused_by_hand_is_told_of_a_lot(submission: Submission) -> None:
    values, error = answered(submission, *calls("f", *range(100, 107)), *calls("by_hand", *range(100)))
    assert len(values) <= 7
    assert isinstance(error, Forbidden)


def test_one_question_leaves_nothing_to_the_next(submission: Submission) -> None:
    replies = list(submission.ask_each([*calls("changes", *range(5)), *calls("f", 1, 2)]))
    assert all(reply.changed_state for reply in replies[:5])
    assert not any(reply.changed_state for reply in replies[5:])
    assert all(torch.equal(reply.value, torch.full((2, 2), 2.0)) for reply in replies[:5])
    assert replies[-1].value.dtype == torch.float32


def test_objects_that_come_back_can_be_asked_as_ever(submission: Submission) -> None:
    layers, _ = answered(submission, *calls("says", *range(9)))
    X = torch.rand(3)
    replies = submission.ask_each(Call(layer, (X,)) for layer in layers)
    assert all(torch.equal(reply.value, X) for reply in replies)


@pytest.mark.parametrize("count", [1, 2, 5, 70])
def test_questions_have_the_seeds_that_they_have_alone(count: int) -> None:
    def drawn() -> Any:
        return torch.rand(())

    alone, together = (submission_in_process({"drawn": drawn}) for _ in range(2))
    for submission in (alone, together):
        submission.begin(by_hand=False)
    one_by_one = [alone.drawn() for _ in range(count)]
    assert [reply.value for reply in together.ask_each([Call("drawn", ())] * count)] == one_by_one


def test_a_wrong_answer_is_asked_little_that_nobody_looks_at() -> None:
    asked: list[int] = []
    submission = submission_in_process({"f": asked.append})
    submission.begin(by_hand=False)
    replies = submission.ask_each(Call("f", (number,)) for number in range(1000))
    for _ in range(5):
        next(replies)
    assert len(asked) <= 2 * 5 + 1
