"""What isolation costs: `python -m benchmarks.sandbox`.

Measured in one run on this machine: starting a student process and loading a module (a warm fork against a
fresh interpreter), round trips of 1 KB and 1 MB, the memory of additional workers, and grading a whole
submission in the sandbox against running the same properties in this process without any isolation.
"""

from __future__ import annotations

import argparse
import gc
import itertools
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import psutil
import torch
from rich.console import Console
from rich.table import Table

from graders.curriculum import SOLUTIONS, exercises
from graders.grading.grade import Settings, grade
from graders.grading.hand_in import read
from graders.sandbox.child import Child
from graders.sandbox.inside import accelerator
from graders.sandbox.limits import Limits
from graders.sandbox.one_core import on_one_core
from graders.sandbox.tiers import best_tier
from graders.sandbox.warm_parent import WarmParent
from graders.testing.in_process import submission_in_process
from graders.testing.properties import properties_of

MODULE = "import math\nimport torch\n\n\ndef echo(X):\n    return X + 0\n"


def milliseconds(action: Callable[[], object], runs: int) -> list[float]:
    """Wall time of each run."""
    times = []
    for _ in range(runs):
        started = time.perf_counter()
        action()
        times.append((time.perf_counter() - started) * 1e3)
    return times


def loaded_child(parent: WarmParent, by_hand: bool) -> Child:
    """A student process that has loaded a module."""
    child = parent.spawn(by_hand=by_hand, limits=Limits())
    child.ask({"ask": "load", "files": {"conv2d.py": MODULE}, "module": "conv2d"})
    return child


def start_times(parent: WarmParent, by_hand: bool, runs: int) -> list[float]:
    """The time from requesting a process to the loaded module; ending it isn't counted."""
    times = []
    for _ in range(runs):
        started = time.perf_counter()
        child = loaded_child(parent, by_hand)
        times.append((time.perf_counter() - started) * 1e3)
        child.end()
    return times


def fresh_interpreter() -> None:
    """Start an interpreter that imports torch, which is what isolation costs without a warm parent."""
    subprocess.run([sys.executable, "-I", "-c", MODULE], check=True)


def proportional_kib(pid: int) -> float:
    """The proportional set size of a process: shared pages count proportionally."""
    for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
        if line.startswith("Pss:"):
            return float(line.split()[1])
    return float("nan")


def memory_of_further_workers(parent: WarmParent, workers: int = 4) -> list[float]:
    """MiB that each additional student process adds to the PSS of the grader and all its child processes.

    A process's own PSS would measure something else: it includes shares of pages that exist anyway.
    """
    children: list[Child] = []
    totals = []
    for _ in range(workers + 1):
        child = loaded_child(parent, by_hand=True)
        child.ask({"ask": "call", "target": "echo", "args": (torch.rand(64, 64),), "kwargs": {}})
        children.append(child)
        grader = psutil.Process()
        pids = [grader.pid, *(process.pid for process in grader.children(recursive=True))]
        totals.append(sum(proportional_kib(pid) for pid in pids) / 1024)
    for child in children:
        child.end()
    return [after - before for before, after in itertools.pairwise(totals)]


def round_trips(parent: WarmParent, numbers: int, runs: int) -> list[float]:
    """The times of single questions and answers, each with a tensor of `numbers` float32 values."""
    with on_one_core():
        child = loaded_child(parent, by_hand=False)
        question = {"ask": "call", "target": "echo", "args": (torch.rand(numbers),), "kwargs": {}}
        child.ask(question)
        times = milliseconds(lambda: child.ask(question), runs)
        child.end()
        return times


def in_this_process() -> None:
    """Run every property of every task in this process: the same questions and frames, but no walls."""
    for exercise in exercises():
        names = vars(__import__(f"solutions.{exercise.name}", fromlist=["_"]))
        submission = submission_in_process(
            {key: value for key, value in names.items() if not key.startswith("__")}
        )
        for task in exercise.tasks:
            submission.begin(by_hand=False)
            for held in properties_of(exercise.name, task.name):
                held.test(submission=submission)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=20)
    runs = parser.parse_args().runs
    torch.set_num_threads(1)
    accelerator.install()  # for the questions without isolation
    console = Console(width=100)
    table = Table(
        "what", "median", "min", "max", "against", "ratio", title=f"Isolation {best_tier().name}, {runs} runs"
    )

    def row(
        what: str, times: list[float], unit: str = "ms", against: tuple[str, float] | None = None
    ) -> None:
        middle = statistics.median(times)
        numbers = [f"{number:.2f} {unit}" for number in (middle, min(times), max(times))]
        other = (
            ("", "")
            if against is None
            else (f"{against[0]} {against[1]:.0f} {unit}", f"{middle / against[1]:.3f}")
        )
        table.add_row(what, *numbers, *other)

    with WarmParent(best_tier()) as parent:
        loaded_child(parent, by_hand=True).end()
        fresh = statistics.median(milliseconds(fresh_interpreter, 3))
        row(
            "start to loaded module, by hand",
            start_times(parent, True, runs),
            against=("fresh interpreter", fresh),
        )
        row(
            "start to loaded module, free",
            start_times(parent, False, runs),
            against=("fresh interpreter", fresh),
        )
        row("round trip, 1 KB", round_trips(parent, 1 << 8, 20 * runs))
        row("round trip, 1 MB", round_trips(parent, 1 << 18, 20 * runs))
        row("memory (PSS) of a further student process", memory_of_further_workers(parent), "MiB")
        hand_in = read(SOLUTIONS)
        whole: list[float] = []
        unisolated: list[float] = []
        grade(hand_in, Settings(), parent)
        in_this_process()
        for _ in range(3):
            gc.collect()
            whole += milliseconds(lambda: grade(hand_in, Settings(), parent), 1)
            unisolated += milliseconds(in_this_process, 1)
        row("one whole submission", whole, against=("no isolation", statistics.median(unisolated)))
    console.print(table)


if __name__ == "__main__":
    main()
