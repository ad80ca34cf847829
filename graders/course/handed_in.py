"""A submitted notebook, whatever became of it, rebuilt on the released one.

Of the submission only the *text* of cells is taken: no outputs, no metadata, no attachments, so nothing
that a student wrote there reaches a grader's browser. Released cells come back as they were; solution cells
keep the student's text; cells that a student added follow where they stood. Markdown of students is shown
as typed, never rendered.

Cells are found by grade id. Where the id is gone, a cell that defines a task's function takes its place. A
copied cell counts in its last edited copy. If the notebook itself is missing or cannot be read, another
notebook of the folder, or a module, is taken for it; and if there is none, the rebuilt notebook says so.
"""

from __future__ import annotations

import copy
import json
import os
import stat
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from nbformat.v4 import new_code_cell, new_markdown_cell

from ..curriculum import exercise as exercise_named
from ..grading.hand_in import read
from .answers import definitions
from .cell_ids import OURS

_MAX_BYTES = 64 << 20
_MAX_CELLS = 1_000
_MAX_TEXT = 256 << 10


@dataclass(frozen=True)
class _Cell:
    """One cell as it was handed in.

    Attributes:
        number: where it stood, from 1.
        id: its grade id, else its cell id, else nothing.
    """

    number: int
    kind: str
    source: str
    id: str


class Unreadable(Exception):
    """A file is no notebook; the message says why."""


@dataclass
class _Rebuilding:
    """Cells to fill in, and what there is to say."""

    sources: dict[str, _Cell] = field(default_factory=dict)
    extras: list[tuple[str, _Cell]] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)


def rebuilt(path: Path, exercise: str, release: Any) -> Any:
    """The submission at `path` as a notebook that graders can trust in everything but the text of answers.

    What was found wrong stands in `metadata[OURS]`: `problems` for people, `unreadable` if nothing was
    found to grade.
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


def _found(path: Path, exercise: str, release: Any) -> tuple[list[_Cell], list[str], str]:
    """The cells handed in, remarks on them, and why there are none if nothing can be graded."""
    problems: list[str] = []
    if os.path.lexists(path):
        try:
            cells = _read_notebook(path)
        except Unreadable as error:
            problems.append(f"{path.name} {error}")
        else:
            return cells, problems, ""
    else:
        problems.append(f"{path.name} was not handed in under this name")
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
        module = hand_in.modules.get(exercise)
        source = hand_in.files.get(f"{(module or '').replace('.', '/')}.py")
        if source is not None and definitions(source, _tasks(exercise)):
            problems.append(f"the module {module}.py was read in its place")
            return _split(source, exercise), problems, ""
    return [], problems, f"There is nothing to grade: {'; '.join(problems)}."


def _read_notebook(path: Path) -> list[_Cell]:
    """The cells of a notebook of format 3 or 4.

    Raises:
        Unreadable: it is none.
    """
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | getattr(os, "O_NOFOLLOW", 0))
        with os.fdopen(descriptor, "rb") as file:
            if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
                raise Unreadable("is no regular file")
            raw = file.read(_MAX_BYTES + 1)
    except OSError as error:
        raise Unreadable(f"cannot be opened: {error.strerror}. Is it a link?") from None
    if len(raw) > _MAX_BYTES:
        raise Unreadable(f"is larger than {_MAX_BYTES >> 20} MB; clear its outputs and hand it in again")
    try:
        data = json.loads(raw.decode("utf-8-sig"))
        found = (
            data["cells"]
            if "cells" in data
            else [cell for sheet in data["worksheets"] for cell in sheet["cells"]]
        )
        return [
            _cell(number, cell)
            for number, cell in enumerate(found[:_MAX_CELLS], 1)
            if isinstance(cell, Mapping)
        ]
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        why = str(error)[:100] or type(error).__name__
        raise Unreadable(f"is no readable notebook ({type(error).__name__}: {why})") from None


def _cell(number: int, cell: Mapping[str, Any]) -> _Cell:
    source = cell.get("source", cell.get("input", ""))
    if isinstance(source, list):
        source = "".join(part for part in source if isinstance(part, str))
    source = source if isinstance(source, str) else ""
    metadata = cell.get("metadata")
    about = metadata.get("nbgrader") if isinstance(metadata, Mapping) else None
    id = about.get("grade_id") if isinstance(about, Mapping) else None
    id = id if isinstance(id, str) and id else cell.get("id", "")
    clean = source[:_MAX_TEXT].replace("\r\n", "\n").encode("utf-8", "replace").decode("utf-8")
    return _Cell(number, str(cell.get("cell_type", "")), clean, id if isinstance(id, str) else "")


def _resemblance(cells: list[_Cell], exercise: str, release: Any) -> int:
    """How many tasks a notebook holds, by id or by definition."""
    ids = {cell.id for cell in cells}
    tasks = _tasks(exercise)
    defined = {name for cell in cells if cell.kind == "code" for name in definitions(cell.source, tasks)}
    return len({cell.id for cell in release.cells if _is_solution(cell)} & ids | defined)


def _split(source: str, exercise: str) -> list[_Cell]:
    """A module as cells: one for each task's function or class, and what stands between them."""
    lines = source.replace("\r\n", "\n").split("\n")
    spans = sorted(definitions(source, _tasks(exercise)).values())
    pieces, at = [], 0
    for first, last in spans:
        pieces += ["\n".join(lines[at : first - 1]), "\n".join(lines[first - 1 : last])]
        at = last
    pieces.append("\n".join(lines[at:]))
    return [_Cell(n, "code", piece.strip("\n"), "") for n, piece in enumerate(pieces, 1) if piece.strip()]


