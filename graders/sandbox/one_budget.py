"""The processes of one submission share one memory limit: only one runs, and may use what the others leave.

A submission has a process for each kind of question, and each could use up the limit of the whole submission.
So the others are stopped, what they hold is subtracted from the limit of the one that runs, and any that
holds too much is ended; its next question starts it again.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable

from .child import Child


def stop(children: Iterable[Child]) -> None:
    """Stop all of these until they are asked again."""
    for child in children:
        if child.alive and sys.platform == "linux":
            child.pause()


def make_way(child: Child, others: Iterable[Child]) -> None:
    """Let one process of a submission run and stop the others.

    Args:
        child: the process to run.
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
