"""Writes reports into nbgrader's gradebook, so that a class's modules and notebooks end up in the same place.

For each exercise, a report becomes a submission of the assignment of that name, with the grade cells that the
course's notebooks have (`course/cell_ids.py`). So it doesn't matter whether `nbgrader autograde` or `graders
grade` wrote a student's grades; neither changes scores and comments that a person gave. Bonus points are
nbgrader's *extra credit*. A task that couldn't be graded has no score and waits for a person.

    write_gradebook("sqlite:///graded/gradebook.db", reports)
    write_gradebook("postgresql+psycopg2://grader@localhost/course", reports)
"""

from __future__ import annotations

import os
import sys
import warnings
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from graders.curriculum import Exercise, exercises
from graders.printable import one_line
from graders.report import Report, TaskResult
from graders.reports.wording import Feedback

from . import verdicts
from .cell_ids import grade_id, max_score, solution_id

if TYPE_CHECKING:
    from nbgrader.api import Gradebook

_LONGEST_ID = 128


def write_gradebook(
    url: str, reports: Iterable[Report], feedback: Feedback = Feedback.FULL, course: str = "default_course"
) -> int:
    """Write the grades of a class; returns how many students were written.

    Missing students, assignments and cells are created. Writing the same reports again changes nothing.

    Args:
        url: an SQLAlchemy URL, such as `sqlite:///gradebook.db`.
        feedback: how much the comments say.
        course: nbgrader's `course_id`.

    Raises:
        ModuleNotFoundError: nbgrader, or the driver that the URL needs, isn't installed.
    """
    written = 0
    with _opened(url, course) as gradebook:
        prepared: set[str] = set()
        for report in reports:
            student = student_id(report.student)
            gradebook.update_or_create_student(student)
            for exercise in exercises():
                results = {r.task: r for r in report.tasks if r.exercise == exercise.name}
                if not results:
                    continue
                if exercise.name not in prepared:
                    _prepare(gradebook, exercise)
                    prepared.add(exercise.name)
                _write(gradebook, exercise, student, results, feedback)
            written += 1
    return written


def shown(url: str) -> str:
    """The URL in a form that may be printed: a file's path, or a server without the password."""
    if url.startswith("sqlite:///"):
        return url.removeprefix("sqlite:///")
    from sqlalchemy.engine import make_url

    return make_url(url).render_as_string(hide_password=True)


def student_id(name: str) -> str:
    """A student's name as the gradebook's key of 128 characters; longer names stay distinct."""
    name = one_line(name)
    if len(name) <= _LONGEST_ID:
        return name
    import hashlib

    return f"{name[: _LONGEST_ID - 9]}-{hashlib.sha256(name.encode()).hexdigest()[:8]}"


@contextmanager
def _opened(url: str, course: str) -> Iterator[Gradebook]:
    # For a new database, nbgrader runs the program `alembic`, which is installed next to this Python.
    beside = str(Path(sys.executable).parent)
    path = os.environ.get("PATH", "")
    os.environ["PATH"] = os.pathsep.join([beside, path])
    try:
        from nbgrader.api import Gradebook
        from sqlalchemy.exc import SAWarning

        with warnings.catch_warnings():
            warnings.simplefilter(
                "ignore", SAWarning
            )  # of nbgrader's own models, about nothing we could change
            with Gradebook(url, course) as gradebook:
                yield gradebook
    finally:
        os.environ["PATH"] = path


def _prepare(gradebook: Gradebook, exercise: Exercise) -> None:
    """Create the assignment and its cells, unless `nbgrader generate_assignment` did."""
    name = exercise.name
    gradebook.update_or_create_assignment(name)
    notebook = gradebook.update_or_create_notebook(name, name)
    graded = {cell.name: cell.max_score for cell in notebook.grade_cells}
    solved = {cell.name for cell in notebook.solution_cells}
    for task in exercise.tasks:
        if graded.get(grade_id(task)) != max_score(task):
            gradebook.update_or_create_grade_cell(
                grade_id(task), name, name, max_score=max_score(task), cell_type="code"
            )
        if solution_id(task) not in solved:
            gradebook.update_or_create_solution_cell(solution_id(task), name, name)


def _write(
    gradebook: Gradebook, exercise: Exercise, student: str, results: dict[str, TaskResult], feedback: Feedback
) -> None:
    gradebook.update_or_create_submission(exercise.name, student)
    notebook = gradebook.find_submission_notebook(exercise.name, exercise.name, student)
    grades = {grade.name: grade for grade in notebook.grades}
    comments = {comment.name: comment for comment in notebook.comments}
    for task in exercise.tasks:
        result = results.get(task.name)
        if result is None:
            continue
        # A submission that is older than a task has no row for it; nbgrader's own search creates one.
        place = (exercise.name, exercise.name, student)
        grade = grades.get(grade_id(task)) or gradebook.find_grade(grade_id(task), *place)
        comment = comments.get(solution_id(task)) or gradebook.find_comment(solution_id(task), *place)
        _keep(grade, result)
        comment.auto_comment = verdicts.comment(result, feedback)
    gradebook.db.commit()


def _keep(grade: Any, result: TaskResult) -> None:
    """Write a verdict into a grade like nbgrader's autograder: a manual score stays, marked for review."""
    grade.auto_score = verdicts.auto_score(result)
    if result.kind != "core":
        grade.extra_credit = verdicts.extra_credit(result)
    grade.needs_manual_grade = grade.auto_score is None or grade.manual_score is not None
