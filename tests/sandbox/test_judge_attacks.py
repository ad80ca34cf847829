"""What judges a student's code beside it cannot be reached, put back or talked over by that code."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import pytest

from graders.grading.grade import Settings, grade
from graders.grading.hand_in import read
from graders.sandbox.limits import Limits
from graders.sandbox.warm_parent import WarmParent
from tests.conftest import write_submission
from tests.parts import Part
from tests.sandbox.judge_attacks import JudgeAttack, judge_attacks

# They wait in vain for a thread that was there before, until the clock on the wall stops them.
WAITING = ("in a thread that was there before", "a graph kept from another thread")


@dataclass(frozen=True)
class Brief(Limits):
    """Limits for what only waits."""

    @property
    def wall_seconds(self) -> float:
        return 10.0


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """A part of the attacks."""
    if "attack" in metafunc.fixturenames:
        metafunc.parametrize("attack", Part(metafunc.config.option.part).of(judge_attacks()), ids=str)


def test_an_attack_on_the_judge_does_not_pass(
    attack: JudgeAttack, warm_parent: WarmParent, tmp_path: Path
) -> None:
    hand_in = read(write_submission(tmp_path / "lin", {"conv2d.py": attack.source}))
    limits = Brief if any(words in attack.name for words in WAITING) else Limits
    settings = Settings(only=(attack.task,), limits=limits(cpu_seconds=4.0))
    (result,) = grade(hand_in, settings, warm_parent).tasks
    assert result.outcome in ("forbidden", "failed", "broken", "crashed", "timed_out"), result.message
    assert result.score < result.max_score


def test_there_are_enough_attacks_of_every_kind() -> None:
    names = [attack.name for attack in judge_attacks()]
    assert len(set(names)) == len(names) >= 60
    for kind in (
        "at import",
        "in a call",
        "in a thread",
        "traceback",
        "collected",
        "effort:",
        "autograd:",
        "claims:",
    ):
        assert sum(kind in name for name in names) >= 3, kind
