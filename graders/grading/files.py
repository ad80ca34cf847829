"""Reads the files of one hand-in into bytes by relative path; files that aren't used get a reason."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from graders.testing.remarks import Problem

from .archives import unpack
from .collected import MAX_ARCHIVES, MAX_DEPTH, Collected, Collecting, Full, writable
from .file_kinds import Kind, kind_of, stem_of
from .limits import ReadingFailed, read_under_limits
from .names import safe_name
from .patterns import people_in, refusal

_OF_MOODLE = re.compile(r"(_\d+)?_assignsubmission_\w+?_?$")


@dataclass(frozen=True)
class Item:
    """A file, an archive or a folder that belongs to a hand-in.

    Attributes:
        path: its path below the hand-in's root.
        called: the name its student gave it; empty for a folder, which stands for its files.
    """

    path: str
    called: str = ""


@dataclass(frozen=True)
class Source:
    """What one student handed in, before anything is read.

    Attributes:
        student: the student's name, safe as a file name and unique within a plan.
        root: the class folder, or the .zip that a teacher downloaded.
        items: what belongs to the student.
        ids: the student's ids on the platform and the roster, such as `{"id": "101"}`.
        late: whether it was late; None if the platform doesn't say.
        attempt: which attempt it is, if there can be several.
        notes: what belongs to the student but isn't read, with the reason.
    """

    student: str
    root: Path
    items: tuple[Item, ...]
    ids: Mapping[str, str] = field(default_factory=dict)
    late: bool | None = None
    attempt: str = ""
    notes: tuple[Problem, ...] = ()

    @property
    def paths(self) -> tuple[str, ...]:
        """The paths of its items below the root, for people."""
        return tuple(writable(item.path) for item in self.items)


def single(path: Path) -> Source:
    """A folder, archive or file as the hand-in of one student, who is named after it."""
    return Source(student_name(path), path.parent, (Item(path.name, "" if path.is_dir() else path.name),))


def student_name(path: Path) -> str:
    """A student's name from the name of a folder or file, safe as a file name."""
    name = path.name if path.is_dir() else stem_of(path.name)
    return safe_name(_OF_MOODLE.sub("", name))


def collect(source: Source) -> Collected:
    """Read the files of one hand-in. Whatever a student did becomes a problem and never raises an error."""
    into = Collecting()
    for note in source.notes:
        into.note(note)
    try:
        if source.root.is_file():
            members = [[item.path, item.called] for item in source.items]
            _read_archive(source.root, source.root.name, into, members)
        else:
            for item in source.items:
                container = item.path if len(source.items) > 1 else ""
                _read_item(source.root / item.path, item, into, container)
    except Full as why:
        into.full(source.items[-1].called or source.items[-1].path, why)
    return _of_one_person(into.result())


def _of_one_person(collected: Collected) -> Collected:
    """The collected files, unless file names in a platform's format show that they are several people's."""
    people = people_in(name.rpartition("/")[2] for name in collected.files)
    if len(people) < 2:
        return collected
    problem = Problem(next(iter(collected.files)), None, refusal(people))
    return Collected({}, (problem, *collected.problems))


def _read_item(path: Path, item: Item, into: Collecting, container: str) -> None:
    name = item.called or path.name
    if path.is_symlink():
        into.refuse(name, "is left out: it is a link")
    elif path.is_dir():
        found = list(_walk(path, into))
        # Archives last, so that files next to an archive take precedence over files of the same name in it.
        for inner, below in sorted(found, key=lambda pair: kind_of(pair[1]) is Kind.ARCHIVE):
            _read_file(inner, f"{item.called}/{below}".lstrip("/"), into, container)
    else:
        _read_file(path, name, into, "")


def _walk(folder: Path, into: Collecting, below: str = "", depth: int = 1) -> Iterator[tuple[Path, str]]:
    try:
        entries = sorted(folder.iterdir())
    except OSError as error:
        into.refuse(below or folder.name, f"cannot be read: {error.strerror or error}")
        return
    for entry in entries:
        into.looked_at()
        name = f"{below}{entry.name}"
        if kind_of(name) is Kind.JUNK:
            continue
        if entry.is_symlink():
            into.refuse(name, "is left out: it is a link")
        elif entry.is_dir():
            if kind_of(f"{name}/x.py") is Kind.JUNK:
                continue
            if kind_of(f"{name}/x.py") is Kind.INSTALLED or (entry / "pyvenv.cfg").exists():
                into.refuse(f"{name}/", "is left out: installed libraries are not part of a hand-in")
            elif depth < MAX_DEPTH:
                yield from _walk(entry, into, f"{name}/", depth + 1)
            else:
                into.refuse(f"{name}/", f"is left out: it is more than {MAX_DEPTH} folders deep")
        elif entry.is_file():
            yield entry, name
        else:
            into.refuse(name, "is left out: it isn't a regular file")


def _read_file(path: Path, name: str, into: Collecting, container: str) -> None:
    """Read one file; one that cannot be opened does not stop the others."""
    if path.exists() and not into.wants(name):
        return
    try:
        if kind_of(name) is Kind.ARCHIVE:
            with path.open("rb"):
                pass
            _read_archive(path, name, into)
            return
        size, most = path.stat().st_size, into.most(name)
        if size > most:
            into.too_large(name, size)
            return
        with path.open("rb") as file:
            data = file.read(most)
    except OSError as error:
        into.refuse(name, f"cannot be read: {error.strerror or error}")
        return
    into.spend(len(data))
    into.add(name, data, container)


def _read_archive(path: Path, name: str, into: Collecting, members: list[list[str]] | None = None) -> None:
    if not into.opens():
        into.refuse(name, f"is left out: more than {MAX_ARCHIVES} archives")
        return
    job = {"path": str(path), "name": name, "members": members, "total": into.total, "entries": into.entries}
    reader = unpack
    if name.lower().endswith(".7z"):
        with suppress(ModuleNotFoundError):  # without py7zr, `unpack` reports what is missing
            from .unpack_7z import unpack_7z as reader
    # If the whole archive takes too long, read at least what isn't in nested archives. In all at most 9 s.
    for inner, seconds in ((True, 7), (False, 2)):
        try:
            found = read_under_limits(reader, {**job, "inner": inner}, cpu_seconds=seconds)
        except ReadingFailed as failed:
            if not inner:
                into.refuse(name, str(failed))
        else:
            into.take(found, name)
            return
