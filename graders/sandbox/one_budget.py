"""The processes of one submission share its memory: one of them runs, and may take what the others leave.

A submission has a process for each kind of question, and each could take all that is promised to the whole.
So the others are stopped meanwhile, what they hold is subtracted from the limit of the one that runs, and
whoever holds too much is ended; its next question starts it afresh.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable

from .child import Child


def stop(children: Iterable[Child]) -> None:
    """Let none of these run until it is asked again."""
    for child in children:
        if child.alive and sys.platform == "linux":
            child.pause()


def make_way(child: Child, others: Iterable[Child]) -> None:
    """Let one process of a submission run, and no other.

    Args:
        child: which.
        others: the processes of the same submission.
    """
    if sys.platform != "linux":
        return
    idle = [other for other in others if other is not child and other.alive]
    stop(idle)
    held = {number: other.held_bytes() for number, other in enumerate(idle)}
    for number in sorted(held, key=held.__getitem__, reverse=True):
        if sum(held.values()) <= child.limits.memory_bytes // 2:
            break
        idle[number].end()
        del held[number]
    child.go_on(sum(held.values()))
