"""Notebooks of a course: their contents, and what is read from the ones that students hand in."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("nbgrader", reason="nbgrader is not installed: pip install -e '.[course]'")

import nbformat
from nbformat.v4 import new_code_cell, new_markdown_cell

from graders.course.cell_ids import OURS
from graders.course.course import write_course
from graders.course.demo import as_json, right_notebook, with_answers
from graders.course.handed_in import rebuilt
from graders.course.notebooks import checksummed, release_notebook, source_notebook
from graders.course.plugins import ProportionalPenalty
from graders.course.preprocessors import CutSolutions
from graders.course.verdict_of import code_cells
from graders.course.verdicts import as_html, auto_score, comment, extra_credit, outputs
from graders.curriculum import SOLUTIONS, exercises
from graders.grading.hand_in import CourseNotebook, hand_in_of
from graders.report import TaskResult
from graders.reports.wording import Feedback
from tests.grading.test_definitions import counting

NAMES = [exercise.name for exercise in exercises()]
SCRIPT = "<script>alert(1)</script>"


# ------------------------------------------------------------------------------------ what stands in them


@pytest.mark.parametrize("name", NAMES)
def test_every_task_has_an_answer_cell_and_a_grade_cell_with_its_points(name: str) -> None:
    cells = {cell.id: cell for cell in release_notebook(name).cells}
    exercise = next(exercise for exercise in exercises() if exercise.name == name)
    for task in exercise.tasks:
        assert cells[task.name].metadata.nbgrader.solution and not cells[task.name].metadata.nbgrader.grade
        grade = cells[f"grade-{task.name}"].metadata.nbgrader
        assert grade.grade and grade.locked and grade.grade_id == f"grade-{task.name}"
        assert grade.points == (task.points if task.kind == "core" else 0)
    assert sum(cell.metadata.get("nbgrader", {}).get("points", 0) for cell in cells.values()) == 20


@pytest.mark.parametrize("name", NAMES)
def test_nothing_of_the_reference_is_released(name: str) -> None:
    released = nbformat.writes(release_notebook(name))
    text = (SOLUTIONS / f"{name}.py").read_text(encoding="utf-8")
    regions = re.findall(r"### BEGIN SOLUTION\n(.*?)### END SOLUTION", text, re.DOTALL)
    lines = {line.strip() for region in regions for line in region.splitlines() if len(line.strip()) > 30}
    code = "\n".join(cell.source for cell in release_notebook(name).cells if cell.cell_type == "code")
    assert regions and not [line for line in lines if line in code]
    assert "BEGIN SOLUTION" not in released and "hypothesis" not in released


@pytest.mark.parametrize("name", NAMES)
def test_nbgrader_releases_what_we_cut_signatures_and_docstrings_included(name: str) -> None:
    cut, _ = CutSolutions().preprocess(source_notebook(name), {})
    assert [(c.id, c.source) for c in cut.cells] == [(c.id, c.source) for c in release_notebook(name).cells]


@pytest.mark.parametrize("name", NAMES)
def test_a_notebook_is_valid_and_made_the_same_each_time(name: str) -> None:
    for make in (source_notebook, release_notebook):
        nbformat.validate(make(name))
        assert nbformat.writes(make(name)) == nbformat.writes(make(name))
        ids = [cell.id for cell in make(name).cells]
        assert len(ids) == len(set(ids))


def test_a_course_is_complete_and_overwrites_nothing(tmp_path: Path) -> None:
    write_course(tmp_path / "course")
    for name in NAMES:
        files = {path.name for path in (tmp_path / "course" / "source" / name).rglob("*.*")}
        assert {f"{name}.ipynb", "helpers.py", "notebook.py", f"test_{name}.py"} <= files
    compile((tmp_path / "course" / "nbgrader_config.py").read_text(encoding="utf-8"), "config", "exec")
    assert (tmp_path / "course" / "README.md").exists()
    checkout = str(SOLUTIONS.parent).encode()
    assert not [p for p in (tmp_path / "course").rglob("*") if p.is_file() and checkout in p.read_bytes()]
    with pytest.raises(FileExistsError):
        write_course(tmp_path / "course")


# --------------------------------------------------------------------------------- notebooks that come back


@pytest.fixture
def comes_back(tmp_path: Path) -> Callable[..., Any]:
    """Hand in a notebook (or text), damaged by a function on its JSON, and rebuild it."""

    def rebuild(
        made: Any, damage: Callable[[dict[str, Any]], object] = lambda data: None, name: str = "conv2d.ipynb"
    ) -> Any:
        text = made
        if not isinstance(made, str):
            data = as_json(made)
            damage(data)
            text = json.dumps(data)
        (tmp_path / name).write_text(text, encoding="utf-8")
        return rebuilt(tmp_path / "conv2d.ipynb", "conv2d", checksummed(release_notebook("conv2d")))

    return rebuild


def graded_source(notebook: Any) -> str:
    """The statements of a rebuilt notebook that count."""
    handed_in = hand_in_of("lin", {}, notebook=CourseNotebook("conv2d", code_cells(notebook.cells)))
    return counting(handed_in.graded.code["conv2d.py"])


ANSWER = "def conv2d(X, K):\n    return 'mine'"


def cell_of(data: dict[str, Any], id: str) -> dict[str, Any]:
    return next(cell for cell in data["cells"] if cell.get("id") == id)


def _retype(data: dict[str, Any]) -> None:
    cell = cell_of(data, "conv2d")
    cell["cell_type"] = "markdown"
    del cell["outputs"], cell["execution_count"]


def _duplicate_after(data: dict[str, Any]) -> None:
    stub = next(c for c in as_json(release_notebook("conv2d"))["cells"] if c["id"] == "conv2d")
    data["cells"].append({**stub, "id": "copy"})


def _strip_metadata(data: dict[str, Any]) -> None:
    for cell in data["cells"]:
        cell["metadata"] = {}
        cell.pop("id")
    data["nbformat_minor"] = 4


def _wreck_metadata(data: dict[str, Any]) -> None:
    for cell in data["cells"]:
        cell["metadata"] = {"nbgrader": "none", "tags": 5} if cell["id"] != "conv2d" else {"nbgrader": ["x"]}


def _old_format(data: dict[str, Any]) -> None:
    cells = [
        {**cell, "input": cell.pop("source")} if cell["cell_type"] == "code" else cell
        for cell in data.pop("cells")
    ]
    data.update(nbformat=3, nbformat_minor=0, worksheets=[{"cells": cells}])


DAMAGES: dict[str, Callable[[dict[str, Any]], object]] = {
    "reordered": lambda data: data["cells"].reverse(),
    "retyped": _retype,
    "copied": _duplicate_after,
    "no metadata": _strip_metadata,
    "strange metadata": _wreck_metadata,
    "another cell deleted": lambda data: data["cells"].remove(cell_of(data, "output_size")),
    "grade cells deleted": lambda data: data.update(
        cells=[c for c in data["cells"] if not c["id"].startswith("grade")]
    ),
    "lines as lists": lambda data: cell_of(data, "conv2d").update(source=ANSWER.splitlines(keepends=True)),
    "format 3": _old_format,
}


@pytest.mark.parametrize("damage", DAMAGES)
def test_an_answer_is_found_in_a_notebook_that_was(damage: str, comes_back: Callable[..., Any]) -> None:
    notebook = comes_back(with_answers("conv2d", {"conv2d": ANSWER}), DAMAGES[damage])
    assert notebook.metadata[OURS]["unreadable"] == ""
    assert "return 'mine'" in graded_source(notebook)
    released = [cell.id for cell in release_notebook("conv2d").cells]
    assert [cell.id for cell in notebook.cells if not cell.metadata.get(OURS, {}).get("extra")] == released


@pytest.mark.parametrize(
    "text", ["", "{", '{"cells": 3}', "null", "[" * 100_000, '{"cells": [{"cell_type": "code"', "\x00"]
)
def test_a_file_that_is_not_a_notebook_is_reported_as_unreadable(
    text: str, comes_back: Callable[..., Any]
) -> None:
    assert "nothing to grade" in comes_back(text).metadata[OURS]["unreadable"]


def test_a_renamed_notebook_is_read(comes_back: Callable[..., Any]) -> None:
    notebook = comes_back(with_answers("conv2d", {"conv2d": ANSWER}), name="Homework 1 (final).ipynb")
    assert "return 'mine'" in graded_source(notebook)
    assert any("was read in its place" in problem for problem in notebook.metadata[OURS]["problems"])


def test_a_module_is_read_where_there_is_no_notebook(comes_back: Callable[..., Any]) -> None:
    module = f"C = 1\n{ANSWER} + str(C)\n\nclass Conv2D: pass\n\ndef output_size(n, kernel): return n\n"
    notebook = comes_back(module, name="conv2d.py")
    source = graded_source(notebook)
    assert "return 'mine'" in source and "C = 1" in source
    assert next(cell for cell in notebook.cells if cell.id == "conv2d").source.startswith("def conv2d")


def test_nothing_but_text_of_answers_comes_from_a_student(comes_back: Callable[..., Any]) -> None:
    made = right_notebook("conv2d")
    made.metadata["title"] = SCRIPT
    made.metadata["widgets"] = {"application/vnd.jupyter.widget-state+json": {"state": SCRIPT}}
    for cell in made.cells:
        cell.metadata["tags"] = ["skip-execution", SCRIPT]
        if cell.cell_type == "code":
            cell.outputs = [nbformat.v4.new_output("display_data", {"text/html": SCRIPT})]
    made.cells.append(
        new_markdown_cell(f"{SCRIPT}\n```\n{SCRIPT}", attachments={"a": {"text/html": SCRIPT}}, id="m")
    )
    made.cells.append(nbformat.v4.new_raw_cell(SCRIPT, metadata={"raw_mimetype": "text/html"}, id="r"))
    notebook = comes_back(made)
    for cell in notebook.cells:
        assert (
            SCRIPT not in json.dumps(cell.metadata)
            and not cell.get("attachments")
            and not cell.get("outputs")
        )
        if SCRIPT in cell.source:
            assert cell.cell_type == "markdown" and cell.source.startswith("```")
    assert SCRIPT not in json.dumps(notebook.metadata)


def test_what_a_student_shows_as_text_is_never_rendered(comes_back: Callable[..., Any]) -> None:
    from nbconvert.filters import markdown2html

    text = f"````\n{SCRIPT}\n$$\\href{{javascript:alert(1)}}{{x}}$$\n"
    made = right_notebook("conv2d")
    made.cells.append(new_markdown_cell(text, id="m"))
    shown = next(
        cell
        for cell in comes_back(made).cells
        if cell.metadata.get(OURS, {}).get("extra") and SCRIPT in cell.source
    )
    page = markdown2html(shown.source)
    assert "<script" not in page and page.strip().startswith('<div class="highlight"><pre>')


def test_a_link_is_not_followed(tmp_path: Path) -> None:
    secret = tmp_path / "secret.ipynb"
    secret.write_text(nbformat.writes(right_notebook("conv2d")), encoding="utf-8")
    folder = tmp_path / "lin" / "conv2d"
    folder.mkdir(parents=True)
    (folder / "conv2d.ipynb").symlink_to(secret)
    assert rebuilt(folder / "conv2d.ipynb", "conv2d", release_notebook("conv2d")).metadata[OURS]["unreadable"]


def test_a_helper_cell_is_kept_where_it_stood(comes_back: Callable[..., Any]) -> None:
    made = with_answers("conv2d", {"conv2d": "def conv2d(X, K):\n    return helper()"})
    made.cells.insert(0, new_code_cell("def helper():\n    return 1", id="help"))
    assert "def helper" in graded_source(comes_back(made))


# ------------------------------------------------------------------------------------------- verdicts


def result(kind: str = "core", outcome: str = "failed", score: float = 3.0, message: str = "") -> TaskResult:
    return TaskResult("conv2d", "conv2d", kind, outcome, score, 10.0, message)


@pytest.mark.parametrize("score", [-1.0, 0.0, 3.5, 10.0, 11.0, float("nan"), float("inf")])
def test_the_number_for_nbgrader_is_finite_and_within_bounds(score: float) -> None:
    shown = outputs(result(score=score), Feedback.FULL)[-1]
    assert shown.output_type == "execute_result" and 0.0 <= float(shown.data["text/plain"]) <= 10.0


def test_bonus_points_are_extra_credit_and_what_was_not_graded_has_no_score() -> None:
    bonus = result("stretch", "passed", 4.0)
    assert (auto_score(bonus), extra_credit(bonus)) == (0.0, 4.0)
    assert (auto_score(result()), extra_credit(result())) == (3.0, None)
    unsure = result(outcome="grader_error")
    assert auto_score(unsure) is None and [o.output_type for o in outputs(unsure, Feedback.FULL)] == [
        "display_data"
    ]


def test_messages_are_escaped_wherever_they_are_shown() -> None:
    from nbconvert.filters import markdown2html

    wrong = result(
        message=f"ValueError: {SCRIPT} $$\\href{{javascript:alert(1)}}{{x}}$$ [x](javascript:alert(1))"
    )
    assert "<script" not in as_html(wrong, Feedback.FULL)
    page = markdown2html(comment(wrong, Feedback.FULL))
    assert "<script" not in page and "<a " not in page and "href{" not in page.replace("⧵href{", "")


def test_lateness_costs_a_share_of_the_points() -> None:
    plugin = ProportionalPenalty(per_day=0.1, most=0.5)
    assert plugin.late_submission_penalty("lin", 20.0, 3600) == 2.0
    assert plugin.late_submission_penalty("lin", 20.0, 86400 * 30) == 10.0
    assert plugin.late_submission_penalty("lin", 20.0, 0) is None
