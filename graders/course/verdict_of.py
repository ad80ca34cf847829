"""Grades one rebuilt notebook: its cells become a module, which is graded like any other module."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import Any

import torch

from graders.curriculum import exercise_named
from graders.grading.collected import Collected
from graders.grading.files import collect, single
from graders.grading.grade import Settings, grade
from graders.grading.hand_in import CourseNotebook, hand_in_of
from graders.grading.notebooks import Cell
from graders.grading.privacy import for_students
from graders.report import TaskResult
from graders.reports.wording import without_repetition
from graders.sandbox.isolation import proven_parent
from graders.sandbox.warm_parent import WarmParent

from . import early
from .cell_ids import OURS


@dataclass(frozen=True)
class Verdict:
    """The result of grading one notebook.

    Attributes:
        results: one for each task of the exercise, in order.
        unreadable: why nothing could be graded; then every result is *not graded*, and a person looks at it.
    """

    results: tuple[TaskResult, ...]
    problems: tuple[str, ...] = ()
    unreadable: str = ""


def verdict_of(
    notebook: Any, folder: Path | None, student: str, settings: Settings, require: str = "strict"
) -> Verdict:
    """Grade a notebook that `handed_in.rebuilt` made.

    Args:
        folder: the folder with the student's helper modules, if there are any.
        require: the weakest isolation to accept, as in `graders grade --require`.

    Raises:
        SandboxFailure: the required isolation isn't available.
    """
    about = notebook.metadata[OURS]
    exercise = str(about["exercise"])
    settings = replace(settings, only=(exercise,))
    problems = tuple(for_students(problem) for problem in about.get("problems", ()))
    if about.get("unreadable"):
        return _for_a_person(exercise, problems, for_students(str(about["unreadable"])))
    notebook_of = CourseNotebook(exercise, code_cells(notebook.cells))
    collected = collect(single(folder)) if folder is not None else Collected({})
    files = {name: raw for name, raw in collected.files.items() if not name.startswith("exercises/")}
    beside = [problem for problem in collected.problems if not problem.file.startswith(exercise)]
    report = grade(hand_in_of(student, files, beside, notebook_of), settings, _warm_parent(require))
    remarks = map(str, report.remarks)
    return Verdict(without_repetition(report.tasks), (*problems, *report.problems, *remarks))


def _for_a_person(exercise: str, problems: tuple[str, ...], why: str) -> Verdict:
    tasks = exercise_named(exercise).tasks
    results = (TaskResult(exercise, t.name, t.kind, "grader_error", 0.0, t.points, why) for t in tasks)
    return Verdict(tuple(results), problems, why)


def code_cells(cells: Sequence[Any]) -> list[Cell]:
    """The cells of a rebuilt notebook that may have answers: provided, solution, and a student's own."""
    found = []
    for cell in cells:
        nbgrader, ours = cell.metadata.get("nbgrader", {}), cell.metadata.get(OURS, {})
        if cell.cell_type != "code" or nbgrader.get("grade"):
            continue
        if nbgrader.get("solution") or ours.get("extra"):
            name, provided = ours.get("label", f"cell {cell.id}"), bool(ours.get("untouched"))
            solution = bool(nbgrader.get("solution"))
            found.append(
                Cell(
                    name, "code", cell.source, str(ours.get("task", "")), solution=solution, provided=provided
                )
            )
        elif nbgrader.get("locked"):
            found.append(Cell(f"cell {cell.id}", "code", cell.source, provided=True))
    return found


@cache
def _warm_parent(require: str) -> WarmParent:
    """One warm parent for all notebooks of a run, whose walls have been tested."""
    torch.set_num_threads(1)
    return proven_parent(require, early.take())
