"""The commands `grade` and `check-one`: they grade, show progress and write the results."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import torch
from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)

from graders.course.gradebook import shown, write_gradebook
from graders.grading import batch
from graders.grading.files import Source
from graders.grading.grade import Settings, grade, reproduce
from graders.grading.hand_in import read
from graders.grading.plan import Plan
from graders.report import Report
from graders.reports import html, table, terminal
from graders.reports.console import new_console, plain, plain_name
from graders.reports.feedback import Feedback
from graders.sandbox.isolation import device_within, proven_parent
from graders.sandbox.tiers import Tier


def grade_class(
    plan: Plan,
    out: Path,
    settings: Settings,
    tier: Tier,
    jobs: int,
    feedback: Feedback,
    gradebook: str = "",
) -> int:
    """Grade every hand-in of a plan, write the results to `out` and show a table.

    Args:
        gradebook: URL of the nbgrader gradebook to write into; empty for `out/gradebook.db`.

    Returns:
        0 if everything was graded, 1 if the grader failed on something or refused it.
    """
    console = new_console()
    sources = plan.hand_ins
    if len(sources) == 1:
        jobs = 1
    console.print(
        f"Grading {len(sources)} submissions from {plain_name(str(plan.root))} "
        f"({jobs} at a time, isolation {tier.name}, seed {settings.seed})"
    )
    reports: list[Report] = []
    failures: list[batch.Graded] = []
    for folder in (out / "reports", out / "feedback"):
        folder.mkdir(parents=True, exist_ok=True)
    with _progress(console) as progress:
        bar = progress.add_task("starting", total=len(sources))
        for graded in batch.grade_all(sources, settings, tier, jobs):
            progress.update(bar, advance=1, description=plain_name(graded.source.student))
            if graded.report is None:
                failures.append(graded)
                continue
            reports.append(graded.report)
            _write_one(out, graded.report, feedback)
    _write_class(out, reports)
    book = gradebook or f"sqlite:///{out / 'gradebook.db'}"
    kept = _write_gradebook(console, book, reports, feedback)
    terminal.print_class(console, reports)
    for failure in failures:
        console.print(
            f"[bold magenta]not graded:[/] {plain_name(failure.source.student)}: {plain(failure.error)}"
        )
    for problem in plan.refused:
        console.print(f"[bold magenta]not graded:[/] {plain(str(problem))}")
    ungraded = [report for report in reports if report.not_graded]
    for report in ungraded:
        names = ", ".join(f"{task.exercise}.{task.task}" for task in report.not_graded)
        console.print(
            f"[bold magenta]not graded:[/] {plain_name(report.student)}: {names}. "
            f"Why: {plain(report.not_graded[0].message)}"
        )
        console.print(f"  to try again: {plain_name(reproduce(report, report.not_graded[0]))}")
    each = f"for each student {out / 'reports'}/*.json and {out / 'feedback'}/*.html"
    wrote = f"{out / 'grades.csv'}, {out / 'class.html'}{kept}, and {each}"
    console.print(f"\nWrote {plain(wrote)}")
    return 1 if failures or ungraded or plan.refused else 0


def _write_gradebook(console: Console, url: str, reports: Sequence[Report], feedback: Feedback) -> str:
    """Write nbgrader's gradebook; returns its name for the list of written files.

    If it can't be written, the reason is printed; all other results have been written already.
    """
    try:
        with console.status("writing the gradebook"):
            write_gradebook(url, reports, feedback)
    except ModuleNotFoundError as missing:
        install = 'python -m pip install "cnn-by-hand[course]"'
        console.print(f"[yellow]no gradebook:[/] {missing.name} is not installed ({plain(install)})")
        return ""
    except Exception as error:  # a locked file, a server that is down: databases raise all sorts of errors
        reason = str(error).splitlines()[0]
        console.print(f"[bold magenta]gradebook not written:[/] {plain(shown(url))}: {plain(reason)}")
        return ""
    return f", {shown(url)}"


def check_one(source: Source, settings: Settings, require: str, feedback: Feedback, insisted: bool) -> int:
    """Grade one submission, isolated as `require` says, and show every task.

    If the device in the settings can't be used, it is skipped, unless the user `insisted` on it.

    Returns:
        0 if everything was graded, 1 if the grader failed on something.
    """
    console = new_console()
    torch.set_num_threads(1)  # more would change the last digits, and be much slower on a busy machine
    with console.status("grading"), proven_parent(require) as parent:
        settings = replace(
            settings, device=device_within(settings.device, parent.tier, require, insisted=insisted)
        )
        report = grade(read(source), settings, parent)
    console.print(terminal.one_report(report, feedback))
    return 1 if report.not_graded else 0


def _progress(console: Console) -> Progress:
    columns = (
        TextColumn("{task.description:<24.24}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        TimeRemainingColumn(),
    )
    return Progress(*columns, console=console)


def _write_one(out: Path, report: Report, feedback: Feedback) -> None:
    (out / "reports" / f"{report.student}.json").write_text(report.to_json(), encoding="utf-8")
    (out / "feedback" / f"{report.student}.html").write_text(
        html.feedback_page(report, feedback), encoding="utf-8"
    )


def _write_class(out: Path, reports: Sequence[Report]) -> None:
    table.write_csv(out / "grades.csv", reports)
    (out / "class.html").write_text(html.class_page(reports), encoding="utf-8")
