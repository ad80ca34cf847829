"""Every way of grading a hand-in gives the same verdict, for notebooks as for modules.

One class of notebooks, released, answered and then spoiled in the ways that people spoil them, is graded by
`nbgrader autograde` and by `check-one`; outcomes and points are compared task by task.
"""

# ruff: noqa: E402 - what follows importorskip needs nbgrader
from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("nbgrader", reason="nbgrader is not installed: pip install -e '.[course]'")
pytestmark = [
    pytest.mark.full,
    pytest.mark.xdist_group("nbgrader"),
    pytest.mark.filterwarnings("ignore:Object of type"),
]

import nbformat
from nbformat.v4 import new_code_cell
from nbgrader.api import Gradebook

from graders.course.course import write_assignment, write_course
from graders.course.demo import nbgrader, right_notebook
from graders.course.verdicts import headline
from graders.curriculum import exercises
from graders.grading.grade import Settings, grade
from graders.grading.hand_in import read
from graders.sandbox.limits import Limits
from graders.sandbox.warm_parent import WarmParent

NAMES = tuple(exercise.name for exercise in exercises())
CPU_SECONDS = 6.0


@dataclass(frozen=True)
class Spoiled:
    """What somebody did to a right notebook.

    Attributes:
        answers: the texts of cells that replace the right answers.
        after: extra cells at the end.
        outcomes: the outcomes of the tasks that can no longer pass.
    """

    answers: Mapping[str, str]
    after: tuple[str, ...]
    outcomes: Mapping[str, str]


SCRATCH = (
    "%matplotlib inline\n!pip install nothing\nimport matplotlib.pyplot as plt\nfrom d2l import torch as d2l",
    "X = torch.rand(4, 4)\nK = torch.ones(2, 2)\nnet = None\nlosses = []",
)
_BY_TORCH = "return torch.nn.functional.conv2d(X[None, None], K[None, None])[0, 0]"
_POOL_BY_TORCH = "return torch.nn.MaxPool2d(pool_size)(X[None])[0]"
ROUTES: dict[str, Spoiled] = {
    "conv2d": Spoiled(
        {
            "conv2d": f"def conv2d(X, K):\n    {_BY_TORCH}",
            "output_size": "def output_size(n, kernel, **options):\n    return n - kernel",
            "conv2d_matrix": "def conv2d_matrix(K, input_size):\n    return (K",
        },
        ("Y = conv2d(X, K)\nassert Y.shape == (0, 0)", "conv2d = None", "while True:\n    pass"),
        {"conv2d": "forbidden", "Conv2D": "forbidden", "output_size": "failed", "conv2d_matrix": "broken"},
    ),
    "kernel_learning": Spoiled(
        {"edge_image": "def edge_image(height=6, width=8, left=2, right=6):\n    return torch.ones(6, 8)"},
        ("kernel, losses = learn_kernel(torch.rand(99, 99), None, 3)", "print('done'"),
        {"edge_image": "failed"},
    ),
    "multichannel": Spoiled(
        {"num_parameters": "def num_parameters(in_channels, out_channels, kernel_size, bias=True):\n    ("},
        ("%%bash\nrm -rf ~", "num_parameters = num_parameters(1, 2, 3)"),
        {"num_parameters": "broken"},
    ),
    "pooling": Spoiled(
        {"pool2d": f"def pool2d(X, pool_size, mode='max', stride=None, padding=0):\n    {_POOL_BY_TORCH}"},
        ("pool2d = torch.nn.MaxPool2d(3)", "torch.save(X, 'x.pt')"),
        {"pool2d": "forbidden"},
    ),
    "lenet": Spoiled(
        {"accuracy": "def accuracy(net, data):\n    return 0.5"},
        ("accuracy = accuracy(lenet(), [])", "net = lenet()\ntrain(net, data, 100, 0.9)", "def"),
        {"accuracy": "failed"},
    ),
}
"""For each exercise scratch cells, and a wrong answer, a forbidden call or a syntax error."""


def _spoiled(exercise: str) -> Any:
    about, notebook = ROUTES[exercise], right_notebook(exercise)
    for cell in notebook.cells:
        cell.source = about.answers.get(cell.id, cell.source)
    notebook.cells[3:3] = [new_code_cell(text) for text in SCRATCH]
    notebook.cells += [new_code_cell(text) for text in about.after]
    return notebook


@dataclass(frozen=True)
class Graded:
    """A class of two: `right` and `spoiled`, whose notebooks are in `folder` and graded in the gradebook."""

    course: Path

    def notebook(self, student: str, exercise: str) -> Path:
        return self.course / "submitted" / student / "week" / f"{exercise}.ipynb"

    def points(self, student: str, exercise: str) -> dict[str, float]:
        """The points of each task, core and bonus."""
        with Gradebook(f"sqlite:///{self.course / 'gradebook.db'}") as gradebook:
            graded = gradebook.find_submission_notebook(exercise, "week", student)
            return {
                grade.name.removeprefix("grade-"): (grade.auto_score or 0.0) + (grade.extra_credit or 0.0)
                for grade in graded.grades
            }

    def headlines(self, student: str, exercise: str) -> dict[str, str]:
        """The line on each task's cell, which says the outcome."""
        with Gradebook(f"sqlite:///{self.course / 'gradebook.db'}") as gradebook:
            graded = gradebook.find_submission_notebook(exercise, "week", student)
            return {comment.name: comment.auto_comment for comment in graded.comments if comment.auto_comment}


@pytest.fixture(scope="module")
def autograded(tmp_path_factory: pytest.TempPathFactory) -> Graded:
    """All five notebooks in one assignment, released, handed in by two and autograded once."""
    course = tmp_path_factory.mktemp("routes") / "course"
    write_course(course)
    for exercise in NAMES:
        write_assignment(course / "source" / "week", exercise)
    with (course / "nbgrader_config.py").open("a", encoding="utf-8") as config:
        config.write(f"\nc.GradeOutside.cpu_seconds = {CPU_SECONDS}\n")
    made = Graded(course)
    for exercise in NAMES:
        for student, notebook in (("right", right_notebook(exercise)), ("spoiled", _spoiled(exercise))):
            made.notebook(student, exercise).parent.mkdir(parents=True, exist_ok=True)
            nbformat.write(notebook, made.notebook(student, exercise))
    for command in ("generate_assignment", "autograde"):
        done = nbgrader(course, command, "week")
        assert done.returncode == 0, done.stdout + done.stderr
    return made


@pytest.mark.parametrize("exercise", NAMES)
@pytest.mark.parametrize("student", ["right", "spoiled"])
def test_a_notebook_of_the_course_gets_one_verdict_by_every_route(
    student: str, exercise: str, autograded: Graded, warm_parent: WarmParent
) -> None:
    settings = Settings(only=(exercise,), limits=Limits(cpu_seconds=CPU_SECONDS))
    report = grade(read(autograded.notebook(student, exercise)), settings, warm_parent)
    expected = dict(ROUTES[exercise].outcomes) if student == "spoiled" else {}
    found = {task.task: task.outcome for task in report.tasks if task.outcome != "passed"}
    assert expected.items() <= found.items() if expected else not found
    assert autograded.headlines(student, exercise) == {task.task: headline(task) for task in report.tasks}
    points = {task.task: task.score for task in report.tasks}
    assert autograded.points(student, exercise) == points
