"""What `check-exercise` does: try everything that must be true of an exercise, and show what was proved."""

from __future__ import annotations

import tempfile
from pathlib import Path

import torch
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

from graders.authoring.declared import refuse_what_is_wrong
from graders.authoring.proofs import Claim, Proofs
from graders.curriculum import Exercise, Task, exercise_named
from graders.reports.console import new_console, plain
from graders.sandbox.tiers import best_tier
from graders.sandbox.warm_parent import WarmParent
from graders.testing.properties import groups_of, properties_of

_SHOWN = 5  # failures of one claim; the first of them lead to the mend


def check_exercise(name: str, quick: bool) -> int:
    """Prove one exercise.

    Args:
        quick: look at declarations only.

    Returns:
        0 if everything was proved, 1 if something was not.

    Raises:
        SourceError: something is declared wrongly.
    """
    torch.set_num_threads(1)
    exercise = exercise_named(name)
    refuse_what_is_wrong([exercise])
    console = new_console()
    console.print(_declared(exercise))
    if quick:
        return 0
    with tempfile.TemporaryDirectory() as folder, WarmParent(best_tier()) as parent:
        found = _tried(console, Proofs(exercise, parent, Path(folder)).claims())
    console.print(_proved(found))
    for claim, failures in found:
        for step, wrong in failures[:_SHOWN]:
            console.print(f"[bold red]not true[/] that {claim.says}: {plain(step)}: {plain(wrong)}")
        if len(failures) > _SHOWN:
            console.print(f"  and {len(failures) - _SHOWN} more")
    return 1 if any(failures for _, failures in found) else 0


_Tried = tuple[Claim, list[tuple[str, str]]]


def _tried(console: Console, claims: tuple[Claim, ...]) -> list[_Tried]:
    """Each claim with what was found wrong, as name of the step and sentence."""
    columns = (
        TextColumn("{task.description:<56.56}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
    )
    found: list[_Tried] = []
    with Progress(*columns, console=console, transient=True) as progress:
        bar = progress.add_task("starting", total=sum(len(claim.steps) for claim in claims))
        for claim in claims:
            progress.update(bar, description=claim.says)
            failures = []
            for step in claim.steps:
                wrong = step.wrong()
                if wrong:
                    failures.append((step.name, wrong))
                progress.advance(bar)
            found.append((claim, failures))
    return found


def _declared(exercise: Exercise) -> Table:
    """What the exercise declares, read as the grader reads it."""
    table = Table("task", "kind", "points", "by hand", "groups and their weights", "properties")
    for task in exercise.tasks:
        table.add_row(*_row(task))
    return table


def _row(task: Task) -> tuple[str, ...]:
    groups = " · ".join(f"{name} {weight:g}" for name, weight in groups_of(task.exercise, task.name).items())
    held = properties_of(task.exercise, task.name)
    by_hand = "yes" if task.by_hand else "no"
    return task.name, task.kind, f"{task.points:g}", by_hand, plain(groups), str(len(held))


def _proved(found: list[_Tried]) -> Table:
    table = Table("what must be true", "tried", "")
    for claim, failures in found:
        count = len(claim.steps)
        verdict = "[green]true[/]" if not failures else f"[bold red]{len(failures)} not[/]"
        table.add_row(claim.says, str(count), verdict if count else f"[dim]{plain(claim.none)}[/]")
    return table
