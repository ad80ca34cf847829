"""What judges a student's code beside it cannot be reached, put back or talked over by that code."""

from __future__ import annotations

from pathlib import Path

import pytest

from graders.grading.grade import Settings, grade
from graders.grading.hand_in import read
from graders.sandbox.limits import Limits
from graders.sandbox.warm_parent import WarmParent
from tests.conftest import write_submission
from tests.sandbox.judge_attacks import JudgeAttack, judge_attacks


@pytest.mark.parametrize("attack", judge_attacks(), ids=str)
def test_an_attack_on_the_judge_does_not_pass(
    attack: JudgeAttack, warm_parent: WarmParent, tmp_path: Path
) -> None:
    hand_in = read(write_submission(tmp_path / "lin", {"conv2d.py": attack.source}))
    settings = Settings(only=(attack.task,), limits=Limits(cpu_seconds=4.0))
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
