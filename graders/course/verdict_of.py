"""Grading one rebuilt notebook: its cells become a module, which is graded like any module handed in."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import Any

import torch

from ..curriculum import exercise as exercise_named
from ..grading.grade import Settings, grade
from ..grading.hand_in import HandIn, read
from ..grading.privacy import for_students
from ..grading.screen import Problem
from ..isolation import proven_parent
from ..report import Report, Said, TaskResult
from ..sandbox.warm_parent import WarmParent
from . import early
from .answers import Answers, CodeCell, answers
from .cell_ids import OURS


@dataclass(frozen=True)
class Verdict:
    """What grading one notebook gave.

    Attributes:
        results: for each task of the exercise, in its order.
        unreadable: why nothing could be graded; then every result is *not graded*, for a person to look at.
    """

    results: tuple[TaskResult, ...]
    problems: tuple[str, ...] = ()
    unreadable: str = ""


def verdict_of(
    notebook: Any, folder: Path | None, student: str, settings: Settings, require: str = "strict"
) -> Verdict:
    """Grade a notebook that `handed_in.rebuilt` made.

    Args:
        folder: where the student's helper modules lie, if there are any.
        require: the least isolation, as `graders grade --require`.

    Raises:
        SandboxFailure: the isolation that is required cannot be had.
    """
    about = notebook.metadata[OURS]
    exercise = str(about["exercise"])
    settings = replace(settings, only=(exercise,))
    problems = tuple(for_students(problem) for problem in about.get("problems", ()))
    if about.get("unreadable"):
        why = for_students(str(about["unreadable"]))
        tasks = exercise_named(exercise).tasks
        said = Said(what=why)
        results = (
            TaskResult(exercise, t.name, t.kind, "grader_error", 0.0, t.points, why, said=said) for t in tasks
        )
        return Verdict(tuple(results), problems, why)
    given = answers(code_cells(notebook.cells), (task.name for task in exercise_named(exercise).tasks))
    report = grade(_hand_in(given, exercise, folder, student), settings, _warm_parent(require))
    return Verdict(_in_cells(report, given, exercise), (*problems, *_helpers_problems(report, exercise)))


def code_cells(cells: Sequence[Any]) -> list[CodeCell]:
    """The cells of a rebuilt notebook that may hold answers: provided, solutions, and a student's own."""
    found = []
    for cell in cells:
        nbgrader, ours = cell.metadata.get("nbgrader", {}), cell.metadata.get(OURS, {})
        if cell.cell_type != "code" or nbgrader.get("grade"):
            continue
        if nbgrader.get("solution") or ours.get("extra"):
            label = ours.get("label", f"cell {cell.id}")
            found.append(CodeCell(label, cell.source, ours.get("task"), bool(ours.get("untouched"))))
        elif nbgrader.get("locked"):
            found.append(CodeCell(f"cell {cell.id}", cell.source, untouched=True))
    return found


@cache
def _warm_parent(require: str) -> WarmParent:
    """One warm parent for all notebooks of a run, after the walls were tried."""
    torch.set_num_threads(1)
    return proven_parent(require, early.take())


def _hand_in(given: Answers, exercise: str, folder: Path | None, student: str) -> HandIn:
    files: dict[str, str] = {}
    problems: list[Problem] = []
    if folder is not None:
        beside = read(folder)
        files = {name: text for name, text in beside.files.items() if not name.startswith("exercises/")}
        problems = [problem for problem in beside.problems if not problem.file.startswith(exercise)]
    files[f"{exercise}.py"] = given.source
    return HandIn(student, files, {exercise: exercise}, tuple(problems))


def _in_cells(report: Report, given: Answers, exercise: str) -> tuple[TaskResult, ...]:
    """The results with places named by cell, and with what could not be read of single cells."""
    results = []
    for result in report.tasks:
        why = given.unreadable.get(result.task)
        if why is not None:
            said = Said(what=why)
            results.append(
                replace(result, outcome="broken", score=0.0, message=why, said=said, groups=(), hint="")
            )
            continue
        groups = tuple(replace(g, message=given.located(g.message, exercise)) for g in result.groups)
        parts = {name: given.located(part, exercise) for name, part in vars(result.said).items()}
        message = given.located(result.message, exercise)
        results.append(replace(result, message=message, said=Said(**parts), groups=groups))
    return tuple(results)


def _helpers_problems(report: Report, exercise: str) -> tuple[str, ...]:
    return tuple(problem for problem in report.problems if not problem.startswith(f"{exercise}.py"))
