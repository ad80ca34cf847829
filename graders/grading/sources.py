"""Turns the bytes of a file into units of Python: a whole module, or each code cell of a notebook."""

from __future__ import annotations

import codecs
import io
import re
import tokenize
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from itertools import pairwise
from pathlib import PurePosixPath

from graders.testing.remarks import Problem, Remark

from . import ipython
from .notebooks import HINT, MAX_CELLS, Cell, Unreadable, cells

MAX_CODE = 1 << 20
"""Characters of Python in one file; images and outputs stored in a notebook don't count."""
MAX_LINES = 50_000
# Text encodings whose decoders take quadratic time, or that change the meaning of characters.
_REFUSED_ENCODINGS = ("punycode", "idna", "unicode_escape", "raw_unicode_escape", "undefined")
_SHOWN = 60
"""How many characters of a name chosen by a student a message shows."""
_CELL_MARK = re.compile(r"^# (?:%%|In\[[\d ]*\]:)", re.MULTILINE)


@dataclass(frozen=True)
class Unit:
    """A piece of source that is read as a whole.

    Attributes:
        file: the file it was handed in as; empty if the cell identifies it.
        source: Python, with notebook syntax translated.
        cell: such as `cell 4`, in a notebook.
        task: the task that this cell was released for, if any.
        provided: whether it was released as it is, with nothing written by the student.
    """

    file: str
    source: str
    cell: str = ""
    task: str | None = None
    provided: bool = False

    @property
    def label(self) -> str:
        """Its name in messages: `conv2d.py`, or `conv2d.ipynb, cell 4`."""
        return ", ".join(filter(None, (self.file, self.cell)))

    def place(self, first: int, last: int | None = None) -> str:
        """`line 63`, `lines 63 to 70` or `cell 4, line 2`."""
        lines = f"line {first}" if last in (None, first) else f"lines {first} to {last}"
        return ", ".join(filter(None, (self.cell, lines)))


@dataclass(frozen=True)
class Source:
    """One file of a hand-in.

    Attributes:
        path: its path in the hand-in.
        runs: files that it runs with `%run`, each with the number of the unit that does.
        writes: files that it writes with `%%writefile`.
    """

    path: str
    units: tuple[Unit, ...] = ()
    runs: tuple[tuple[int, str], ...] = ()
    writes: tuple[tuple[str, Unit], ...] = ()
    problems: tuple[Problem, ...] = ()
    remarks: tuple[Remark, ...] = ()


def source(path: str, raw: bytes, tasks: frozenset[str] = frozenset()) -> Source:
    """Read one file; whatever can't be read is recorded as a problem."""
    try:
        if PurePosixPath(path).suffix.lower() == ".ipynb":
            return _notebook(path, raw, tasks)
        return _module(path, _decoded(path, raw))
    except _Problem as problem:
        return Source(path, problems=(problem.args[0],))


def with_runs(source: Source, others: Mapping[str, Source]) -> Source:
    """The source with the units of every file that it runs inserted before the cell that runs it."""
    if not source.runs:
        return source
    units: list[Unit] = []
    remarks = list(source.remarks)
    runs: dict[int, list[str]] = {}
    for file, at in {
        file: at for at, file in reversed(source.runs)
    }.items():  # each file once, the first time
        runs.setdefault(at, []).append(file)
    for number, unit in enumerate(source.units):
        for file in reversed(runs.get(number, [])):
            path = str(PurePosixPath(source.path).parent / file)
            if path in others and path != source.path:
                units += others[path].units  # without their own `%run` lines, so this ends
            else:
                remarks.append(
                    Remark(source.path, unit.cell, f"runs {file[:_SHOWN]}, which wasn't handed in")
                )
        units.append(unit)
    return replace(source, units=tuple(units), remarks=tuple(remarks), runs=())


class _Problem(Exception):
    """Carries the `Problem`."""


def _module(path: str, text: str) -> Source:
    if len(text) > MAX_CODE or text.count("\n") > MAX_LINES:
        raise _Problem(Problem(path, None, _too_long(text)))
    whole = Unit(path, ipython.python(text))
    if not ipython.parses(whole.source):
        # An exported notebook that doesn't parse is read cell by cell, like the notebook itself.
        return Source(path, tuple(Unit(path, piece) for piece in _pieces(text)))
    cells = ipython.exported_cells(whole.source)
    inside = [Unit(path, text, f"the %%{name[:_SHOWN]} cell in line {line}") for line, name, text in cells]
    return Source(path, (whole, *inside))


