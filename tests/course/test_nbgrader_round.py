"""A whole round of nbgrader's own commands, from generate_assignment to export.

One course is made for all tests in this file; each test checks another aspect of the result.
"""

# ruff: noqa: E402 - what follows importorskip needs nbgrader
from __future__ import annotations

import csv
import json
import os
import shutil
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("nbgrader", reason="nbgrader is not installed: pip install -e '.[course]'")
pytestmark = [pytest.mark.xdist_group("nbgrader"), pytest.mark.filterwarnings("ignore:Object of type")]

import nbformat
from nbgrader.api import Gradebook

from graders.course.course import write_course
from graders.course.demo import (
    _FORBIDDEN,
    hostile_notebook,
    nbgrader,
    right_notebook,
    sample_class,
    with_answers,
)
from graders.course.gradebook import write_gradebook
from graders.course.notebooks import release_notebook
from graders.report import Report, TaskResult
from tests.warm_python import WarmPython

SCORES = {
    "ada-right": (20.0, 12.0),
    "chen-hangs": (5.71, 10.0),
    "dina-exits": (5.71, 10.0),
    "fatima-hostile": (0.0, 0.0),
    "george-untouched": (0.0, 0.0),
    "hana-renamed": (20.0, 12.0),
    "ivan-module": (20.0, 12.0),
    "jo-playful": (20.0, 12.0),
    "max-modules": (20.0, 12.0),
    "zoe-by-exchange": (20.0, 12.0),
}
"""Core and bonus points that are certain; `ben-wrong` is looked at on its own."""

EXPLOITS = {
    "x-tag": "def conv2d(X, K):\n    return X",
    "x-forged": "print('10.0')\n10.0",
    "x-transformer": (
        "get_ipython().input_transformers_cleanup.append(lambda lines: ['10'])\n"
        "def conv2d(X, K):\n    return X"
    ),
    "x-comparison": (
        "torch.allclose = lambda *a, **k: True\ntorch.equal = lambda *a, **k: True\n"
        "torch.testing.assert_close = lambda *a, **k: None\n\n"
        "class Same(torch.Tensor):\n    __eq__ = lambda s, o: True\n    __ne__ = lambda s, o: False\n\n"
        "def conv2d(X, K):\n    torch.allclose = lambda *a, **k: True\n    return X.as_subclass(Same)"
    ),
    "x-shadow": (
        "import graders, helpers\n\ndef conv2d(X, K):\n    from solutions import conv2d as s\n"
        "    return s.conv2d(X, K)"
    ),
    "x-database": (
        "import sqlite3\n\ndef conv2d(X, K):\n    db = sqlite3.connect('{course}/gradebook.db')\n"
        "    db.execute('update grade set auto_score = 10, manual_score = 10'); db.commit()\n    return X"
    ),
    "x-builtin": _FORBIDDEN,
}
"""The known ways to full marks in nbgrader with a wrong answer."""


@dataclass(frozen=True)
class Round:
    """A course after autograding, and what the commands printed."""

    folder: Path
    log: str

    @property
    def url(self) -> str:
        return f"sqlite:///{self.folder / 'gradebook.db'}"

    def grade(self, student: str, task: str) -> Any:
        with Gradebook(self.url) as gradebook:
            grade = gradebook.find_grade(f"grade-{task}", "conv2d", "conv2d", student)
            return grade.auto_score, grade.extra_credit, grade.needs_manual_grade

    def page(self, student: str) -> str:
        return (self.folder / "feedback" / student / "conv2d" / "conv2d.html").read_text(encoding="utf-8")


Run = Callable[..., str]


@pytest.fixture(scope="module")
def run(warm_nbgrader: WarmPython) -> Run:
    """Run one of nbgrader's commands in a folder; it has to succeed."""
    return lambda folder, *arguments: _succeeding(warm_nbgrader, folder, *arguments)


def _succeeding(warm_nbgrader: WarmPython, folder: Path, *arguments: str) -> str:
    done = warm_nbgrader.run("nbgrader", *arguments, cwd=folder, environment=os.environ)
    assert done.returncode == 0, f"nbgrader {' '.join(arguments)}\n{done.stdout}{done.stderr}"
    return done.stdout + done.stderr


