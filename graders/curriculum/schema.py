"""What a file of `solutions/` may declare. Whatever is misspelt is refused, with its line and what to write.

Nothing is passed over in silence: an option nobody reads would lift a ban, a kind nobody sums would lose its
points, and a marker that isn't one would print the answer into the students' file.
"""

from __future__ import annotations

import ast
import difflib
import json
import keyword
import re
import sys
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from .percent import SourceCell

KINDS = ("core", "stretch")
INVALID_INPUT = "invalid_input"
"""The one task without a function of its name: it calls several."""
BEGIN, END = "### BEGIN SOLUTION", "### END SOLUTION"
_TAGS = ("example", "reference")
_TAKEN = ("checks", "data", "helpers", "images", "numpy", "recipes", "torch", "training")
_TITLES = ("title", "region_name", "cell_depth")  # what any marker may say of its own look
_MARKER = re.compile(r"#+\W*(BEGIN|END)\b", re.IGNORECASE)


@dataclass(frozen=True)
class Complaint:
    """Something that is declared wrongly.

    Attributes:
        file: its path in the project.
        says: what is wrong, and what to write instead.
    """

    file: str
    line: int
    says: str

    def __str__(self) -> str:
        return f"{self.file}, line {self.line}: {self.says}"


@dataclass(frozen=True)
class Field:
    """One key of a cell's marker: which values it takes, and how to write one."""

    takes: Callable[[Any], bool]
    write: str
    required: bool = True


def _whole(value: Any, least: int, most: float) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and least <= value <= most


def _positive(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool) and 0 < value < float("inf")


def _name(value: Any) -> bool:
    return isinstance(value, str) and value.isidentifier() and not keyword.iskeyword(value)


TASK: Mapping[str, Field] = {
    "task": Field(_name, 'task="dilate", the name of the function or class'),
    "kind": Field(lambda value: value in KINDS, 'kind="core" or kind="stretch"'),
    "points": Field(_positive, "points=6, a number above 0"),
    "difficulty": Field(lambda value: _whole(value, 1, 5), "difficulty=2, a whole number from 1 to 5"),
    "minutes": Field(lambda value: _whole(value, 1, 999), "minutes=20, a whole number of at least 1"),
    "importance": Field(lambda value: _whole(value, 1, 5), "importance=4, a whole number from 1 to 5"),
    "by_hand": Field(lambda value: isinstance(value, bool), "by_hand=true or by_hand=false", required=False),
}
_HINTS = {"hints": Field(_name, 'hints="dilate", the name of the task above')}
_FIRST = {"order": Field(_positive, "order=6, a number above 0", required=False)}
_OTHER = {
    "tags": Field(
        lambda value: isinstance(value, list) and set(map(str, value)) <= set(_TAGS),
        'tags=["example"] or tags=["reference"]',
        required=False,
    )
}


def complaints(name: str, file: str, text: str, cells: list[SourceCell]) -> list[Complaint]:
    """Everything that is wrong with one file of `solutions/`, from the top down.

    Args:
        name: the exercise.
        file: the file's path, as it is shown.
        cells: the cells of `text`.
    """
    found = [Complaint(file, line, says) for line, says in _wrong(name, text, cells)]
    return sorted(found, key=lambda complaint: complaint.line)


def wrong_name(name: str) -> str:
    """Why an exercise can't have a name; empty if it can."""
    if _name(name) and name == name.lower() and name not in (*_TAKEN, *sys.stdlib_module_names):
        return ""
    return f"an exercise can't be called {name}; write a new lower-case name, such as dilation"


def _wrong(name: str, text: str, cells: list[SourceCell]) -> Iterator[tuple[int, str]]:
    if says := wrong_name(name):
        yield 1, says
    try:
        ast.parse(text)
    except SyntaxError as error:
        yield error.lineno or 1, f"this isn't Python: {error.msg}"
        return
    first = cells[0] if cells else SourceCell("code", "")
    if first.cell_type != "markdown" or not re.match(r"# *\w", first.source):
        yield 1, "the file begins with its title; write `# %% [markdown]` and below it `# # My exercise`"
    tasks = [cell for cell in cells if "task" in cell.metadata]
    if not tasks:
        yield 1, 'there is no task; write `# %% task="dilate" kind="core" points=6 …` above a function'
    for place, cell in enumerate(cells):
        yield from _wrong_marker(cell, is_first=place == 0)
        yield from _wrong_regions(cell)
        if "task" in cell.metadata:
            yield from _wrong_task(cell, cells[place + 1 :])
    yield from _wrong_order(tasks)
    names = [cell.metadata["task"] for cell in tasks]
    for cell in cells:
        hinted = cell.metadata.get("hints")
        if hinted is not None and hinted not in names:
            yield cell.line, f"these are hints for {hinted!r}, which is no task here; write {_one_of(names)}"


