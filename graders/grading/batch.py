"""Grades many submissions: one worker process for each core, each with its own warm parent.

Grading one submission is a pure function; only the process that calls `grade_all` writes anything.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass
from functools import cache
from multiprocessing import get_context

from graders.report import Report
from graders.sandbox.tiers import Tier
from graders.sandbox.warm_parent import WarmParent

from .files import Source
from .grade import Settings, grade
from .hand_in import read

_KILLED = "a grading process was killed; was the machine out of memory?"


@dataclass(frozen=True)
class Graded:
    """The outcome of grading one submission: a report, or the reason why there is none."""

    source: Source
    report: Report | None
    error: str = ""


def grade_all(sources: Sequence[Source], settings: Settings, tier: Tier, jobs: int) -> Iterator[Graded]:
    """Grade every submission and yield each result when it is ready; one that can't be graded stops nothing.

    If a grading process is killed, all submissions that were waiting fail with it; each is retried alone.
    """
    lost = []
    for graded in _grade_in_one_pool(sources, settings, tier, jobs):
        if graded.error == _KILLED:
            lost.append(graded.source)
        else:
            yield graded
    for source in lost:
        yield from _grade_in_one_pool([source], settings, tier, 1)


def _grade_in_one_pool(
    sources: Sequence[Source], settings: Settings, tier: Tier, jobs: int
) -> Iterator[Graded]:
    workers = max(1, min(jobs, len(sources)))
    with ProcessPoolExecutor(
        workers, mp_context=get_context("spawn"), initializer=_start, initargs=(tier,)
    ) as pool:
        futures: dict[Future[str], Source] = {
            pool.submit(_grade_one, source, settings, tier): source for source in sources
        }
        for future in as_completed(futures):
            yield _graded(futures[future], future.result)


def _graded(source: Source, result: Callable[[], str]) -> Graded:
    try:
        return Graded(source, Report.from_json(result()))
    except BrokenProcessPool:
        return Graded(source, None, _KILLED)
    except Exception as error:  # the reason is shown, and the other submissions are still graded
        return Graded(source, None, f"{type(error).__name__}: {error}")


def _start(tier: Tier) -> None:
    import torch

    torch.set_num_threads(1)
    _warm_parent(tier)


@cache
def _warm_parent(tier: Tier) -> WarmParent:
    return WarmParent(tier)


def _grade_one(source: Source, settings: Settings, tier: Tier) -> str:
    return grade(read(source), settings, _warm_parent(tier)).to_json()
