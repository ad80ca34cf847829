"""nbgrader plug-ins: a proportional late penalty, and an export with a column for every task."""

from __future__ import annotations

import csv
import math
from pathlib import Path
from typing import Any

from nbgrader.api import Gradebook, MissingEntry
from nbgrader.plugins import BasePlugin, ExportPlugin
from traitlets import Float

from graders.printable import table_cell
from graders.reports.wording import points


class ProportionalPenalty(BasePlugin):  # type: ignore[misc]
    """Deducts a share of the points for each day or part of a day, however many notebooks there are."""

    per_day = Float(0.1, help="Share of the earned points to deduct per day or part of a day.").tag(
        config=True
    )
    most = Float(0.5, help="The largest share to deduct for lateness.").tag(config=True)
    grace_hours = Float(0.0, help="Hours after the due date without a penalty.").tag(config=True)

    def late_submission_penalty(
        self, student_id: str, score: float, total_seconds_late: float
    ) -> float | None:
        """The points to deduct from one notebook."""
        late = total_seconds_late - 3600 * self.grace_hours
        if late <= 0:
            return None
        return round(score * min(self.most, self.per_day * math.ceil(late / 86400)), 4)


class TasksCsv(ExportPlugin):  # type: ignore[misc]
    """Writes a row for each student and assignment: core, bonus, penalty, then every task.

    Tasks that weren't graded are listed in a separate column and have empty cells. Students who handed in
    nothing can be told apart from those who earned nothing. The first columns are named as in nbgrader's own
    export.
    """

    def export(self, gradebook: Gradebook) -> None:
        """Write the file that `--to` names (`grades.csv` without it)."""
        rows = [
            self._row(gradebook, assignment, student)
            for assignment in gradebook.assignments
            if not self.assignment or assignment.name in [str(name) for name in self.assignment]
            for student in gradebook.students
            if not self.student or student.id in [str(name) for name in self.student]
        ]
        first = [
            *("assignment", "duedate", "timestamp", "student_id", "last_name", "first_name", "email"),
            *_TOTALS,
        ]
        tasks = sorted({key for row in rows for key in row if key not in first})
        path = Path(self.to or "grades.csv")
        with path.open("w", newline="", encoding="utf-8") as file:
            writer = csv.DictWriter(file, [*first, *tasks], restval="")
            writer.writeheader()
            writer.writerows(rows)
        self.log.info("Wrote %d rows to %s", len(rows), path)

    def _row(self, gradebook: Gradebook, assignment: Any, student: Any) -> dict[str, Any]:
        row: dict[str, Any] = {
            "assignment": assignment.name,
            "duedate": assignment.duedate or "",
            "student_id": table_cell(student.id or ""),
            "last_name": table_cell(student.last_name or ""),
            "first_name": table_cell(student.first_name or ""),
            "email": table_cell(student.email or ""),
            "max_score": points(assignment.max_score),
        }
        try:
            submission = gradebook.find_submission(assignment.name, student.id)
        except MissingEntry:
            return row | {"not_graded": "nothing handed in"}
        grades = [grade for notebook in submission.notebooks for grade in notebook.grades]
        waiting = [grade for grade in grades if grade.auto_score is None and grade.manual_score is None]
        penalty = submission.late_submission_penalty or 0.0
        bonus = sum(grade.extra_credit or 0.0 for grade in grades)
        row |= {
            "timestamp": submission.timestamp or "",
            "raw_score": points(submission.score),
            "late_submission_penalty": points(penalty),
            "score": points(max(0.0, submission.score - penalty)),
            "core": points(submission.score - bonus),
            "bonus": points(bonus),
            "not_graded": " ".join(grade.name.removeprefix("grade-") for grade in waiting),
        }
        for grade in grades:
            if grade not in waiting:
                row[f"{grade.notebook.name}.{grade.name.removeprefix('grade-')}"] = points(grade.score)
        return row


_TOTALS = ("raw_score", "late_submission_penalty", "score", "max_score", "core", "bonus", "not_graded")
