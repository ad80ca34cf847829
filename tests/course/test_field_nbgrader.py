"""Published notebooks with right code get full marks from `nbgrader autograde`, too.

By default tests/grading/test_field.py has one of each exercise graded without nbgrader.
"""

# ruff: noqa: E402 - what follows importorskip needs nbgrader
from __future__ import annotations

import shutil
from pathlib import Path

import pytest

pytest.importorskip("nbgrader", reason="nbgrader is not installed: pip install -e '.[course]'")
pytestmark = [
    pytest.mark.full,
    pytest.mark.xdist_group("nbgrader"),
    pytest.mark.filterwarnings("ignore:Object of type"),
]

from nbgrader.api import Gradebook

from graders.course.course import write_course
from graders.course.demo import nbgrader
from graders.curriculum import exercise_named
from tests.grading.field import NOTEBOOKS, published


@pytest.fixture(scope="module")
def gradebook(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> str:
    """The URL of the gradebook of a course where each requested notebook belongs to one student."""
    ours = [item for item in request.session.items if item.path == request.path]
    asked = {item.callspec.params["name"] for item in ours}  # type: ignore[attr-defined]
    folder = tmp_path_factory.mktemp("field") / "course"
    write_course(folder)
    for name, assignment in published().items():
        if name not in asked:
            continue
        home = folder / "submitted" / name / assignment
        home.mkdir(parents=True)
        shutil.copy(NOTEBOOKS / f"{name}.ipynb", home / f"{assignment}.ipynb")
    for assignment in sorted({published()[name] for name in asked}):
        for command in ("generate_assignment", "autograde"):
            done = nbgrader(folder, command, assignment)
            assert done.returncode == 0, done.stdout + done.stderr
    return f"sqlite:///{Path(folder) / 'gradebook.db'}"


@pytest.mark.parametrize("name", published())
def test_a_published_notebook_with_right_code_gets_full_marks(name: str, gradebook: str) -> None:
    about = exercise_named(published()[name])
    with Gradebook(gradebook) as book:
        earned = {
            task.name: book.find_grade(f"grade-{task.name}", about.name, about.name, name).auto_score
            for task in about.tasks
            if task.kind == "core"
        }
    assert earned == {task.name: task.points for task in about.tasks if task.kind == "core"}
