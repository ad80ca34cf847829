"""Reports in nbgrader's gradebook, on SQLite and on a separate PostgreSQL server."""

# ruff: noqa: E402 - what follows importorskip needs nbgrader
from __future__ import annotations

from pathlib import Path

import pytest

pytest.importorskip("nbgrader", reason="nbgrader is not installed: pip install -e '.[course]'")
pytestmark = pytest.mark.filterwarnings("ignore:Object of type")

from nbgrader.api import Gradebook

from graders.course.gradebook import student_id, write_gradebook
from graders.curriculum import exercises
from graders.report import Report, TaskResult

MESSAGE = "conv2d(X, K): the values are wrong. It raised <b>this</b>."


def report(student: str, outcome: str = "passed") -> Report:
    tasks = [
        TaskResult(
            e.name, t.name, t.kind, outcome, t.points if outcome == "passed" else 0.0, t.points, message
        )
        for e in exercises()
        for t in e.tasks
        for message in ["" if outcome == "passed" else MESSAGE]
    ]
    return Report(student, 0, "strict", "cpu", {}, tuple(tasks))


@pytest.fixture(params=["sqlite", "postgresql"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'gradebook.db'}"
    return str(request.getfixturevalue("postgresql"))


def test_a_class_is_written_per_task_and_written_again_without_change(url: str) -> None:
    class_ = [report("ada"), report("ben", "failed"), report("cy", "grader_error"), report("d" * 300)]
    for _ in range(2):
        assert write_gradebook(url, class_) == 4
    with Gradebook(url) as gradebook:
        assert len(gradebook.students) == 4
        assert {assignment.name for assignment in gradebook.assignments} == {e.name for e in exercises()}
        scores = {row["id"]: (row["score"], row["max_score"]) for row in gradebook.student_dicts()}
        assert scores["ada"] == (140.0, 100.0)
        assert scores["ben"] == scores["cy"] == (0.0, 100.0)
        assert scores[student_id("d" * 300)] == (140.0, 100.0)
        bonus = gradebook.find_grade("grade-conv2d_matrix", "conv2d", "conv2d", "ada")
        assert (bonus.auto_score, bonus.extra_credit, bonus.score, bonus.max_score) == (0.0, 3.0, 3.0, 0.0)
        waiting = gradebook.find_grade("grade-conv2d", "conv2d", "conv2d", "cy")
        assert waiting.auto_score is None and waiting.needs_manual_grade
        assert not gradebook.find_submission("conv2d", "ben").needs_manual_grade
        said = gradebook.find_comment("conv2d", "conv2d", "conv2d", "ben").comment
        assert said.startswith("conv2d: failed, 0 of 10 points") and "the values are wrong" in said


def test_what_a_person_wrote_stays_when_a_class_is_graded_again(url: str) -> None:
    write_gradebook(url, [report("eve", "failed")])
    with Gradebook(url) as gradebook:
        gradebook.find_grade("grade-conv2d", "conv2d", "conv2d", "eve").manual_score = 7.0
        gradebook.find_comment("conv2d", "conv2d", "conv2d", "eve").manual_comment = "Nearly."
        gradebook.db.commit()
    write_gradebook(url, [report("eve", "passed")])
    with Gradebook(url) as gradebook:
        grade = gradebook.find_grade("grade-conv2d", "conv2d", "conv2d", "eve")
        assert (grade.auto_score, grade.score, grade.needs_manual_grade) == (10.0, 7.0, True)
        assert gradebook.find_comment("conv2d", "conv2d", "conv2d", "eve").comment == "Nearly."


def test_ids_fit_the_gradebook_and_stay_distinct() -> None:
    assert student_id("ada") == "ada"
    long = [student_id("x" * 200 + end) for end in "ab"]
    assert long[0] != long[1] and all(len(name) <= 128 for name in long)