@pytest.fixture(scope="module")
def course(tmp_path_factory: pytest.TempPathFactory, run: Run) -> Iterator[Round]:
    """A class that goes through the round once. One student uses the exchange, one hands in modules."""
    folder = tmp_path_factory.mktemp("class") / "course"
    write_course(folder, "c1")
    exchange = folder.parent / "exchange"
    exchange.mkdir()
    exchange.chmod(0o777)
    with (folder / "nbgrader_config.py").open("a", encoding="utf-8") as config:
        config.write(f'\nc.Exchange.root = "{exchange}"\nc.Exchange.path_includes_course = False\n')
        config.write("c.GradeOutside.cpu_seconds = 4.0\n")
    run(folder, "generate_assignment", "conv2d")
    run(folder, "release_assignment", "conv2d")
    _by_exchange(folder, run)
    sample_class(folder / "submitted")
    for name, source in EXPLOITS.items():
        _exploit(folder, name, source.replace("{course}", str(folder)))
    log = run(folder, "autograde", "conv2d")
    write_gradebook(f"sqlite:///{folder / 'gradebook.db'}", [_report("max-modules")])
    run(folder, "generate_feedback", "conv2d")
    run(folder, "export", "--to", "grades.csv")
    yield Round(folder, log)


def _by_exchange(folder: Path, run: Run) -> None:
    """Fetch, answer and submit like a student, and collect like an instructor."""
    home = folder.parent / "zoe"
    home.mkdir()
    shutil.copyfile(folder / "nbgrader_config.py", home / "nbgrader_config.py")
    run(home, "fetch_assignment", "conv2d", "--course", "c1")
    (home / "conv2d" / "conv2d.ipynb").write_text(nbformat.writes(right_notebook("conv2d")), encoding="utf-8")
    run(home, "submit", "conv2d", "--course", "c1")
    run(folder, "collect", "conv2d")
    collected = next((folder / "submitted").iterdir())
    collected.rename(folder / "submitted" / "zoe-by-exchange")


def _exploit(folder: Path, student: str, source: str) -> None:
    made = hostile_notebook("conv2d")
    for cell in made.cells:
        if cell.id == "conv2d":
            cell.source = source
    home = folder / "submitted" / student / "conv2d"
    home.mkdir(parents=True)
    (home / "conv2d.ipynb").write_text(nbformat.writes(made), encoding="utf-8")
    for name in ("torch.py", "helpers.py", "graders.py", "conftest.py", "sitecustomize.py"):
        (home / name).write_text("raise SystemExit(0)\n", encoding="utf-8")


def _report(student: str) -> Report:
    from graders.curriculum import exercise_named

    tasks = exercise_named("conv2d").tasks
    results = (TaskResult("conv2d", t.name, t.kind, "passed", t.points, t.points) for t in tasks)
    return Report(student, 0, "strict", "cpu", {}, tuple(results))


def test_scores_are_as_expected_in_the_gradebook(course: Round) -> None:
    with Gradebook(course.url) as gradebook:
        for student, (core, bonus) in SCORES.items():
            submission = gradebook.find_submission("conv2d", student)
            extra = sum(grade.extra_credit or 0.0 for nb in submission.notebooks for grade in nb.grades)
            assert (round(submission.score - extra, 2), extra) == (core, bonus), student
            assert submission.max_score == 20.0 and not submission.needs_manual_grade, student
    assert course.grade("ben-wrong", "conv2d")[0] == 2.0  # dtypes and side effects are in order
    assert course.grade("ben-wrong", "output_size")[0] == 4.0


@pytest.mark.parametrize("student", EXPLOITS)
def test_a_known_way_to_full_marks_earns_nothing(student: str, course: Round) -> None:
    assert course.grade(student, "conv2d") == (0.0, None, False)
    assert course.grade(student, "Conv2D")[0] == 0.0


def test_an_unreadable_submission_waits_for_a_person_and_is_not_a_zero(course: Round) -> None:
    assert course.grade("emil-malformed", "conv2d") == (None, None, True)
    row = rows(course)["emil-malformed"]
    assert "conv2d output" in row["not_graded"].replace("Conv2D ", "") and row["conv2d.conv2d"] == ""
    assert (
        "can't be read as a notebook" in course.page("emil-malformed")
        and "can't be read as a notebook" in course.log
    )


def rows(course: Round) -> dict[str, dict[str, str]]:
    with (course.folder / "grades.csv").open(encoding="utf-8", newline="") as file:
        return {row["student_id"]: row for row in csv.DictReader(file)}


def test_the_export_has_every_student_with_every_task(course: Round) -> None:
    table = rows(course)
    assert set(SCORES) <= set(table)
    right = table["ada-right"]
    assert (right["score"], right["max_score"], right["core"], right["bonus"]) == ("32", "20", "20", "12")
    assert right["conv2d.conv2d"] == "10" and right["conv2d.conv2d_matrix"] == "3"


def test_feedback_says_what_is_wrong_and_no_script_of_a_student_runs(course: Round) -> None:
    wrong = course.page("ben-wrong")
    assert "conv2d: failed" in wrong and "the kernel is flipped" in wrong
    hostile = course.page("fatima-hostile")
    assert "&lt;script&gt;document.title" in hostile
    assert "<script>document.title" not in hostile and "<img src=x" not in hostile
    assert "cell conv2d, line 2" in hostile
    for student in ("chen-hangs", "dina-exits"):
        assert "timed out" in course.page(student) or "crashed" in course.page(student)


