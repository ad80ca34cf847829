"""What the tests on the simulated accelerator cost: `python -m benchmarks.devices`.

The reference is graded alternately with and without the properties of the *devices* groups, in one run on
this machine. The table shows the CPU time of grader and student processes for each exercise, and the ratio.
"""

from __future__ import annotations

import argparse
import statistics
import time
from collections.abc import Iterator
from contextlib import contextmanager

import torch
from rich.console import Console
from rich.progress import track
from rich.table import Table

from graders.curriculum import SOLUTIONS, exercises
from graders.grading import grade as grading
from graders.grading.grade import Settings, grade
from graders.grading.hand_in import HandIn, read
from graders.sandbox.child import Child
from graders.sandbox.tiers import best_tier
from graders.sandbox.warm_parent import WarmParent
from graders.testing.devices import DEVICES


@contextmanager
def without_devices() -> Iterator[None]:
    """Within this context, no task is tested on the accelerator."""
    every = grading.properties_of
    grading.properties_of = lambda *task: [held for held in every(*task) if held.group != DEVICES]  # type: ignore[assignment]
    try:
        yield
    finally:
        grading.properties_of = every


@contextmanager
def counted(used: list[float]) -> Iterator[None]:
    """Within this context, the CPU time of every student process is appended to `used` when it ends."""
    end = Child.end

    def counting_end(child: Child) -> int | None:
        if child.alive:
            used.append(child.cpu_seconds())
        return end(child)

    Child.end = counting_end  # type: ignore[method-assign]
    try:
        yield
    finally:
        Child.end = end  # type: ignore[method-assign]


def cpu_seconds(hand_in: HandIn, exercise: str, parent: WarmParent) -> float:
    """CPU time of grading one exercise, on both sides of the wall."""
    used: list[float] = []
    started = time.process_time()
    with counted(used):
        report = grade(hand_in, Settings(only=(exercise,)), parent)
    assert not report.not_graded
    return time.process_time() - started + sum(used)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.devices", description=__doc__)
    parser.add_argument("--runs", type=int, default=3, help="runs with and without (default: %(default)s)")
    runs = parser.parse_args().runs
    torch.set_num_threads(1)
    table = Table("exercise", "with", "without", "ratio", title=f"CPU seconds, median of {runs} runs")
    sums = [0.0, 0.0]
    hand_in = read(SOLUTIONS)
    with WarmParent(best_tier()) as parent:
        grade(hand_in, Settings(), parent)
        for exercise in track([one.name for one in exercises()], "grading", transient=True):
            times: tuple[list[float], list[float]] = ([], [])
            for _ in range(runs):
                times[0].append(cpu_seconds(hand_in, exercise, parent))
                with without_devices():
                    times[1].append(cpu_seconds(hand_in, exercise, parent))
            asked, left_out = map(statistics.median, times)
            sums = [sums[0] + asked, sums[1] + left_out]
            table.add_row(exercise, f"{asked:.2f} s", f"{left_out:.2f} s", f"{asked / left_out:.2f}")
    table.add_section()
    table.add_row("together", f"{sums[0]:.2f} s", f"{sums[1]:.2f} s", f"{sums[0] / sums[1]:.2f}")
    Console(width=80).print(table)


if __name__ == "__main__":
    main()