def _pieces(text: str) -> Iterator[str]:
    """The cells of an exported notebook, each padded with empty lines so that its line numbers stay."""
    starts = [found.start() for found in _CELL_MARK.finditer(text)]
    # The padding grows quadratically with the number of cells, so a file where it would be too long isn't
    # split.
    if not 0 < len(starts) <= MAX_CELLS or len(starts) * text.count("\n", 0, starts[-1]) > MAX_CODE:
        yield ipython.python(text)
        return
    line = 0
    for start, end in pairwise([0, *starts, len(text)]):
        yield "\n" * line + ipython.python(text[start:end])
        line += text.count("\n", start, end)


def _notebook(path: str, raw: bytes, tasks: frozenset[str]) -> Source:
    try:
        return of_cells(path, cells(raw), tasks)
    except Unreadable as error:
        raise _Problem(Problem(path, None, str(error))) from None


def of_cells(path: str, found: Iterable[Cell], tasks: frozenset[str], file: str | None = None) -> Source:
    """A notebook from its cells.

    Args:
        tasks: the tasks that cells of a course notebook may be released for.
        file: the notebook's name in messages, if it isn't its path.
    """
    file = path if file is None else file
    found = list(found)
    text = "\n".join(cell.source for cell in found if cell.kind == "code")
    if not text.strip() or len(text) > MAX_CODE or text.count("\n") > MAX_LINES:
        why = _too_long(text) if text.strip() else f"has no code in it. {HINT}"
        return Source(path, problems=(Problem(path, None, why),))
    units: list[Unit] = []
    runs: list[tuple[int, str]] = []
    writes: list[tuple[str, Unit]] = []
    remarks: list[Remark] = []
    for cell in found:
        if cell.kind != "code" or cell.grade or not cell.source.strip():
            continue
        written = ipython.written_file(cell.source)
        if written is not None and written[0].endswith(".py"):
            target = str(PurePosixPath(path).parent / written[0])
            writes.append((target, Unit(file, ipython.python(written[1]), cell.name)))
            continue
        magic, _ = ipython.cell_magic(cell.source)
        text = ipython.python(cell.source)
        if magic and not text.strip():
            remarks.append(Remark(file, cell.name, f"begins with %%{magic[:_SHOWN]}, so it was not run"))
            continue
        runs += [(len(units), file) for file in ipython.run_files(cell.source)]
        task = cell.id if cell.solution and cell.id in tasks else None
        units.append(Unit(file, text, cell.name, task, cell.provided))
    return Source(path, tuple(units), tuple(runs), tuple(writes), (), tuple(remarks))


def _too_long(text: str) -> str:
    most = f"the limits are {MAX_CODE / 1e6:.0f} MB and {MAX_LINES:,} lines"
    size = f"{len(text) / 1e6:.1f} MB of Python in {text.count(chr(10)):,} lines"
    return f"has {size}; {most}. Is there data in it?"


def _decoded(path: str, raw: bytes) -> str:
    try:
        encoding, _ = tokenize.detect_encoding(io.BytesIO(raw[: MAX_CODE + 1]).readline)
        if codecs.lookup(encoding).name.replace("-", "_") in _REFUSED_ENCODINGS:
            raise LookupError(f"unknown encoding: {encoding}")
        return raw.decode(encoding)
    except (SyntaxError, LookupError, ValueError) as error:  # a codec may raise any UnicodeError of its own
        try:
            raw.decode("utf-8")
        except UnicodeDecodeError as wrong:
            line = raw[: wrong.start].count(b"\n") + 1
            message = f"is not UTF-8 (byte 0x{raw[wrong.start]:02x}). Save the file with UTF-8 encoding"
            raise _Problem(Problem(path, line, message)) from None
        raise _Problem(
            Problem(path, 1, f"is not UTF-8: {str(error)[:100]}. Save the file with UTF-8 encoding")
        ) from None
