"""The cells of a notebook file: their text, kind and name, and nothing else of what a student may put there.

Formats 2 to 4 are read, without a schema: a field that is missing or of another type is passed over, and the
rest is read.

Source: https://nbformat.readthedocs.io/en/latest/format_description.html
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

MAX_CELLS = 1_000
MAX_CELL = (1 << 20) + 1
"""Characters; a cell of so many is refused with its file, so nothing is cut off."""


class Unreadable(Exception):
    """A file is not a notebook; the message says why."""


@dataclass(frozen=True)
class Cell:
    """One cell as it was handed in.

    Attributes:
        name: how messages call it.
        kind: `code`, `markdown`, `raw`, …
        id: its grade id, else its cell id, else nothing.
        grade: it is one of nbgrader's cells of tests.
        solution: it is one of nbgrader's cells for answers.
        provided: it is as it was released, and nothing of it is the student's.
    """

    name: str
    kind: str
    source: str
    id: str = ""
    grade: bool = False
    solution: bool = False
    provided: bool = False


def cells(raw: bytes) -> list[Cell]:
    """The cells of a notebook.

    Raises:
        Unreadable: it is none.
    """
    try:
        data = json.loads(raw.decode("utf-8-sig"))
        if "cells" in data:
            found = data["cells"]
        else:
            found = [cell for sheet in data["worksheets"] for cell in sheet["cells"]]
        mappings = (cell if isinstance(cell, Mapping) else {} for cell in found[:MAX_CELLS])
        return [_cell(number, cell) for number, cell in enumerate(mappings, 1)]
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        why = str(error)[:100] or type(error).__name__
        hint = "Open and save it once in Jupyter"
        raise Unreadable(f"is no readable notebook ({type(error).__name__}: {why}). {hint}") from None


def _cell(number: int, cell: Mapping[str, Any]) -> Cell:
    source = cell.get("source", cell.get("input", ""))
    if isinstance(source, list):
        source = "".join(part for part in source if isinstance(part, str))
    source = source if isinstance(source, str) else ""
    clean = source[:MAX_CELL].replace("\r\n", "\n").encode("utf-8", "replace").decode("utf-8")
    metadata = cell.get("metadata")
    about = metadata.get("nbgrader") if isinstance(metadata, Mapping) else None
    about = about if isinstance(about, Mapping) else {}
    id = about.get("grade_id") or cell.get("id", "")
    return Cell(
        f"cell {number}",
        str(cell.get("cell_type", "")),
        clean,
        id if isinstance(id, str) else "",
        grade=bool(about.get("grade")),
        solution=bool(about.get("solution")),
        provided=bool(about.get("locked")) and not about.get("solution"),
    )
