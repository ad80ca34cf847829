"""What the documents show: commands, options, settings and files, taken from the Markdown itself.

A command is a line of an indented or fenced block, or inline code that begins with a program's name and goes
on. An option is inline code that begins with `--`, a setting one that begins with `c.`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from markdown_it import MarkdownIt

from graders.curriculum import SOLUTIONS

ROOT = SOLUTIONS.parent
TEMPLATES = ROOT / "graders" / "course" / "templates"
DOCUMENTS = (
    ROOT / "README.md",
    *sorted((ROOT / "docs").glob("*.md")),
    TEMPLATES / "README.md",
    TEMPLATES / "course" / "README.md",
)
_PROGRAMS = ("apt", "cd", "cnn-by-hand", "git", "jupyter", "nbgrader", "pip", "pytest", "python", "tox", "uv")
_COMMENT = re.compile(r"\s+#\s.*$")
_COMMAND = re.compile(r"[a-z][\w.-]*( |$)")


@dataclass(frozen=True)
class Shown:
    """Something that a document shows, and where."""

    document: str
    text: str

    def __str__(self) -> str:
        return f"{self.document}: {self.text}"


def commands() -> list[Shown]:
    """Every command, without the comment after it; one that several documents show is there several times."""
    return [
        Shown(name, text)
        for name, code, is_block in _code()
        for text in (_COMMENT.sub("", line).strip() for line in code.splitlines())
        if (_COMMAND.match(text) if is_block else _is_command(text))
    ]


def options() -> list[Shown]:
    """Every option that is spoken of by itself, such as `--seed N`."""
    return [Shown(name, code) for name, code, is_block in _code() if not is_block and code.startswith("--")]


def settings() -> list[Shown]:
    """Every nbgrader setting, such as `c.GradeOutside.require = "process"`."""
    return [Shown(name, line) for name, code, _ in _code() for line in code.splitlines() if line[:2] == "c."]


def files() -> list[Shown]:
    """Every path in this repository."""
    rooms = "|".join(path.name for path in ROOT.iterdir() if path.is_dir() and path.name[0] not in "._")
    path = re.compile(rf"(?:{rooms})/[\w./-]*|[\w.-]+\.(?:md|toml|ini)")
    return [Shown(name, code) for name, code, is_block in _code() if not is_block and path.fullmatch(code)]


def links() -> list[Shown]:
    """Every link to another file."""
    found = []
    for document in DOCUMENTS:
        for token in _parser().parse(document.read_text(encoding="utf-8")):
            targets = [str(child.attrs["href"]) for child in token.children or () if "href" in child.attrs]
            found += [Shown(_name(document), target) for target in targets if "://" not in target]
    return found


def _is_command(code: str) -> bool:
    program, _, rest = code.partition(" ")
    return program in _PROGRAMS and bool(rest)


def _code() -> Iterator[tuple[str, str, bool]]:
    """Document, text and whether it is a block, of all code in all documents."""
    for document in DOCUMENTS:
        for token in _parser().parse(document.read_text(encoding="utf-8")):
            if token.type in ("code_block", "fence"):
                yield _name(document), token.content, True
            for child in token.children or ():
                if child.type == "code_inline":
                    yield _name(document), child.content, False


def _parser() -> MarkdownIt:
    return MarkdownIt("commonmark").enable("table")


def _name(document: Path) -> str:
    return document.relative_to(ROOT).as_posix()
