"""What naming a mistake costs: `python -m benchmarks.diagnosis`.

Every task gets three wrong answers that are hard to name (two mistakes at once, and one that is nobody's), in
our own process. The table shows the CPU time of the first diagnosis of a task, which finds out what known
mistakes show, and the longest of the later ones. A submission that fails every task pays the sum of a column.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import torch
from rich.console import Console
from rich.table import Table

from graders.curriculum import exercises
from graders.diagnosis.catalogue import known
from graders.diagnosis.diagnose import diagnose
from graders.diagnosis.mistakes import right_names
from graders.testing.in_process import submission_in_process


def nobodys(right: Callable[..., Any]) -> Callable[..., Any]:
    """Right, but for what it makes of numbers."""

    def wrong(*args: Any, **options: Any) -> Any:
        answer = right(*args, **options)
        return answer * 3 + 1 if isinstance(answer, (int, float, torch.Tensor)) else answer

    return wrong


def seconds(exercise: str, task: str, wrong: Callable[..., Any]) -> float:
    """CPU time of one diagnosis."""
    submission = submission_in_process({**right_names(exercise), task: wrong})
    before = time.process_time()
    diagnose(submission, exercise, task)
    return time.process_time() - before


def main() -> None:
    torch.set_num_threads(1)
    table = Table("task", "single", "pairs", "first, CPU s", "later, CPU s", title="Naming a mistake")
    sums = [0.0, 0.0]
    for exercise in exercises():
        for task in exercise.tasks:
            about = known(exercise.name, task.name)
            if not about.single:
                continue
            pairs = about.pairs[:: max(len(about.pairs) // 2, 1)]
            both = [about.both(*pair).wrong for pair in pairs] if about.both else []
            answers = [*both, about.values[-1].wrong, nobodys(right_names(exercise.name)[task.name])]
            first = seconds(exercise.name, task.name, answers[0])
            for answer in answers[1:]:
                seconds(exercise.name, task.name, answer)
            later = max(seconds(exercise.name, task.name, answer) for answer in answers)
            sums = [sums[0] + first, sums[1] + later]
            counts = (str(len(about.single)), str(len(about.pairs)))
            table.add_row(f"{exercise.name}.{task.name}", *counts, f"{first:.2f}", f"{later:.3f}")
    table.add_row("all", "", "", f"{sums[0]:.2f}", f"{sums[1]:.3f}")
    Console().print(table)


if __name__ == "__main__":
    main()
