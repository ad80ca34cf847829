"""Grades as CSV, for a spreadsheet or a learning platform."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from pathlib import Path

from graders.curriculum import exercises
from graders.printable import table_cell
from graders.report import Report

from .wording import points


def write_csv(path: Path, reports: Sequence[Report]) -> None:
    """Write a row for each student: totals, points of each task, tasks not graded, and the hand-in's path.

    A task on which the grader failed has an empty cell, never a zero. The last columns have the students' ids
    on the learning platform and the roster, one column for each kind of id.
    """
    tasks = [(task.exercise, task.name) for exercise in exercises() for task in exercise.tasks]
    header = ["student", "core", "bonus", *(f"{exercise}.{task}" for exercise, task in tasks), "not_graded"]
    known = sorted({key for report in reports for key in report.ids})
    header += ["late", "hand_in", *known]
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(header)
        for report in sorted(reports, key=lambda report: report.student.lower()):
            by_name = {(task.exercise, task.task): task for task in report.tasks}
            graded = {key: task for key, task in by_name.items() if task.outcome != "grader_error"}
            scores = [points(graded[key].score) if key in graded else "" for key in tasks]
            missing = " ".join(f"{task.exercise}.{task.task}" for task in report.not_graded)
            late = {True: "late", False: "", None: ""}[report.late]
            about = [late, "; ".join(report.hand_in), *(report.ids.get(key, "") for key in known)]
            row = [points(report.core.score), points(report.bonus.score), *scores, missing]
            writer.writerow([table_cell(report.student), *row, *map(table_cell, about)])
