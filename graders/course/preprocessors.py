"""nbgrader preprocessors that use our grader: remove solutions, read submissions, grade, store grades.

For notebooks that aren't ours, each falls back to nbgrader's own behaviour, so a course may have both.
Whether a notebook is ours is decided by the *gradebook* (its assignment has our grade cells), never by what
was handed in.

`nbgrader_config.py`, which `python -m graders course` writes, installs them.
"""

from __future__ import annotations

import contextlib
import glob
import sys
from functools import cache
from pathlib import Path
from typing import Any

from . import early

# Started before the imports below load torch, which takes as long as the warm parent needs to start.
if "autograde" in sys.argv:
    early.begin()

import nbformat
from nbconvert.exporters import NotebookExporter
from nbgrader.api import Gradebook, MissingEntry
from nbgrader.preprocessors import (
    ClearSolutions,
    Execute,
    NbGraderPreprocessor,
    OverwriteCells,
    SaveAutoGrades,
)
from traitlets import Float, Int, Unicode

from graders.curriculum import exercise_named, exercises
from graders.grading.grade import Settings
from graders.printable import one_line
from graders.reports.wording import Feedback
from graders.sandbox.limits import Limits

from .cell_ids import OURS, grade_id
from .handed_in import rebuilt
from .notebooks import checksummed, release_notebook, released_cells
from .verdict_of import verdict_of
from .verdicts import extra_credit, headline, outputs


class CutSolutions(ClearSolutions):  # type: ignore[misc]
    """Replaces `ClearSolutions`: removes the reference from our notebooks in the same way as from the kit."""

    def preprocess(self, nb: Any, resources: Any) -> tuple[Any, Any]:
        """Remove reference cells, then let nbgrader cut whatever else is marked."""
        nb.cells = released_cells(nb.cells)
        nb, resources = super().preprocess(nb, resources)
        return nb, resources

    def preprocess_cell(self, cell: Any, resources: Any, cell_index: int) -> tuple[Any, Any]:
        """Cut one cell unless it is ours, because nbgrader would remove signature and docstring as well."""
        if cell.metadata.get(OURS, {}).get("task"):
            return cell, resources
        found = super().preprocess_cell(cell, resources, cell_index)
        return found[0], found[1]


class SubmissionReader(NotebookExporter):  # type: ignore[misc]
    """Replaces the exporter of `nbgrader autograde`: reads submissions in whatever state they are.

    nbgrader drops students whose notebook is malformed or has another name. With this reader, every student
    who handed in a folder gets a notebook that is rebuilt from the released one and lists the problems found.
    """

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)  # type: ignore[no-untyped-call]
        converter: Any = self.parent
        if type(converter).__name__ == "Autograde":
            self._expect_every_notebook(converter)

    def from_filename(self, filename: str, resources: Any = None, **kwargs: Any) -> Any:
        """Convert one file; called once for the submission, and again for the result."""
        converter: Any = self.parent
        name = Path(filename).stem
        submitted = getattr(converter, "_sanitizing", False)
        if not submitted or not is_ours(
            converter.coursedir.db_url, resources["nbgrader"]["assignment"], name
        ):
            return super().from_filename(filename, resources=resources, **kwargs)
        notebook = rebuilt(
            Path(filename), name, _released(converter.coursedir, resources["nbgrader"]["assignment"], name)
        )
        for problem in notebook.metadata[OURS]["problems"]:
            self.log.warning("%s: %s", one_line(filename), one_line(problem))
        resources["metadata"] = {"name": name, "path": str(Path(filename).parent)}
        return super().from_notebook_node(notebook, resources=resources, **kwargs)  # type: ignore[no-untyped-call]

    def _expect_every_notebook(self, converter: Any) -> None:
        """List our notebooks, under the names they should have, for every folder that was handed in."""
        coursedir = converter.coursedir
        names = _our_notebooks(coursedir.db_url, coursedir.assignment_id)
        if not names or coursedir.notebook_id != "*":
            return
        pattern = converter._format_source(coursedir.assignment_id, coursedir.student_id)
        for folder in glob.glob(pattern):  # noqa: PTH207 - nbgrader's own pattern for folders of submissions
            found = converter.assignments.get(folder, [])
            strange = [path for path in found if Path(path).stem not in names and _gradable(coursedir, path)]
            wanted = [str(Path(folder) / f"{name}.ipynb") for name in names]
            converter.assignments[folder] = sorted({*wanted, *strange})


