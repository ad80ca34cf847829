"""Commands, options, settings and files that the documents show, taken from the Markdown itself.

A command is a line of an indented or fenced block, or inline code that begins with a program's name and has
arguments. An option is inline code that begins with `--`, and a setting is one that begins with `c.`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from markdown_it import MarkdownIt

from graders.course import course, kit
from graders.curriculum import SOLUTIONS

ROOT = SOLUTIONS.parent
TEMPLATES = ROOT / "graders" / "course" / "templates"
DOCUMENTS = (
    *(ROOT / name for name in ("README.md", "CONTRIBUTING.md", "CHANGELOG.md")),
    *sorted((ROOT / "docs").glob("*.md")),
    TEMPLATES / "README.md",
    TEMPLATES / "course" / "README.md",
)
_PROGRAMS = ("apt", "cd", "git", "jupyter", "nbgrader", "pip", "pytest", "python", "tox", "uv")
_OURS = ("cnn-by-hand", "pre-commit")
_NO_SHELL = ("python", "mermaid")
_COMMENT = re.compile(r"\s+#\s.*$")
_COMMAND = re.compile(r"[a-z][\w.-]*( |$)")


@dataclass(frozen=True)
class Shown:
    """Something that a document shows, and its place."""

    document: str
    text: str

    def __str__(self) -> str:
        return f"{self.document}: {self.text}"


def commands() -> list[Shown]:
    """Every command, without its comment; a command shown by several documents appears several times."""
    return [
        Shown(name, text)
        for name, code, is_block in _code()
        for text in (_COMMENT.sub("", line).strip() for line in code.splitlines())
        if (_COMMAND.match(text) if is_block else _is_command(text))
    ]


def options() -> list[Shown]:
    """Every option that is mentioned by itself, such as `--seed N`."""
    return [Shown(name, code) for name, code, is_block in _code() if not is_block and code.startswith("--")]


def settings() -> list[Shown]:
    """Every nbgrader setting, such as `c.GradeOutside.require = "process"`."""
    return [Shown(name, line) for name, code, _ in _code() for line in code.splitlines() if line[:2] == "c."]


def files() -> list[Shown]:
    """Every path in this repository."""
    rooms = "|".join(path.name for path in ROOT.iterdir() if path.is_dir() and path.name[0] not in "._")
    path = re.compile(rf"(?:{rooms})/[\w./-]*|[\w.-]+\.(?:md|toml|ini)")
    found = [Shown(name, code) for name, code, is_block in _code() if not is_block and path.fullmatch(code)]
    # A page may lead through files of the reader's own, which it shows in full.
    own = {(_name(each), Path(file).parts[-1]) for each in DOCUMENTS for file in whole_files(each)}
    return [shown for shown in found if (shown.document, Path(shown.text).parts[-1]) not in own]


def links() -> list[Shown]:
    """Every link to another file, and every picture."""
    found = []
    for document in DOCUMENTS:
        for token in _parser().parse(_text(document)):
            every = [child.attrs for child in token.children or ()]
            targets = [str(attrs[key]) for attrs in every for key in ("href", "src") if key in attrs]
            found += [Shown(_name(document), target) for target in targets if "://" not in target]
    return found


def _is_command(code: str) -> bool:
    program, _, rest = code.partition(" ")
    return program in (*_PROGRAMS, *_OURS) and bool(rest)


def _code() -> Iterator[tuple[str, str, bool]]:
    """All code in all documents: the document, the text, and whether it is a block."""
    for document in DOCUMENTS:
        for token in _parser().parse(_text(document)):
            if token.type in ("code_block", "fence") and token.info.partition(" ")[0] not in _NO_SHELL:
                yield _name(document), token.content, True
            for child in token.children or ():
                if child.type == "code_inline":
                    yield _name(document), child.content, False


def _text(document: Path) -> str:
    """A document as people get it: the templates name the exercises that there are."""
    made = {
        TEMPLATES / "README.md": kit.instructions,
        TEMPLATES / "course" / "README.md": course.instructions,
    }
    return made[document]() if document in made else document.read_text(encoding="utf-8")


def whole_files(document: Path) -> dict[str, str]:
    """The files that a document shows in full, by path: a fence that begins with ```python PATH."""
    tokens = _parser().parse(document.read_text(encoding="utf-8"))
    shown = (token for token in tokens if token.type == "fence" and " " in token.info)
    return {token.info.partition(" ")[2]: token.content for token in shown}


def _parser() -> MarkdownIt:
    return MarkdownIt("commonmark").enable("table")


def _name(document: Path) -> str:
    return document.relative_to(ROOT).as_posix()
