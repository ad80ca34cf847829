"""Reports as tables in a terminal."""

from __future__ import annotations

from collections.abc import Sequence

from rich.console import Console, Group, RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from ..curriculum import exercises
from ..report import Report, TaskResult
from .wording import BADGES, Feedback, explanation, points

_COLOURS = {"passed": "green", "failed": "red", "not_implemented": "dim", "grader_error": "magenta"}


def class_table(reports: Sequence[Report]) -> Table:
    """A row for each student, a column for each exercise."""
    table = Table(title="Grades", title_style="bold", row_styles=["", "on grey7"], pad_edge=False)
    table.add_column("student", no_wrap=True)
    table.add_column("core", justify="right", style="bold")
    table.add_column("bonus", justify="right")
    for exercise in exercises():
        table.add_column(exercise.name, justify="right")
    table.add_column("what went wrong", ratio=1, overflow="fold")
    table.add_column("s", justify="right", style="dim")
    for report in sorted(reports, key=lambda report: report.student.lower()):
        cells = [report.student, points(report.core.score), points(report.bonus.score)]
        cells += [points(report.exercise_points(exercise.name).score) for exercise in exercises()]
        table.add_row(*cells, _troubles(report), f"{report.seconds:.1f}")
    return table


def _troubles(report: Report) -> Text:
    """Counts of outcomes, the rare and alarming ones by task."""
    text = Text()
    counts = {
        outcome: [task for task in report.tasks if task.outcome == outcome and task.kind == "core"]
        for outcome in BADGES
        if outcome != "passed"
    }
    for outcome, tasks in counts.items():
        if not tasks:
            continue
        if text:
            text.append(", ")
        names = f" ({', '.join(task.task for task in tasks)})" if len(tasks) <= 2 else ""
        text.append(f"{len(tasks)} {BADGES[outcome]}{names}", style=_COLOURS.get(outcome, "yellow"))
    return text or Text("–", style="dim")


def one_report(report: Report, feedback: Feedback, reproduce: bool = True) -> RenderableType:
    """Every task of one student, with what to read about it."""
    parts: list[RenderableType] = [Text(report.student, style="bold")]
    parts += [Text(problem, style="yellow") for problem in report.problems]
    for exercise in exercises():
        tasks = [task for task in report.tasks if task.exercise == exercise.name]
        if not tasks:
            continue
        score = report.exercise_points(exercise.name)
        parts.append(Text(f"\n{exercise.name}: {points(score.score)} of {points(score.max_score)}", style="bold"))
        for task in tasks:
            parts += _task(task, feedback)
    core, bonus = report.core, report.bonus
    total = f"\n{points(core.score)} of {points(core.max_score)} core points, {points(bonus.score)} bonus"
    parts.append(Text(f"{total} · seed {report.seed} · isolation {report.tier}", style="bold"))
    return Group(*parts)


def _task(task: TaskResult, feedback: Feedback) -> list[RenderableType]:
    colour = _COLOURS.get(task.outcome, "yellow")
    line = Text(f"  {BADGES[task.outcome]:<16}", style=colour)
    bonus = " bonus" if task.kind == "stretch" else ""
    line.append(f"{task.task}  ", style="default")
    line.append(f"{points(task.score)}/{points(task.max_score)}{bonus}", style="dim")
    text = explanation(task, feedback)
    return [line, Padding(Text(text), (0, 0, 0, 18))] if text else [line]


def print_class(console: Console, reports: Sequence[Report]) -> None:
    """Print the table of a class."""
    console.print(class_table(reports))
