"""Reports as web pages. Everything a student wrote is escaped; no page runs a script."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import cache
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from graders.curriculum import exercises
from graders.printable import lines
from graders.report import Report

from .wording import BADGES, Feedback, cell, differs, points, rows, sentence, without_repetition


def feedback_page(report: Report, feedback: Feedback) -> str:
    """The feedback page of one student."""
    page = _environment().get_template("feedback.html")
    report = replace(report, tasks=without_repetition(report.tasks, report.problems))
    return page.render(report=report, exercises=exercises(), feedback=feedback.value, level=feedback)


def class_page(reports: Sequence[Report]) -> str:
    """The page for the teacher, with every student and every task."""
    ordered = sorted(reports, key=lambda report: report.student.lower())
    return _environment().get_template("class.html").render(reports=ordered, exercises=exercises())


@cache
def _environment() -> Environment:
    loader = FileSystemLoader(Path(__file__).parent / "templates")
    environment = Environment(
        loader=loader, autoescape=True, undefined=StrictUndefined, trim_blocks=True, finalize=_shown
    )
    environment.filters.update(points=points, cell=cell, rows=rows)
    environment.globals.update(badges=BADGES, differs=differs, sentence=sentence)
    return environment


def _shown(value: object) -> object:
    """A value for a page, with control characters written out."""
    return lines(value) if type(value) is str else value