class GradeOutside(NbGraderPreprocessor):  # type: ignore[misc]
    """Replaces `Execute`: grades in our sandbox and writes verdicts as outputs, without starting a kernel."""

    seed = Int(0, help="Seed of the random tests.").tag(config=True)
    cpu_seconds = Float(10.0, help="CPU time for each task, in seconds.").tag(config=True)
    memory = Int(1024, help="Memory for each submission, in MiB.").tag(config=True)
    feedback = Unicode(
        "full", help="How much a student sees of a failed hidden test: full, case or verdict."
    ).tag(config=True)
    require = Unicode("strict", help="The weakest isolation to accept: strict or process.").tag(config=True)

    def preprocess(self, nb: Any, resources: Any) -> tuple[Any, Any]:
        """Grade one notebook that `SubmissionReader` rebuilt; others are executed as usual."""
        about = resources["nbgrader"]
        if not is_ours(about["db_url"], about["assignment"], about["notebook"]):
            found = Execute(parent=self.parent).preprocess(nb, resources)
            return found[0], found[1]
        settings = Settings(self.seed, Limits(self.cpu_seconds, self.memory << 20))
        nb.metadata.setdefault(OURS, {})["exercise"] = about["notebook"]
        folder = Path(resources.get("metadata", {}).get("path") or ".")
        verdict = verdict_of(nb, folder, about["student"], settings, self.require)
        feedback = Feedback(self.feedback)
        # The full verdict goes under the grade cell; the comment on the answer is just the headline.
        by_cell = {f"grade-{result.task}": result for result in verdict.results}
        by_cell |= {result.task: result for result in verdict.results}
        for cell in nb.cells:
            result = by_cell.get(cell.metadata.get("nbgrader", {}).get("grade_id", ""))
            if result is None:
                continue
            cell.metadata[OURS] = {
                **cell.metadata.get(OURS, {}),
                "outcome": result.outcome,
                "comment": headline(result),
                "extra_credit": extra_credit(result),
            }
            if cell.metadata.nbgrader.get("grade"):
                cell.outputs, cell.execution_count = outputs(result, feedback), 1
        if verdict.problems:
            nb.cells.insert(0, _remarks(verdict.problems))
        return nb, resources


class KeepGrades(SaveAutoGrades):  # type: ignore[misc]
    """Replaces `SaveAutoGrades`: adds bonus points as extra credit, and our comments.

    A task that couldn't be graded has no score and waits for a person; it isn't a zero.
    """

    def _add_score(self, cell: Any, resources: Any) -> None:
        super()._add_score(cell, resources)
        ours = _verdict_on(cell)
        if ours is None:
            return
        grade = self.gradebook.find_grade(
            cell.metadata.nbgrader["grade_id"], self.notebook_id, self.assignment_id, self.student_id
        )
        if ours["outcome"] == "grader_error":
            grade.auto_score = None
            grade.needs_manual_grade = True
        if ours["extra_credit"] is not None:
            grade.extra_credit = ours["extra_credit"]
        self.gradebook.db.commit()

    def _add_comment(self, cell: Any, resources: Any) -> None:
        super()._add_comment(cell, resources)
        ours = _verdict_on(cell)
        if ours is None:
            return
        found = self.gradebook.find_comment(
            cell.metadata.nbgrader["grade_id"], self.notebook_id, self.assignment_id, self.student_id
        )
        found.auto_comment = ours["comment"]
        self.gradebook.db.commit()


class RestoreCells(OverwriteCells):  # type: ignore[misc]
    """Replaces `OverwriteCells`: the same, but without a warning for every honest submission."""

    def report_change(self, name: str, attr: str, old: Any, new: Any) -> None:
        """Log what was restored."""
        told = (one_line(str(value), 200) for value in (name, attr, old, new))
        self.log.info("cell %s: %s restored (%s, was %s)", *told)


def is_ours(db_url: str, assignment: str, notebook: str) -> bool:
    """Whether the gradebook knows this notebook as one of our exercises."""
    return notebook in _our_notebooks(db_url, assignment)


def _our_notebooks(db_url: str, assignment: str) -> tuple[str, ...]:
    names = {found.name for found in exercises()}
    ours = []
    with Gradebook(db_url) as gradebook, contextlib.suppress(MissingEntry):
        for notebook in gradebook.find_assignment(assignment).notebooks:
            if notebook.name in names:
                cells = {cell.name for cell in notebook.grade_cells}
                if cells & {grade_id(task) for task in exercise_named(notebook.name).tasks}:
                    ours.append(notebook.name)
    return tuple(ours)


def _gradable(coursedir: Any, path: str) -> bool:
    """Whether nbgrader itself would grade this file, because its name is in the gradebook."""
    with Gradebook(coursedir.db_url) as gradebook:
        try:
            gradebook.find_notebook(Path(path).stem, coursedir.assignment_id)
        except MissingEntry:
            return False
    return True


def _released(coursedir: Any, assignment: str, name: str) -> Any:
    """The notebook as it was released: read from its file, or generated if there is none."""
    path = Path(coursedir.format_path(coursedir.release_directory, ".", assignment)) / f"{name}.ipynb"
    if path.exists():
        return _read_released(str(path), path.stat().st_mtime_ns)
    return checksummed(release_notebook(name))


@cache
def _read_released(path: str, changed: int) -> Any:
    return nbformat.read(path, as_version=4)


def _verdict_on(cell: Any) -> dict[str, Any] | None:
    ours = cell.metadata.get(OURS, {})
    return dict(ours) if "outcome" in ours else None


def _remarks(problems: tuple[str, ...]) -> Any:
    text = "About this submission:\n" + "\n".join(f"- {one_line(problem)}" for problem in problems)
    cell = nbformat.v4.new_code_cell("# Remarks from the grader", id="remarks")
    cell.outputs = [nbformat.v4.new_output("stream", name="stdout", text=text)]
    return cell
