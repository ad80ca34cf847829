"""Keeps grader and student processes on one core: they take turns, and waking another core is slow."""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Iterator

import psutil


@contextlib.contextmanager
def on_one_core() -> Iterator[None]:
    """Within this context, keep this process and the student processes it starts on its current core.

    On systems where a process can't be bound to a core (macOS), this does nothing.
    """
    if sys.platform != "linux":
        yield
        return
    everywhere = os.sched_getaffinity(0)
    with contextlib.suppress(OSError):
        os.sched_setaffinity(0, {psutil.Process().cpu_num()})
    try:
        yield
    finally:
        with contextlib.suppress(OSError):
            os.sched_setaffinity(0, everywhere)


def join_core_of_this_process(pid: int) -> None:
    """Let another process run only on the cores of this one."""
    if sys.platform == "linux":
        with contextlib.suppress(OSError):
            os.sched_setaffinity(pid, os.sched_getaffinity(0))
