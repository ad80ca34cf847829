"""Rebuilds a submitted notebook, whatever state it is in, from the released one.

Only the *text* of cells is taken from the submission: no outputs, no metadata, no attachments, so nothing
that a student wrote there reaches a grader's browser. Released cells are restored; solution cells get the
student's text; cells that a student added stay where they were. A student's Markdown is shown as typed, never
rendered.

Cells are found by grade id. If the id is gone, a cell that defines the task's function is used instead. If a
cell was copied, the last edited copy counts. If the notebook itself is missing or can't be read, another
notebook in the folder, or a module, is used instead; if there is none, the rebuilt notebook says so.
"""

from __future__ import annotations

import copy
import os
import stat
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from nbformat.v4 import new_code_cell, new_markdown_cell

from graders.curriculum import exercise_named
from graders.grading import definitions
from graders.grading.hand_in import read
from graders.grading.ipython import python
from graders.grading.notebooks import Cell, Unreadable, cells
from graders.grading.sources import Unit

from .cell_ids import OURS

_MAX_BYTES = 64 << 20


@dataclass
class _Rebuilding:
    """The cells to fill in, and the problems found."""

    sources: dict[str, Cell] = field(default_factory=dict)
    extras: list[tuple[str, Cell]] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)


def rebuilt(path: Path, exercise: str, release: Any) -> Any:
    """The submission at `path` as a notebook that graders can trust in everything but the text of answers.

    Problems are recorded in `metadata[OURS]`: `problems` for people, and `unreadable` if there was nothing to
    grade.
    """
    notebook = copy.deepcopy(release)
    cells, problems, unreadable = _found(path, exercise, notebook)
    work = _Rebuilding(problems=problems)
    if not unreadable:
        _match(cells, exercise, notebook, work)
    _fill(notebook, work)
    notebook.metadata[OURS] = {"exercise": exercise, "problems": work.problems, "unreadable": unreadable}
    return notebook


# ----------------------------------------------------------------------------------------------- finding


def _found(path: Path, exercise: str, release: Any) -> tuple[list[Cell], list[str], str]:
    """The submitted cells, the problems found, and if nothing can be graded, the reason."""
    problems: list[str] = []
    if os.path.lexists(path):
        try:
            cells = _read_notebook(path)
        except Unreadable as error:
            problems.append(f"{path.name} {error}")
        else:
            return cells, problems, ""
    else:
        problems.append(f"nothing was handed in under the name {path.name}")
    others = {}
    for other in sorted(path.parent.glob("*.ipynb")) if path.parent.is_dir() else []:
        if other != path:
            try:
                others[other.name] = _read_notebook(other)
            except Unreadable as error:
                problems.append(f"{other.name} {error}")
    ranked = sorted(others, key=lambda name: _resemblance(others[name], exercise, release))
    if ranked and _resemblance(others[ranked[-1]], exercise, release):
        problems.append(f"{ranked[-1]} was read in its place")
        return others[ranked[-1]], problems, ""
    if path.parent.is_dir():
        hand_in = read(path.parent)
        for part in hand_in.graded.code.get(f"{exercise}.py", ()):
            if _definitions(part.source, exercise):
                problems.append(f"the module {part.label} was read in its place")
                return _split(part.source, exercise), problems, ""
    return [], problems, f"There is nothing to grade: {'; '.join(problems)}."


def _read_notebook(path: Path) -> list[Cell]:
    """The cells of a notebook of format 3 or 4.

    Raises:
        Unreadable: it isn't one.
    """
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | getattr(os, "O_NOFOLLOW", 0))
        with os.fdopen(descriptor, "rb") as file:
            if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
                raise Unreadable("isn't a regular file")
            raw = file.read(_MAX_BYTES + 1)
    except OSError as error:
        raise Unreadable(f"cannot be opened: {error.strerror}. Is it a link?") from None
    if len(raw) > _MAX_BYTES:
        raise Unreadable(f"is larger than {_MAX_BYTES >> 20} MB; clear its outputs and hand it in again")
    return cells(raw)


def _resemblance(cells: list[Cell], exercise: str, release: Any) -> int:
    """How many tasks a notebook answers, by cell id or by definition."""
    ids = {cell.id for cell in cells}
    defined = {name for cell in cells if cell.kind == "code" for name in _definitions(cell.source, exercise)}
    return len({cell.id for cell in release.cells if _is_solution(cell)} & ids | defined)


def _split(source: str, exercise: str) -> list[Cell]:
    """A module as cells: one for each task's function or class, and one for each piece in between."""
    lines = source.replace("\r\n", "\n").split("\n")
    spans = sorted(_definitions(source, exercise).values())
    pieces, at = [], 0
    for first, last in spans:
        pieces += ["\n".join(lines[at : first - 1]), "\n".join(lines[first - 1 : last])]
        at = last
    pieces.append("\n".join(lines[at:]))
    return [
        Cell(f"cell {n}", "code", piece.strip("\n")) for n, piece in enumerate(pieces, 1) if piece.strip()
    ]


