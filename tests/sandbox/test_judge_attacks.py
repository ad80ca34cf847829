"""Student code can't reach, undo or drown out the parts of the judge that run next to it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import pytest

from graders.grading.grade import Settings, grade
from graders.grading.hand_in import read
from graders.sandbox.limits import Limits
from graders.sandbox.warm_parent import WarmParent
from graders.tasks.conv2d.properties.vectorized import many_cases
from graders.testing.expect import Mismatch, affordable
from graders.testing.strategies import MANY_SECONDS
from graders.testing.submission import Submission
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


_LOOPS = {
    "a tensor operation for each pixel": (
        "def conv2d_vectorized(X, K):\n    k = K.flatten()\n"
        "    windows = X.unfold(0, K.shape[0], 1).unfold(1, K.shape[1], 1)\n"
        "    dtype = torch.result_type(X, K)\n    k = k.to(dtype)\n"
        "    dots = [torch.dot(w, k) for w in windows.reshape(-1, len(k)).to(dtype).unbind()]\n"
        "    return torch.stack(dots).reshape(windows.shape[:2])\n"
    ),
    "a window for each pixel, and every result remembered": (
        "known = {}\ndef conv2d_vectorized(X, K):\n"
        "    key = (X.shape, K.shape, float(X.sum()), float(K.sum()))\n"
        "    if key not in known or X.numel() < 1000:\n        h, w = K.shape\n"
        "        known[key] = torch.stack([torch.stack([\n"
        "            (X[i:i+h, j:j+w] * K).sum() for j in range(X.shape[1] - w + 1)])\n"
        "            for i in range(X.shape[0] - h + 1)])\n    return known[key]\n"
    ),
}


@pytest.mark.parametrize("loop", _LOOPS)
def test_a_loop_fails_by_its_cpu_time_whatever_its_counts_say(loop: str, warm_parent: WarmParent) -> None:
    source = f"import torch\n{_LOOPS[loop]}"
    submission = Submission(warm_parent, {"conv2d.py": source}, "conv2d")
    submission.begin(by_hand=True)
    cases = [case[:2] for case in many_cases()]
    try:
        with pytest.raises(Mismatch, match="s of CPU time"):
            affordable(submission, "conv2d_vectorized", cases, seconds=MANY_SECONDS)
    finally:
        submission.close()
