"""Reports as tables in a terminal."""

from __future__ import annotations

from collections.abc import Sequence

from rich import box
from rich.console import Console, Group, RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from graders.curriculum import exercises
from graders.printable import lines, one_line
from graders.report import Report, TaskResult

from .wording import BADGES, Feedback, explanation, points, without_repetition

_WIDE = 100
_ROOMY = 132
_NAMED = 4
_COLOURS = {"passed": "green", "failed": "red", "not_implemented": "dim", "grader_error": "magenta"}


def class_table(reports: Sequence[Report], width: int) -> Table:
    """A row for each student: totals, points of each exercise, and if there is room, what went wrong."""
    wide = width >= _WIDE
    table = Table(
        title="Grades",
        title_style="bold",
        box=box.SIMPLE_HEAD,
        pad_edge=False,
        padding=(0, int(width >= _ROOMY)),
    )
    table.add_column("student", overflow="fold", min_width=7, max_width=24)
    table.add_column("core", justify="right", style="bold")
    table.add_column("bonus", justify="right")
    for exercise in exercises():
        table.add_column(exercise.name.replace("_", "\n"), justify="right", no_wrap=True)
    if wide:
        table.add_column("core tasks that did not pass", ratio=1, overflow="fold")
    table.add_column("s", justify="right", style="dim")
    for report in sorted(reports, key=lambda report: report.student.lower()):
        cells: list[RenderableType] = [
            Text(one_line(report.student)),
            points(report.core.score),
            points(report.bonus.score),
        ]
        cells += [points(report.exercise_points(exercise.name).score) for exercise in exercises()]
        cells += [_troubles(report)] if wide else []
        table.add_row(*cells, f"{report.seconds:.0f}")
    return table


def _troubles(report: Report) -> Text:
    """The core tasks that didn't pass, by outcome; by name if there are few."""
    text = Text()
    for outcome, badge in BADGES.items():
        tasks = [task.task for task in report.tasks if task.outcome == outcome and task.kind == "core"]
        if outcome == "passed" or not tasks:
            continue
        names = ", ".join(tasks) if len(tasks) <= _NAMED else f"{len(tasks)} tasks"
        text.append("; " if text else "")
        text.append(f"{badge}: ", style=_COLOURS.get(outcome, "yellow"))
        text.append(names)
    return text or Text("–", style="dim")


def one_report(report: Report, feedback: Feedback, reproduce: bool = True) -> RenderableType:
    """Every task of one student, with its message."""
    parts: list[RenderableType] = [Text(one_line(report.student), style="bold")]
    parts += [Text(lines(problem), style="yellow") for problem in report.problems]
    every = without_repetition(report.tasks, report.problems)
    for exercise in exercises():
        tasks = [task for task in every if task.exercise == exercise.name]
        if not tasks:
            continue
        score = report.exercise_points(exercise.name)
        parts.append(
            Text(f"\n{exercise.name}: {points(score.score)} of {points(score.max_score)}", style="bold")
        )
        for task in tasks:
            parts += _task(task, feedback)
    if report.remarks:
        parts.append(Text("\nRemarks on the files; they don't affect the points:", style="dim"))
        parts += [Text(f"  {lines(str(remark))}", style="dim") for remark in report.remarks]
    core, bonus = report.core, report.bonus
    total = f"\n{points(core.score)} of {points(core.max_score)} core points, {points(bonus.score)} bonus"
    parts.append(
        Text(f"{total} · seed {report.seed} · isolation {report.tier} · device {report.device}", style="bold")
    )
    parts += [Text(f"Not run: {lines(what)}", style="dim") for what in report.not_run]
    return Group(*parts)


def _task(task: TaskResult, feedback: Feedback) -> list[RenderableType]:
    colour = _COLOURS.get(task.outcome, "yellow")
    line = Text(f"  {BADGES[task.outcome]:<16}", style=colour)
    bonus = " bonus" if task.kind == "stretch" else ""
    line.append(f"{task.task}  ", style="default")
    line.append(f"{points(task.score)}/{points(task.max_score)}{bonus}", style="dim")
    text = explanation(task, feedback)
    return [line, Padding(Text(lines(text)), (0, 0, 0, 18))] if text else [line]


def print_class(console: Console, reports: Sequence[Report]) -> None:
    """Print the table of a class, and which tests were not run."""
    console.print(class_table(reports, console.width))
    for what in sorted({what for report in reports for what in report.not_run}):
        console.print(Text(f"Not run: {lines(what)}", style="dim"))