def _definitions(source: str, exercise: str) -> dict[str, tuple[int, int]]:
    """First and last line of each task's definition in a source; the last definition counts."""
    tasks = frozenset(_tasks(exercise))
    try:
        reading = definitions.read([Unit("", python(source))], tasks)
    except definitions.TooLong:
        return {}
    return {
        name: (statement.first, statement.last)
        for statement in reading.statements
        for name in statement.names.defines & tasks
    }


def _tasks(exercise: str) -> tuple[str, ...]:
    return tuple(task.name for task in exercise_named(exercise).tasks)


# ---------------------------------------------------------------------------------------------- matching


def _is_solution(cell: Any) -> bool:
    return bool(cell.metadata.get("nbgrader", {}).get("solution")) and OURS in cell.metadata


def _match(cells: list[Cell], exercise: str, release: Any, work: _Rebuilding) -> None:
    """Decide which submitted cell fills which solution cell, and where the others go."""
    known = {cell.id: cell for cell in release.cells}
    solutions = {cell.id for cell in release.cells if _is_solution(cell)}
    released = {cell.source.strip() for cell in release.cells}
    copies: dict[str, list[Cell]] = {}
    for cell in cells:
        if cell.id in solutions:
            copies.setdefault(cell.id, []).append(cell)
    for id, found in copies.items():
        edited = [cell for cell in found if cell.source.strip() != known[id].source.strip()]
        work.sources[id] = (edited or found)[-1]
        if len(found) > 1:
            work.problems.append(f"the cell {id} appears {len(found)} times; the last edited copy counts")
        if work.sources[id].kind != "code":
            work.problems.append(f"the cell {id} is no longer a code cell; its text was read as code")
    _take_by_definition(cells, exercise, solutions, released, work)
    taken = {id for id, cell in work.sources.items()}
    for id in sorted(solutions - taken):
        work.problems.append(f"the cell {id} is missing; this is the released version")
    filled = {cell.name for cell in work.sources.values()} | {
        c.name for found in copies.values() for c in found
    }
    anchor = "setup"
    for cell in cells:
        if cell.id in known and cell.id not in solutions:
            anchor = cell.id
            restored = known[cell.id]
            # A released cell is restored. If it is a code cell, the student's version is kept as an extra
            # cell.
            if (
                restored.cell_type != "code"
                or cell.kind != "code"
                or restored.metadata.get("nbgrader", {}).get("grade")
            ):
                continue
        elif cell.name in filled:
            anchor = next((id for id, source in work.sources.items() if source.name == cell.name), anchor)
            continue
        if cell.source.strip() and cell.source.strip() not in released:
            work.extras.append((anchor, cell))


def _take_by_definition(
    cells: list[Cell], exercise: str, solutions: set[str], released: set[str], work: _Rebuilding
) -> None:
    """Fill each solution cell whose id is gone with a cell that defines its task and no other."""
    used = {cell.name for cell in work.sources.values()}
    for task in _tasks(exercise):
        if task in work.sources or task not in solutions:
            continue
        for cell in reversed(cells):
            free = cell.name not in used and cell.kind == "code" and cell.id not in solutions
            if (
                free
                and cell.source.strip() not in released
                and set(_definitions(cell.source, exercise)) == {task}
            ):
                work.sources[task] = cell
                used.add(cell.name)
                break


def _fill(notebook: Any, work: _Rebuilding) -> None:
    """Fill the solution cells, and put the student's own cells after their anchors."""
    after: dict[str, list[Any]] = {}
    for number, (anchor, cell) in enumerate(work.extras, 1):
        after.setdefault(anchor, []).append(_extra(number, cell))
    filled = []
    for cell in notebook.cells:
        if cell.cell_type == "code":
            cell.outputs, cell.execution_count = [], None
        if _is_solution(cell):
            given = work.sources.get(cell.id)
            untouched = given is None or given.source.strip() == cell.source.strip()
            if given is not None and not untouched:
                cell.source = given.source
            cell.metadata[OURS] = {**cell.metadata[OURS], "untouched": untouched, "label": f"cell {cell.id}"}
        filled += [cell, *after.get(cell.id, [])]
    notebook.cells = filled


def _extra(number: int, cell: Cell) -> Any:
    about = {OURS: {"extra": True, "label": f"{cell.name} of the notebook"}}
    if cell.kind == "code":
        return new_code_cell(cell.source, id=f"extra-{number}", metadata=about)
    return new_markdown_cell(_as_typed(cell.source), id=f"extra-{number}", metadata=about)


def _as_typed(text: str) -> str:
    """Text as a block in which nothing is rendered: no HTML, no links, no formulas."""
    fence = "```"
    while fence in text:
        fence += "`"
    return f"{fence}text\n{text}\n{fence}"
