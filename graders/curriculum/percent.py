"""Notebooks written as Python files, in the percent format, read without Jupyter's machinery.

A cell begins with a marker, and ends where the next one begins:

    # %% A title [markdown] task="conv2d" points=10 tags=["example"]

Title, type of the cell and metadata can each be left out; metadata can be JSON as a whole instead
(`{"points": 10}`). In a text cell every line begins with `#`. Magics of a code cell are written as comments.

Jupytext, whose format this is, reads many dialects and needs more than a second of CPU time to be imported.
This reads what our own files are written in, cell for cell as Jupytext does, and refuses what it cannot read
so. Two kinds of comments stay comments here that Jupytext takes for escaped commands: those that begin with
the name of a shell command (`# copy the kernel`), and single words with a question mark (`# Why?`).

Format: https://jupytext.readthedocs.io/en/latest/formats-scripts.html#the-percent-format
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field
from typing import Any

_MARKER = re.compile(r"\s*#\s*%%((?P<deeper>%*)(?P<rest>\s.*))?")
_KEY = re.compile(r"\s*([\w.@/-]+)\s*=\s*")
_TYPES = {"[markdown]": "markdown", "[md]": "markdown", "[raw]": "raw"}
_MAGIC = re.compile(
    r"\s*(# |#)*%{1,3}[a-zA-Z]"
    r"|\s*((# |#)+\s*)?[?!]\s*[A-Za-z.~$\\/{}]"
    r"|(# |#)*\s*[a-zA-Z_][\w$]*\s*=\s*(%{1,3}|!)[a-zA-Z]",
    re.ASCII,
)
_COMMENT = re.compile(r"(\s*)# ?")
# A comment is matched first where it begins, so that quotes in it open no string.
_COMMENT_OR_STRING = re.compile(
    r"#[^\n]*"
    r'|"""(?:\\.|[^\\])*?"""'
    r"|'''(?:\\.|[^\\])*?'''"
    r'|"(?:\\.|[^"\\\n])*"'
    r"|'(?:\\.|[^'\\\n])*'",
    re.DOTALL,
)


class FormatError(ValueError):
    """A file isn't in the percent format as it is read here; the text names the line."""


@dataclass(frozen=True)
class SourceCell:
    """One cell.

    Attributes:
        cell_type: `"code"`, `"markdown"` or `"raw"`.
        source: its text, without comment signs if it's no code.
        metadata: what its marker says; a title is under `title`.
        line: that of its marker, from 1.
    """

    cell_type: str
    source: str
    metadata: dict[str, Any] = field(default_factory=dict)
    line: int = field(default=1, compare=False)


def read_cells(text: str) -> list[SourceCell]:
    """The cells of a file.

    Raises:
        FormatError: something stands before the first marker, a marker cannot be read, or a line of a text
            cell is no comment.
    """
    lines = text.splitlines()
    quoted = _lines_that_begin_in_a_string("\n".join(lines))
    starts = [number for number, line in enumerate(lines) if number not in quoted and _MARKER.fullmatch(line)]
    if not lines:
        return []
    if starts[:1] != [0]:
        raise FormatError("line 1: a file in the percent format begins with a marker: # %%")
    cells = []
    for start, end in zip(starts, [*starts[1:], len(lines)], strict=True):
        cell_type, metadata = _read_marker(lines[start], start)
        end = start + _without_blank_end(lines[start:end])
        numbers = range(start + 1, end)
        if cell_type == "code":
            source = _unescaped([(lines[number], number in quoted) for number in numbers])
        else:
            source = [_uncommented(lines[number], number) for number in numbers]
        cells.append(SourceCell(cell_type, "\n".join(source), metadata, start + 1))
    return cells


def _read_marker(line: str, number: int) -> tuple[str, dict[str, Any]]:
    """The type of a cell and its metadata."""
    marker = _MARKER.fullmatch(line)
    assert marker is not None
    rest = (marker["rest"] or "").strip()
    brace, equals = rest.find("{"), rest.find("=")
    try:
        if brace >= 0 and not 0 <= equals < brace:
            title, metadata = rest[:brace].strip(), dict(json.loads(rest[brace:]))
        else:
            before = rest[:equals].rstrip() if equals >= 0 else rest
            title = before.rpartition(" ")[0].rstrip() if equals >= 0 else before
            metadata = _pairs(rest[len(title) :]) if equals >= 0 else {}
    except ValueError as error:
        raise FormatError(f"line {number + 1}: metadata that is no key=JSON: {error}") from None
    cell_type = "code"
    for mark, named in _TYPES.items():
        if mark in title:
            cell_type, title = named, title.replace(mark, "").strip()
            if mark == "[md]":
                metadata["region_name"] = "md"
    if title:
        metadata["title"] = title
    if marker["deeper"]:
        metadata["cell_depth"] = len(marker["deeper"])
    return cell_type, metadata


def _pairs(text: str) -> dict[str, Any]:
    """`points=10 tags=["a"]` as a dict.

    Raises:
        ValueError: it is not of this form.
    """
    found: dict[str, Any] = {}
    decoder, place = json.JSONDecoder(), 0
    while place < len(text):
        key = _KEY.match(text, place)
        if key is None:
            raise ValueError(text[place:].strip())
        found[key[1]], place = decoder.raw_decode(text, key.end())
        if text[place : place + 1].strip():
            raise ValueError(text[key.start() :].strip())
    return found


def _without_blank_end(lines: list[str]) -> int:
    """How many lines a cell has without the blank ones, two or one, that set it apart from the next."""
    blank = [not line.strip() for line in lines[-3:]]
    if blank == [False, True, True]:
        return len(lines) - 2
    return len(lines) - (lines[-1] == "")


def _uncommented(line: str, number: int) -> str:
    if line.strip() and not line.startswith("#"):
        raise FormatError(f"line {number + 1}: a line of a text cell begins with #")
    return line.removeprefix("# ") if line.startswith("# ") else line.removeprefix("#")


def _unescaped(lines: list[tuple[str, bool]]) -> list[str]:
    """Lines of code without the comment sign before a magic; each says whether it begins in a string."""
    found, continues = [], False
    for line, in_string in lines:
        if not in_string and (continues or _MAGIC.match(line)):
            continues = line.rstrip().endswith("\\")
            comment = _COMMENT.match(line)
            line = comment[1] + line[comment.end() :] if comment else line
        found.append(line)
    return found


def _lines_that_begin_in_a_string(text: str) -> set[int]:
    """The numbers, from 0, of lines whose first character stands in a string that began above."""
    found: set[int] = set()
    line = last = 0
    for match in _COMMENT_OR_STRING.finditer(text):
        line += text.count("\n", last, match.start())
        height = match[0].count("\n")
        found.update(range(line + 1, line + height + 1))
        line, last = line + height, match.end()
    return found
