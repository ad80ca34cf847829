"""A sample class in a course, graded by nbgrader's own commands, as an example and for the tests.

Each student of the class is one case: right, wrong, hanging, ending the process, malformed, hostile,
untouched, renamed, a module instead of a notebook, and a notebook full of plots and shell lines.
"""

from __future__ import annotations

import copy
import json
import subprocess
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import nbformat
from nbformat.v4 import new_code_cell, new_markdown_cell

from .cell_ids import OURS
from .course import write_course
from .notebooks import release_notebook, source_notebook

EXERCISE = "conv2d"
_WRONG = """\
def conv2d(X, K):
    kh, kw = K.shape
    Y = torch.zeros(X.shape[0] - kh + 1, X.shape[1] - kw + 1)
    for i in range(Y.shape[0]):
        for j in range(Y.shape[1]):
            Y[i, j] = (X[i : i + kh, j : j + kw] * K.flip(0, 1)).sum()
    return Y
"""
_HANGING = "def conv2d(X, K):\n    while True:\n        pass\n"
_EXITING = "import os\n\ndef conv2d(X, K):\n    os._exit(0)\n"
_FORBIDDEN = """\
def conv2d(X, K):
    return torch.nn.functional.conv2d(X[None, None], K[None, None])[0, 0]
"""
_SCRIPT = "<script>document.title = 'owned'</script><img src=x onerror=\"document.title='owned'\">"


def right_notebook(exercise: str) -> Any:
    """The released notebook with right answers; the reference's helpers are in separate cells."""
    notebook = source_notebook(exercise)
    for cell in notebook.cells:
        lines = [
            line
            for line in cell.source.splitlines()
            if "### BEGIN SOL" not in line and "### END SOL" not in line
        ]
        cell.source = "\n".join(lines)
        if cell.metadata.get(OURS, {}).get("reference"):
            cell.metadata = nbformat.NotebookNode()
    return notebook


def with_answers(exercise: str, answers: Mapping[str, str]) -> Any:
    """The right notebook with some answers replaced."""
    notebook = right_notebook(exercise)
    for cell in notebook.cells:
        if cell.id in answers:
            cell.source = answers[cell.id]
    return notebook


def hostile_notebook(exercise: str) -> Any:
    """A notebook that gets full marks from stock nbgrader, with a tag and forged results, and has scripts."""
    notebook = copy.deepcopy(release_notebook(exercise))
    for cell in notebook.cells:
        if cell.cell_type == "code":
            cell.metadata["tags"] = ["skip-execution"]
            result = {
                "output_type": "execute_result",
                "data": {"text/plain": "10.0"},
                "execution_count": 1,
                "metadata": {},
            }
            cell.outputs = [nbformat.from_dict(result)]
        if cell.id == "conv2d":
            cell.source = f"{_FORBIDDEN}    # {_SCRIPT}\n"
        if cell.id == "output_size":
            cell.source = f"def output_size(*_, **__):\n    raise ValueError({_SCRIPT!r})\n"
    notebook.cells.append(new_markdown_cell(_SCRIPT, id="note"))
    notebook.metadata["title"] = _SCRIPT
    return notebook


def playful_notebook(exercise: str) -> Any:
    """Right answers among magics, shell lines, top-level plots and a training loop that never ends."""
    notebook = right_notebook(exercise)
    notebook.cells.insert(
        1, new_code_cell("%matplotlib inline\n!pip install nothing\nimport matplotlib.pyplot as plt", id="a")
    )
    notebook.cells.append(new_code_cell("plt.plot([1, 2])\nplt.show()\nwhile True:\n    pass", id="b"))
    notebook.cells.append(new_code_cell("%%bash\nrm -rf ~", id="c"))
    return notebook


def sample_class(submitted: Path, exercise: str = EXERCISE) -> None:
    """Write the submissions of a class as `nbgrader collect` would: `submitted/<student>/<exercise>/`."""

    def hand_in(student: str, name: str, text: str, when: str = "2026-01-10 12:00:00 UTC") -> None:
        folder = submitted / student / exercise
        folder.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text, encoding="utf-8")
        (folder / "timestamp.txt").write_text(when, encoding="utf-8")

    def notebook(student: str, made: Any, name: str = f"{exercise}.ipynb") -> None:
        hand_in(student, name, nbformat.writes(made))

    notebook("ada-right", right_notebook(exercise))
    notebook("ben-wrong", with_answers(exercise, {"conv2d": _WRONG}))
    notebook("chen-hangs", with_answers(exercise, {"conv2d": _HANGING}))
    notebook("dina-exits", with_answers(exercise, {"conv2d": _EXITING}))
    hand_in("emil-malformed", f"{exercise}.ipynb", '{"cells": [{"cell_type": "code", "source": "def conv2')
    notebook("fatima-hostile", hostile_notebook(exercise))
    notebook("george-untouched", release_notebook(exercise))
    notebook("hana-renamed", right_notebook(exercise), "my homework (1).ipynb")
    source = "\n\n".join(cell.source for cell in right_notebook(exercise).cells if _is_answer(cell))
    hand_in("ivan-module", f"{exercise}.py", source)
    notebook("jo-playful", playful_notebook(exercise))


def _is_answer(cell: Any) -> bool:
    about = cell.metadata.get("nbgrader", {})
    return (
        cell.cell_type == "code"
        and not about.get("grade")
        and cell.id != "setup"
        and not cell.id.startswith("example")
    )


def nbgrader(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run one of nbgrader's own commands in a course."""
    command = [sys.executable, "-m", "nbgrader", *arguments]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)


def demonstrate(folder: Path, say: Callable[[str], None] = print) -> int:
    """Make a course and take a sample class through all steps; returns 0 if every step worked."""
    write_course(folder)
    sample_class(folder / "submitted")
    steps = (
        ("generate_assignment", EXERCISE),
        ("autograde", EXERCISE),
        ("generate_feedback", EXERCISE),
        ("export", "--to", "grades.csv"),
    )
    say(f"A course with a sample class is in {folder}.")
    for step in steps:
        say(f"  nbgrader {' '.join(step)} …")
        done = nbgrader(folder, *step)
        (folder / f"{step[0]}.log").write_text(done.stdout + done.stderr, encoding="utf-8")
        if done.returncode != 0:
            say(done.stderr[-3000:])
            return 1
    say((folder / "grades.csv").read_text(encoding="utf-8"))
    say(f"Look at: {folder / 'grades.csv'}")
    say(f"         {folder / 'feedback'}/<student>/{EXERCISE}/{EXERCISE}.html")
    say(f"To see the class and every submission, run jupyter lab in {folder}: menu Nbgrader, Formgrader.")
    return 0


def as_json(notebook: Any) -> dict[str, Any]:
    """A notebook as plain JSON data, so that tests can damage it."""
    return dict(json.loads(nbformat.writes(notebook)))
