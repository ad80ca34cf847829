"""Reads 7-Zip archives into memory with py7zr, under the same limits as all other archives."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator, Mapping
from typing import IO

import py7zr

from .collected import Collecting, Full, Locked


def members(
    file: IO[bytes],
    into: Collecting,
    wanted: Callable[[str, bool], str | None],
    inside: Callable[[str], str],
) -> Iterator[tuple[str, bytes]]:
    """Path and bytes of the members to read, until a limit is reached.

    Args:
        wanted: the path of a member, given its name and whether it is a folder; None if it isn't to be read.
        inside: a member's name for people.

    Raises:
        Locked: the archive has a password.
        Full: a limit for the whole hand-in was reached; complete members have been returned before.
    """
    with py7zr.SevenZipFile(file) as archive:  # type: ignore[arg-type]
        if archive.needs_password():
            raise Locked
        paths: dict[str, str] = {}
        for entry in archive.list():
            into.looked_at()
            path = wanted(entry.filename, entry.is_directory)
            if path is None:
                continue
            if entry.is_symlink:
                into.refuse(inside(path), "is left out: it is a link")
            elif entry.uncompressed > into.most(path):
                into.too_large(inside(path), entry.uncompressed)
            else:
                paths[entry.filename] = path
        writers = _Writers(into, paths)
        stopped: Full | None = None
        try:
            if paths:
                archive.extract(targets=list(paths), factory=writers)  # type: ignore[arg-type]
        except Full as why:
            stopped = why
    yield from ((path, writer.data()) for path, writer in writers.made if writer.complete)
    if stopped:
        raise stopped


class _Writer:
    """The buffer that py7zr writes one member to; it stops at the size limit."""

    def __init__(self, into: Collecting, most: int) -> None:
        self._into, self._most = into, most
        self._buffer = io.BytesIO()
        self.complete = False

    def write(self, data: bytes) -> int:
        self._into.spend(len(data))
        if self._buffer.tell() + len(data) > self._most:
            raise Full(f"a member of more than {self._most >> 20} MB")
        return self._buffer.write(data)

    def read(self, size: int | None = None) -> bytes:
        return self._buffer.read(size)

    def seek(self, offset: int, whence: int = 0) -> int:
        return self._buffer.seek(offset, whence)

    def flush(self) -> None:
        pass

    def close(self) -> None:
        self.complete = True

    def size(self) -> int:
        return self._buffer.getbuffer().nbytes

    def data(self) -> bytes:
        return self._buffer.getvalue()


class _Writers:
    """Creates a writer for each member to read, in the order of the archive."""

    def __init__(self, into: Collecting, paths: Mapping[str, str]) -> None:
        self._into = into
        self._left = list(paths.values())
        self.made: list[tuple[str, _Writer]] = []

    def create(self, filename: str) -> _Writer:
        path = self._left.pop(0)
        self.made.append((path, _Writer(self._into, self._into.most(path))))
        return self.made[-1][1]