def _tasks(exercise: str) -> tuple[str, ...]:
    return tuple(task.name for task in exercise_named(exercise).tasks)


# ---------------------------------------------------------------------------------------------- matching


def _is_solution(cell: Any) -> bool:
    return bool(cell.metadata.get("nbgrader", {}).get("solution")) and OURS in cell.metadata


def _match(cells: list[_Cell], exercise: str, release: Any, work: _Rebuilding) -> None:
    """Which handed-in cell fills which solution cell, and where the others go."""
    known = {cell.id: cell for cell in release.cells}
    solutions = {cell.id for cell in release.cells if _is_solution(cell)}
    released = {cell.source.strip() for cell in release.cells}
    copies: dict[str, list[_Cell]] = {}
    for cell in cells:
        if cell.id in solutions:
            copies.setdefault(cell.id, []).append(cell)
    for id, found in copies.items():
        edited = [cell for cell in found if cell.source.strip() != known[id].source.strip()]
        work.sources[id] = (edited or found)[-1]
        if len(found) > 1:
            work.problems.append(f"the cell {id} is there {len(found)} times; the last edited copy counts")
        if work.sources[id].kind != "code":
            work.problems.append(
                f"the cell {id} was turned into {work.sources[id].kind or 'no'} text; it was read as code"
            )
    _take_by_definition(cells, exercise, solutions, released, work)
    taken = {id for id, cell in work.sources.items()}
    for id in sorted(solutions - taken):
        work.problems.append(f"the cell {id} is missing; it stands here as it was released")
    filled = {cell.number for cell in work.sources.values()} | {
        c.number for found in copies.values() for c in found
    }
    anchor = "setup"
    for cell in cells:
        if cell.id in known and cell.id not in solutions:
            anchor = cell.id
            restored = known[cell.id]
            # A released cell comes back as it was, and what a student added to its code is not lost.
            if (
                restored.cell_type != "code"
                or cell.kind != "code"
                or restored.metadata.get("nbgrader", {}).get("grade")
            ):
                continue
        elif cell.number in filled:
            anchor = next((id for id, source in work.sources.items() if source.number == cell.number), anchor)
            continue
        if cell.source.strip() and cell.source.strip() not in released:
            work.extras.append((anchor, cell))


def _take_by_definition(
    cells: list[_Cell], exercise: str, solutions: set[str], released: set[str], work: _Rebuilding
) -> None:
    """Fill solution cells whose id is gone with a cell that defines their task and no other."""
    used = {cell.number for cell in work.sources.values()}
    for task in _tasks(exercise):
        if task in work.sources or task not in solutions:
            continue
        for cell in reversed(cells):
            free = cell.number not in used and cell.kind == "code" and cell.id not in solutions
            if (
                free
                and cell.source.strip() not in released
                and set(definitions(cell.source, _tasks(exercise))) == {task}
            ):
                work.sources[task] = cell
                used.add(cell.number)
                break


def _fill(notebook: Any, work: _Rebuilding) -> None:
    """Put texts into solution cells and a student's own cells after their anchors."""
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


def _extra(number: int, cell: _Cell) -> Any:
    about = {OURS: {"extra": True, "label": f"cell {cell.number} of the notebook"}}
    if cell.kind == "code":
        return new_code_cell(cell.source, id=f"extra-{number}", metadata=about)
    return new_markdown_cell(_as_typed(cell.source), id=f"extra-{number}", metadata=about)


def _as_typed(text: str) -> str:
    """Text as a block that no renderer interprets: neither HTML, nor links, nor formulas."""
    fence = "```"
    while fence in text:
        fence += "`"
    return f"{fence}text\n{text}\n{fence}"
