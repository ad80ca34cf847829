"""A class folder, or the .zip that a teacher downloaded, as a tree of files; both look the same here."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path

from .archives import member_of_zip, names_in_zip
from .file_kinds import Kind, kind_of
from .limits import ReadingFailed, read_under_limits

_MOST = 100_000
_DEPTH = 8


@dataclass(frozen=True)
class Entry:
    """A file or folder; `path` is relative to the root."""

    name: str
    path: str
    is_folder: bool
    is_link: bool = False


@dataclass(frozen=True)
class Tree:
    """A folder, or a .zip as if it were one, from the folder `top` down.

    Attributes:
        members: of a .zip, the entries by folder.
    """

    root: Path
    top: str = ""
    members: Mapping[str, Mapping[str, Entry]] | None = None

    @property
    def name(self) -> str:
        """The name of the top folder."""
        return self.top.rpartition("/")[2] or self.root.name

    @cached_property
    def entries(self) -> tuple[Entry, ...]:
        """The entries of the top folder, without hidden files and files left behind by operating systems."""
        return tuple(entry for entry in self._inside(self.top) if kind_of(entry.name) is not Kind.JUNK)

    def below(self, entry: Entry) -> Tree:
        """The tree from one of its folders down."""
        return replace(self, top=entry.path)

    def has(self, name: str) -> bool:
        """Whether the top folder has an entry of this name, hidden or not."""
        return any(entry.name == name for entry in self._inside(self.top))

    def files(self, depth: int = _DEPTH) -> Iterator[Entry]:
        """The files down to a depth, without hidden ones; links aren't followed."""
        for entry in self.entries:
            if not entry.is_folder:
                yield entry
            elif depth > 1 and not entry.is_link and kind_of(f"{entry.name}/x.py") is not Kind.INSTALLED:
                yield from self.below(entry).files(depth - 1)

    def data(self, entry: Entry, most: int) -> bytes:
        """The first bytes of a file that the platform wrote; empty if it can't be read."""
        try:
            if self.members is not None:
                return bytes(read_under_limits(member_of_zip, str(self.root), entry.path, most))
            with (self.root / entry.path).open("rb") as file:
                return file.read(most)
        except (ReadingFailed, OSError):
            return b""

    def _inside(self, folder: str) -> list[Entry]:
        if self.members is not None:
            return sorted(self.members.get(folder, {}).values(), key=lambda entry: entry.name)
        before = f"{folder}/" if folder else ""
        return sorted(
            (
                Entry(path.name, f"{before}{path.name}", path.is_dir(), path.is_symlink())
                for path in (self.root / folder).iterdir()
            ),
            key=lambda entry: entry.name,
        )


def tree_of(path: Path) -> Tree | None:
    """The tree of a folder or a .zip; None if the path is neither."""
    if path.is_dir():
        return Tree(path)
    if not path.name.lower().endswith(".zip"):
        return None
    try:
        names = read_under_limits(names_in_zip, str(path))
    except ReadingFailed:
        return None
    return None if names is None else Tree(path, members=_members(names[:_MOST]))


def _members(names: list[str]) -> dict[str, dict[str, Entry]]:
    """The entries of a .zip by folder, including folders that have no member of their own."""
    found: dict[str, dict[str, Entry]] = {}
    for name in names:
        parts = [part for part in name.split("/") if part]
        if ".." in parts or name.startswith("/"):
            continue
        for depth, part in enumerate(parts[:_DEPTH], 1):
            folder, path = "/".join(parts[: depth - 1]), "/".join(parts[:depth])
            is_folder = depth < len(parts) or name.endswith("/")
            if is_folder or part not in found.get(folder, {}):
                found.setdefault(folder, {})[part] = Entry(part, path, is_folder)
    return found
