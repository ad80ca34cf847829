"""The memory limit is for a submission, however many processes it has."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator

import pytest

from graders.sandbox.errors import OutOfMemory
from graders.sandbox.limits import Limits
from graders.sandbox.tiers import PROCESS, best_tier
from graders.sandbox.warm_parent import ACCELERATOR, WarmParent
from graders.testing.submission import Submission

pytestmark = pytest.mark.skipif(
    sys.platform != "linux" or best_tier().name == PROCESS, reason="nothing bounds the memory here"
)
MIB = 1 << 20
LIMITS = Limits(cpu_seconds=5.0, memory_bytes=512 * MIB)
TEXT = """
import threading
held, counts = [], [0]

def hold(mib):
    held.append(bytearray(b"x") * (mib << 20))
    return len(held)

def holds():
    return sum(map(len, held)) >> 20

def grow_behind(mib):
    def work():
        while True:
            held.append(bytearray(b"x") * (mib << 20))
            counts[0] += 1
    threading.Thread(target=work, daemon=True).start()
    return 0
"""


@pytest.fixture
def submission(warm_parent: WarmParent) -> Iterator[Submission]:
    asked = Submission(warm_parent, {"work.py": TEXT}, "work", limits=LIMITS)
    yield asked
    asked.close()


def held_together(submission: Submission) -> int:
    return sum(child.held_bytes() for child in submission._processes._children.values() if child.alive)


def test_processes_of_one_submission_share_its_memory(submission: Submission) -> None:
    for by_hand in (False, True, False, True):
        submission.begin(by_hand)
        for _ in range(8):
            try:
                submission.hold(100)
            except OutOfMemory:
                break
        assert held_together(submission) <= LIMITS.memory_bytes
    submission.begin(by_hand=True)
    with submission.without_autograd(), pytest.raises(OutOfMemory):
        submission.hold(500)
        submission.hold(500)


def test_an_idle_process_keeps_its_memory_if_there_is_room(submission: Submission) -> None:
    submission.begin(by_hand=False)
    submission.hold(60)
    submission.begin(by_hand=True)
    submission.hold(60)
    with submission.on(ACCELERATOR):
        submission.hold(60)
    assert [submission.holds()] == [60]
    submission.begin(by_hand=False)
    assert submission.holds() == 60


def test_an_idle_process_does_not_grow(submission: Submission) -> None:
    submission.begin(by_hand=False)
    submission.grow_behind(1)
    submission.begin(by_hand=True)
    submission.hold(1)
    before = held_together(submission)
    time.sleep(0.5)
    assert held_together(submission) == before


def test_memory_of_idle_processes_is_not_available_to_the_running_one(submission: Submission) -> None:
    submission.begin(by_hand=False)
    submission.hold(200)
    submission.begin(by_hand=True)
    with pytest.raises(OutOfMemory):
        submission.hold(400)
    submission.begin(by_hand=True)
    assert submission.hold(200) == 1