def test_no_hidden_test_and_no_reference_is_in_anything_that_students_get(course: Round) -> None:
    for place in ("release", "feedback"):
        for path in (course.folder / place).rglob("*.*"):
            if "right" not in str(path) and path.suffix in (".html", ".ipynb", ".py"):
                text = path.read_text(encoding="utf-8")
                assert "hypothesis" not in text and "graders.tasks" not in text, path
    assert "_checked_output_shape" not in (course.folder / "release" / "conv2d" / "conv2d.ipynb").read_text()


def test_what_is_released_is_what_we_cut(course: Round) -> None:
    released = nbformat.read(course.folder / "release" / "conv2d" / "conv2d.ipynb", as_version=4)
    wanted = release_notebook("conv2d")
    assert [(cell.id, cell.source) for cell in released.cells] == [(c.id, c.source) for c in wanted.cells]


def test_no_kernel_is_started_and_no_student_is_lost(course: Round) -> None:
    assert "Kernel" not in course.log and "error processing" not in course.log
    graded = {path.name for path in (course.folder / "autograded").iterdir()}
    assert graded == {path.name for path in (course.folder / "submitted").iterdir()}


@pytest.mark.full
def test_manual_points_survive_regrading_and_late_work_loses_its_share(
    course: Round,
    run: Run,
) -> None:
    with Gradebook(course.url) as gradebook:
        gradebook.update_or_create_assignment("conv2d", duedate="2026-01-09 13:00:00 UTC")
        gradebook.find_grade("grade-conv2d", "conv2d", "conv2d", "ben-wrong").manual_score = 5.0
        gradebook.find_comment(
            "conv2d", "conv2d", "conv2d", "ben-wrong"
        ).manual_comment = "Turned, but close."
        gradebook.db.commit()
    # Another answer under the same name comes to another verdict.
    fixed = with_answers("conv2d", {"output_size": "def output_size(*_, **__):\n    return 0"})
    path = course.folder / "submitted" / "ada-right" / "conv2d" / "conv2d.ipynb"
    path.write_text(nbformat.writes(fixed), encoding="utf-8")
    for student in ("ada-right", "ben-wrong"):
        run(course.folder, "autograde", "conv2d", "--student", student, "--force")
    with Gradebook(course.url) as gradebook:
        grade = gradebook.find_grade("grade-conv2d", "conv2d", "conv2d", "ben-wrong")
        assert (grade.auto_score, grade.score, grade.needs_manual_grade) == (2.0, 5.0, True)
        comment = gradebook.find_comment("conv2d", "conv2d", "conv2d", "ben-wrong")
        assert comment.comment == "Turned, but close."
        late = gradebook.find_submission("conv2d", "ada-right")
        assert late.total_seconds_late == 23 * 3600
        assert late.late_submission_penalty == pytest.approx(0.1 * late.score)
    assert course.grade("ada-right", "output_size")[0] == 0.0


@pytest.mark.full
def test_validate_tells_right_from_untouched(course: Round, tmp_path: Path) -> None:
    for name, made in (("right", right_notebook("conv2d")), ("untouched", release_notebook("conv2d"))):
        shutil.copytree(course.folder / "release" / "conv2d" / "exercises", tmp_path / name / "exercises")
        (tmp_path / name / "conv2d.ipynb").write_text(nbformat.writes(made), encoding="utf-8")
    right = nbgrader(tmp_path / "right", "validate", "conv2d.ipynb").stdout
    assert "Success! Your notebook passes all the tests." in right
    untouched = nbgrader(tmp_path / "untouched", "validate", "conv2d.ipynb").stdout
    assert "VALIDATION FAILED ON 3 CELL(S)" in untouched and "output_size is not written yet" in untouched


def test_a_released_notebook_runs_from_top_to_bottom_with_the_kit_alone(
    course: Round, tmp_path: Path
) -> None:
    from nbconvert.preprocessors import ExecutePreprocessor

    home = tmp_path / "student"
    shutil.copytree(course.folder / "release" / "conv2d", home)
    notebook = nbformat.read(home / "conv2d.ipynb", as_version=4)
    environment = {k: v for k, v in os.environ.items() if k != "PYTHONPATH"}
    before = dict(os.environ)
    os.environ.clear()
    os.environ.update(environment)
    try:
        ExecutePreprocessor(timeout=300, kernel_name="python3").preprocess(
            notebook, {"metadata": {"path": str(home)}}
        )
    finally:
        os.environ.update(before)
    kinds = {
        output.output_type for cell in notebook.cells if cell.cell_type == "code" for output in cell.outputs
    }
    assert "error" not in kinds
    if "matplotlib" in sys.modules or shutil.which("matplotlib"):
        assert "image/png" in json.dumps(notebook)
