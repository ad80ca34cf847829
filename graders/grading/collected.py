"""The files collected from one hand-in: bytes by relative path, and why any other file isn't used.

The limits are here. Bytes are counted after they have been read; the sizes that an archive states are not
trusted.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from graders.testing.remarks import Problem

from .file_kinds import Kind, code_name, kind_of

MAX_FILE_BYTES = 1 << 20
"""The largest Python file."""
MAX_SOURCE_BYTES = 8 << 20
"""The total of all Python files in a hand-in."""
MAX_NOTEBOOK_BYTES = 64 << 20
"""The largest notebook, including stored images."""
MAX_TOTAL_BYTES = 128 << 20
"""The total of everything in a hand-in, including nested archives."""
MAX_STREAM_BYTES = 512 << 20
"""What may be read from one .tar, including skipped members."""
MAX_FILES = 200
MAX_ENTRIES = 20_000
"""How many names are examined."""
MAX_DEPTH = 8
"""How deep folders may be nested."""
MAX_ARCHIVES = 20
"""How many archives a hand-in may have; each may take some seconds to read."""
MAX_NESTING = 3
"""How deep archives may be nested."""
MAX_PROBLEMS = 50
_NAMED = 5


@dataclass(frozen=True)
class Collected:
    """Raw bytes by relative path, and problems: files that weren't used, or were used under another name."""

    files: Mapping[str, bytes]
    problems: tuple[Problem, ...] = ()


class Full(Exception):
    """A limit for the whole hand-in has been reached, so nothing more is read."""


class Locked(Exception):
    """An archive has a password."""


@dataclass
class Collecting:
    """A hand-in while it is being collected."""

    files: dict[str, bytes] = field(default_factory=dict)
    problems: list[Problem] = field(default_factory=list)
    total: int = 0
    sources: int = 0
    entries: int = 0
    archives: int = 0
    others: list[str] = field(default_factory=list)
    installed: set[str] = field(default_factory=set)
    as_text: dict[str, bytes] = field(default_factory=dict)
    containers: dict[str, str] = field(default_factory=dict)
    """For each path in `files`, the archive it came from; empty for a file outside any archive."""

    def looked_at(self) -> None:
        """Count a name that was examined.

        Raises:
            Full: there are too many.
        """
        self.entries += 1
        if self.entries > MAX_ENTRIES:
            raise Full(f"more than {MAX_ENTRIES} files")

    def spend(self, size: int) -> None:
        """Count bytes that were read.

        Raises:
            Full: there are too many.
        """
        self.total += size
        if self.total > MAX_TOTAL_BYTES:
            raise Full(f"more than {MAX_TOTAL_BYTES >> 20} MB in all")

    def opens(self) -> bool:
        """Count an archive; returns whether it may still be opened."""
        self.archives += 1
        return self.archives <= MAX_ARCHIVES

    def wants(self, name: str) -> bool:
        """Whether a file should be read; if not, the reason is noted."""
        kind = kind_of(name)
        if kind in (Kind.CODE, Kind.ARCHIVE, Kind.AS_TEXT):
            return True
        if kind is Kind.DOCUMENT:
            self.refuse(name, "is a document and was not read: only .py files and notebooks are graded")
        elif kind is Kind.STARTS_BY_ITSELF:
            self.refuse(name, "is left out: Python or pytest would run it automatically, and it has no task")
        elif kind is Kind.INSTALLED:
            self._note_installed(name)
        elif kind is Kind.OTHER:
            self.others.append(name)
        return False

    def most(self, name: str) -> int:
        """The largest size in bytes that a file of this name may have."""
        kind = kind_of(name)
        if kind is Kind.ARCHIVE or code_name(name).lower().endswith(".ipynb"):
            return MAX_NOTEBOOK_BYTES
        return MAX_FILE_BYTES

    def too_large(self, name: str, size: int | None) -> None:
        """Note that a file is too large."""
        most = round(self.most(name) / 1e6)
        is_so = "is too large" if size is None else f"is {size / 1e6:.1f} MB"
        self.refuse(name, f"{is_so}; the limit is {most} MB. Is it a data file?")

    def add(self, name: str, data: bytes, container: str = "") -> None:
        """Add a file.

        Raises:
            Full: there are too many files or too many bytes.
        """
        name = writable(name)
        if kind_of(name) is Kind.AS_TEXT:
            self.as_text.setdefault(name, data)
            return
        if name in self.files:
            if self.files[name] == data:
                return
            if self.containers[name] != container:
                first = f" from {self.containers[name]}" if self.containers[name] else ""
                self.refuse(f"{container}/{name}".lstrip("/"), f"is left out: {name}{first} was read")
                return
            self.refuse(name, "appears twice; the second one was read")  # as unpacking would leave it
        if len(self.files) >= MAX_FILES:
            raise Full(f"more than {MAX_FILES} files")
        if not name.lower().endswith(".ipynb"):
            self.sources += len(data)
            if self.sources > MAX_SOURCE_BYTES:
                raise Full(f"more than {MAX_SOURCE_BYTES >> 20} MB of Python files in all")
        self.files[name] = data
        self.containers[name] = container

    def refuse(self, name: str, reason: str) -> None:
        """Note that a file isn't used, and why."""
        self.note(Problem(writable(name), None, reason))

    def note(self, problem: Problem) -> None:
        """Note a problem; after the first fifty, note only that there are more."""
        if len(self.problems) < MAX_PROBLEMS:
            self.problems.append(problem)
        elif len(self.problems) == MAX_PROBLEMS:
            self.problems.append(Problem(problem.file, None, "wasn't used either, and there are more"))

    def full(self, name: str, why: Full) -> None:
        """Record the file at which reading stopped."""
        self.refuse(name, f"is where reading stopped: {why}")

    def result(self) -> Collected:
        """The collected files; code that was saved as text is added first, unless the real file is there."""
        for name, data in self.as_text.items():
            meant = code_name(name)
            if meant in self.files:
                self.refuse(name, f"is left out: {meant} was read")
                continue
            try:
                self.add(meant, data)
            except Full as why:
                self.full(name, why)
            else:
                self.refuse(name, f"looks like {meant} saved under another name; it was read as {meant}")
        if self.others:
            first, *rest = map(writable, self.others)
            more = f"; the same goes for {_listed(rest)}" if rest else ""
            self.refuse(first, f"is not code and was not read{more}")
        return Collected(dict(self.files), tuple(self.problems))

    def _note_installed(self, name: str) -> None:
        folder = next(part for part in name.split("/") if kind_of(f"{part}/x.py") is Kind.INSTALLED)
        if folder not in self.installed:
            self.installed.add(folder)
            self.refuse(f"{folder}/", "is left out: installed libraries are not part of a hand-in")

    def take(self, found: Mapping[str, Any], container: str) -> None:
        """Add what `archives.unpack` found in another process.

        Raises:
            Full: a limit was reached.
        """
        for problem in found["problems"]:
            self.refuse(*problem)
        self.others += found["others"]
        for folder in found["installed"]:
            self._note_installed(f"{folder}/x.py")
        self.total, self.entries = found["total"], found["entries"]
        for name, data, inside in found["files"]:
            self.add(name, data, inside or container)


def _listed(names: list[str]) -> str:
    if len(names) <= _NAMED:
        return ", ".join(names)
    return f"{', '.join(names[:_NAMED])} and {len(names) - _NAMED} other files"


def writable(text: str) -> str:
    """The text without what UTF-8 can't encode: lone surrogates, as in invalid file names."""
    return text.encode(errors="replace").decode()
