"""Counterexamples of random tests are shrunk, with a limited number of calls."""

from __future__ import annotations

import pytest

from graders.grading import grade as grading
from graders.grading import shrink
from graders.grading.grade import Settings, grade
from graders.grading.hand_in import hand_in_of
from graders.report import TaskResult
from graders.sandbox.warm_parent import WarmParent
from graders.testing.in_process import submission_in_process
from graders.testing.properties import properties_of

# Wrong for wide kernels on high images if they are no whole numbers, which no fixed question asks about.
WRONG = """
import torch

def conv2d(X, K):
    kh, kw = K.shape
    Y = (X.unfold(0, kh, 1).unfold(1, kw, 1) * K).sum((-2, -1)).to(torch.result_type(X, K))
    return {wrong} if X.shape[1] >= 4 and kw == 3 and (K != K.round()).any() else Y
"""


def graded(wrong: str, parent: WarmParent) -> TaskResult:
    hand_in = hand_in_of("student", {"conv2d.py": WRONG.format(wrong=wrong)})
    (result,) = grade(hand_in, Settings(only=("conv2d.conv2d",), seed=1), parent).tasks
    return result


def test_the_smallest_case_is_shown(warm_parent: WarmParent, monkeypatch: pytest.MonkeyPatch) -> None:
    small = graded("Y * 2", warm_parent)
    assert small.message.startswith("conv2d(X of shape (5, 4), K of shape (1, 3))")
    monkeypatch.setattr(grading, "smallest", lambda *_: None)
    found = graded("Y * 2", warm_parent)
    assert (found.outcome, found.score) == (small.outcome, small.score)
    assert found.message.splitlines()[1:] == small.message.splitlines()[1:]
    assert found.message != small.message


def test_it_ends_after_a_number_of_questions(
    warm_parent: WarmParent, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shrink, "MOST_QUESTIONS", 0)
    assert graded("Y * 2", warm_parent).outcome == "failed"


def test_a_submission_that_ends_its_process_meanwhile_is_not_started_again_and_again(
    warm_parent: WarmParent, monkeypatch: pytest.MonkeyPatch
) -> None:
    starts = []
    spawn = warm_parent.spawn
    monkeypatch.setattr(warm_parent, "spawn", lambda **options: starts.append(1) or spawn(**options))
    result = graded("Y * 2 if X.shape[0] > 4 else __import__('os')._exit(3)", warm_parent)
    assert result.outcome in ("failed", "crashed")
    assert len(starts) <= 6


def test_a_submission_that_returns_nothing_meanwhile_is_not_a_grader_error() -> None:
    held = next(each for each in properties_of("conv2d", "conv2d") if hasattr(each.test, "hypothesis"))
    submission = submission_in_process({"conv2d": lambda X, K: None})
    assert shrink.smallest(held, submission, seed=0) is None