def _wrong_marker(cell: SourceCell, is_first: bool) -> Iterator[tuple[int, str]]:
    """Keys that nobody knows, that are missing, or whose values don't fit."""
    about = {key: value for key, value in cell.metadata.items() if key not in _TITLES}
    if "task" in about:
        known = TASK
    elif "hints" in about:
        known = _HINTS
    else:
        known = (_OTHER | _FIRST) if is_first else _OTHER
    for key, value in about.items():
        if key not in known:
            others = known if known is TASK or known is _HINTS else {**TASK, **_HINTS, **known}
            close = difflib.get_close_matches(key.lower(), others, n=1, cutoff=0.5)
            meant = f"write {close[0]}" if close else f"here may be {', '.join(known)}"
            yield cell.line, f"nothing reads {key}={_json(value)}; {meant}"
        elif not known[key].takes(value):
            yield cell.line, f"{key}={_json(value)} can't be used; write {known[key].write}"
    for key in [key for key, field in known.items() if field.required and key not in about]:
        yield cell.line, f"the {_kind(known)} doesn't say its {key}; write {known[key].write}"


def _kind(known: Mapping[str, Field]) -> str:
    return "task" if known is TASK else "cell"


def _wrong_regions(cell: SourceCell) -> Iterator[tuple[int, str]]:
    """Solution markers that are misspelt, stand alone, or stand where nothing is cut."""
    if cell.cell_type != "code":
        return
    opened = 0
    for line, text in enumerate(cell.source.splitlines(), cell.line + 1):
        if not (_MARKER.match(text.strip()) or text.strip() in (BEGIN, END)):
            continue
        wanted = END if opened else BEGIN
        if text.lstrip() != wanted:
            seen = "so students would see the answer"
            yield line, f"`{text.strip()}` is no marker here, {seen}; write `{wanted}`"
            return
        opened = 0 if opened else line
    if opened:
        yield opened, f"this solution never ends, so students would see it; write `{END}` below it"
    has_region = any(text.lstrip() == BEGIN for text in cell.source.splitlines())
    is_reference = cell.metadata.get("tags") == ["reference"]
    if has_region and "task" not in cell.metadata and not is_reference:
        yield (
            cell.line,
            "nothing is cut from a cell that is no task, so students would see the answer; "
            'write task="…" or tags=["reference"] into its marker',
        )
    if "task" in cell.metadata and not has_region:
        yield cell.line, f"the task has no solution to cut; write `{BEGIN}` and `{END}` around it"


def _wrong_task(cell: SourceCell, after: list[SourceCell]) -> Iterator[tuple[int, str]]:
    """A task whose function, or whose hints, aren't there."""
    name = cell.metadata["task"]
    if cell.cell_type == "code":
        statements = ast.parse(cell.source).body
        if name not in [getattr(statement, "name", None) for statement in statements]:
            yield cell.line, f"the cell of task {name!r} defines nothing of that name; write `def {name}(…):`"
    elif name != INVALID_INPUT:
        yield cell.line, f"task {name!r} has no code; write `# %% task=…` without [markdown]"
    following = next((other for other in after if {"task", "hints"} & set(other.metadata)), None)
    if following is None or following.metadata.get("hints") != name:
        hints = f'`# %% [markdown] hints="{name}"` with three numbered hints'
        yield cell.line, f"no hints follow task {name!r}; write {hints}"
        return
    count = len(numbered(following.source))
    if count != 3:
        says = f"task {name!r} has {count} hints; write 3, numbered `# 1.`, `# 2.`, `# 3.`"
        yield following.line, says


def _wrong_order(tasks: list[SourceCell]) -> Iterator[tuple[int, str]]:
    seen: set[str] = set()
    stretch = False
    for cell in tasks:
        name, kind = str(cell.metadata["task"]), cell.metadata.get("kind")
        if name in seen:
            yield cell.line, f"task {name!r} is there twice; write another name"
        if kind == "core" and stretch:
            yield cell.line, f"core task {name!r} follows a stretch task; write core tasks first"
        seen.add(name)
        stretch = stretch or kind == "stretch"


def numbered(text: str) -> tuple[str, ...]:
    """The items of a Markdown list `1. … 2. … 3. …`."""
    items = re.split(r"^\d+\.\s+", text, flags=re.MULTILINE)[1:]
    return tuple(" ".join(item.split()) for item in items)


def _one_of(names: Collection[str]) -> str:
    return " or ".join(f'hints="{name}"' for name in names) or "a task first"


def _json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False)
