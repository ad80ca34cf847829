"""The cells of a notebook file: their text, kind and name, and nothing else that a student may have put
there.

Formats 2 to 4 are read, without a schema: a field that is missing or has the wrong type is ignored, and the
rest is read.

Source: https://nbformat.readthedocs.io/en/latest/format_description.html
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

HINT = "Open and save it once in Jupyter"
MAX_CELLS = 1_000
MAX_CELL = (1 << 20) + 1
"""Characters; a file with a longer cell is refused anyway, so no text is lost by cutting here."""


class Unreadable(Exception):
    """A file isn't a notebook; the message says why."""


@dataclass(frozen=True)
class Cell:
    """One cell as it was handed in.

    Attributes:
        name: its name in messages.
        kind: `code`, `markdown`, `raw`, …
        id: its grade id, otherwise its cell id, otherwise empty.
        grade: whether it is one of nbgrader's test cells.
        solution: whether it is one of nbgrader's answer cells.
        provided: whether it was released as it is, with nothing written by the student.
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
        Unreadable: it isn't a notebook.
    """
    try:
        found = _list_of_cells(json.loads(raw.decode("utf-8-sig")))
    except (ValueError, RecursionError) as error:
        why = "it is nested too deeply" if isinstance(error, RecursionError) else str(error)[:100]
        raise Unreadable(f"can't be read as a notebook ({why}). {HINT}") from None
    if len(found) > MAX_CELLS:
        raise Unreadable(f"has {len(found):,} cells; the limit is {MAX_CELLS:,}")
    mappings = (cell if isinstance(cell, Mapping) else {} for cell in found)
    return [_cell(number, cell) for number, cell in enumerate(mappings, 1)]


def _list_of_cells(data: Any) -> list[Any]:
    found = data.get("cells") if isinstance(data, Mapping) else None
    sheets = data.get("worksheets") if isinstance(data, Mapping) else None
    if found is None and isinstance(sheets, list):
        of_sheets = [sheet.get("cells") for sheet in sheets if isinstance(sheet, Mapping)]
        found = [cell for of_sheet in of_sheets if isinstance(of_sheet, list) for cell in of_sheet]
    if not isinstance(found, list):
        raise ValueError("it has no list of cells")
    return found


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
