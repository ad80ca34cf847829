"""The sample class gets the verdicts that were written down for it."""

from __future__ import annotations

import tomllib
from collections.abc import Callable
from functools import cache
from pathlib import Path

import pytest

from graders.curriculum import exercises
from graders.grading.grade import Settings, grade
from graders.grading.hand_in import read
from graders.grading.plan import plan_for
from graders.report import Report
from graders.sandbox.limits import Limits
from graders.sandbox.warm_parent import WarmParent

# On one worker with the other tests that grade this class.
pytestmark = pytest.mark.xdist_group("sample class")
HERE = Path(__file__).parent / "sample_class"
TASKS = [f"{exercise.name}.{task.name}" for exercise in exercises() for task in exercise.tasks]
WRITTEN = tomllib.loads((HERE / "expected.toml").read_text(encoding="utf-8"))
# What nobody wrote down was not written: nobody of the class knows a task that came later.
EXPECTED = {
    student: dict.fromkeys(TASKS, "not_implemented") | verdicts for student, verdicts in WRITTEN.items()
}
PATHS = {source.student: source for source in plan_for(HERE / "submissions").hand_ins}


@cache
def grade_student(student: str, parent: WarmParent) -> Report:
    """The report of one student, graded once for all tests of this process."""
    # Short limits: the hanging ones are to be stopped, not to be waited for.
    settings = Settings(limits=Limits(cpu_seconds=4, memory_bytes=512 << 20))
    return grade(read(PATHS[student]), settings, parent)


def test_every_student_has_expected_verdicts_for_tasks_that_there_are() -> None:
    assert set(PATHS) == set(WRITTEN)
    for student, verdicts in WRITTEN.items():
        assert set(verdicts) - {"about"} <= set(TASKS), student


@pytest.mark.parametrize("student", sorted(EXPECTED))
def test_a_student_of_the_sample_class_gets_the_expected_verdicts(
    student: str, warm_parent: WarmParent
) -> None:
    report = grade_student(student, warm_parent)
    verdicts = {f"{task.exercise}.{task.task}": task.outcome for task in report.tasks}
    expected = {key: outcome for key, outcome in EXPECTED[student].items() if key != "about"}
    wrong = {key: (verdicts[key], expected[key]) for key in expected if verdicts[key] != expected[key]}
    messages = {
        f"{t.exercise}.{t.task}": t.message for t in report.tasks if f"{t.exercise}.{t.task}" in wrong
    }
    assert not wrong, f"verdict, expected: {wrong}\n{messages}"
    assert list(verdicts) == TASKS


def test_the_reference_gets_everything(warm_parent: WarmParent, submit: Callable[..., Path]) -> None:
    report = grade(read(submit()), Settings(), warm_parent)
    assert {task.outcome for task in report.tasks} == {"passed"}, [
        t for t in report.tasks if t.outcome != "passed"
    ]
    for points, kind in ((report.core, "core"), (report.bonus, "stretch")):
        every = [task.points for exercise in exercises() for task in exercise.tasks if task.kind == kind]
        assert points.score == points.max_score == sum(every)
