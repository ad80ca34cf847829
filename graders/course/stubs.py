"""Generates `exercises/*.py` and `exercises/hints.json` from `solutions/`: everything but the answers."""

from __future__ import annotations

import ast
import json
import re
from collections.abc import Sequence
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import Any

from graders.curriculum import SOLUTIONS, Exercise, cells, exercises, file_of
from graders.curriculum.percent import SourceCell

from .checkout import in_checkout

EXERCISES_FOLDER = SOLUTIONS.parent / "exercises"
_REGION = re.compile(
    r"^(?P<indent>[ \t]*)### BEGIN SOLUTION\n.*?^[ \t]*### END SOLUTION\n?", re.DOTALL | re.MULTILINE
)
_DEFINITION = re.compile(r"^(?P<indent>[ \t]*)(?P<kind>class|def) (?P<name>\w+)", re.MULTILINE)


def stub_files(of: Sequence[Exercise] | None = None) -> dict[str, str]:
    """The generated files of `exercises/`, by name: of all exercises, or of some."""
    chosen = exercises() if of is None else of
    files = {f"{exercise.name}.py": stub(exercise.name) for exercise in chosen}
    return {**files, "hints.json": hints(chosen)}


def _ours() -> list[Exercise]:
    """The exercises of this project; those of another folder are only ever written into a kit."""
    return [exercise for exercise in exercises() if file_of(exercise.name).parent == SOLUTIONS]


def write_stubs() -> list[Path]:
    """Write the files; returns their paths.

    Raises:
        FileNotFoundError: this is an installed package.
    """
    written = []
    folder = in_checkout(EXERCISES_FOLDER)
    for name, text in stub_files(_ours()).items():
        path = folder / name
        path.write_text(text, encoding="utf-8")
        written.append(path)
    return written


def stale_stubs() -> list[Path]:
    """The files of `exercises/` that differ from what this module generates."""
    wanted = {EXERCISES_FOLDER / name: text for name, text in stub_files(_ours()).items()}
    return [
        path for path, text in wanted.items() if not path.exists() or path.read_text(encoding="utf-8") != text
    ]


def stub(exercise: str) -> str:
    """One exercise as students get it, in percent format."""
    import jupytext  # here, because it takes two seconds of CPU time
    from nbformat import v4

    kept = [cell for cell in map(student_cell, cells(exercise)) if cell is not None]
    made = [getattr(v4, f"new_{c.cell_type}_cell")(c.source, metadata=c.metadata) for c in kept]
    for cell, following in pairwise(made):
        # As ruff formats a file: two blank lines below a definition, and above one with the text before it.
        if _definitions(cell)[-1:] == [True] or _definitions(following)[:1] == [True]:
            cell.metadata["lines_to_next_cell"] = 2
    written = {"notebook_metadata_filter": "-all", "cell_metadata_filter": "tags,-all"}
    notebook = v4.new_notebook(cells=made, metadata={"jupytext": written})
    return str(jupytext.writes(notebook, fmt="py:percent"))


def _definitions(cell: Any) -> list[bool]:
    """Of each statement of a cell, whether it's a function or a class."""
    statements = ast.parse(cell.source).body if cell.cell_type == "code" else []
    return [isinstance(statement, (ast.FunctionDef, ast.ClassDef)) for statement in statements]


def student_cell(cell: SourceCell) -> SourceCell | None:
    """A cell without what students must not see; None if the whole cell is left out."""
    tags = cell.metadata.get("tags", [])
    if "reference" in tags or "hints" in cell.metadata:
        return None
    is_answer = "task" in cell.metadata and cell.cell_type == "code"
    source = without_solution(cell.source) if is_answer else cell.source
    return replace(cell, source=source, metadata={"tags": tags} if tags else {})


def without_solution(source: str) -> str:
    """Every region between the solution markers replaced by `raise NotImplementedError(…)`."""

    def replacement(match: re.Match[str]) -> str:
        name = _enclosing(source[: match.start()], match["indent"])
        return f'{match["indent"]}raise NotImplementedError("write {name}")\n'

    return _REGION.sub(replacement, source).rstrip("\n")


def _enclosing(before: str, indent: str) -> str:
    """The dotted name of the definition around a region that is indented by `indent`."""
    names: list[str] = []
    for found in reversed(list(_DEFINITION.finditer(before))):
        if len(found["indent"]) < len(indent):
            names.insert(0, found["name"])
            indent = found["indent"]
        if not indent:
            break
    return ".".join(names)


def hints(of: Sequence[Exercise]) -> str:
    """The hints of every task of some exercises, for `python -m exercises hint NAME`."""
    table = {
        exercise.name: {
            "title": exercise.title,
            "tasks": {
                task.name: {
                    "kind": task.kind,
                    "points": task.points,
                    "difficulty": task.difficulty,
                    "minutes": task.minutes,
                    "hints": list(task.hints),
                }
                for task in exercise.tasks
            },
        }
        for exercise in of
    }
    return json.dumps(table, indent=1, ensure_ascii=False) + "\n"
