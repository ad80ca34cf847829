"""Reads archives in place and under limits; nothing is unpacked to disk, and no link is followed.

`unpack` runs in a separate process (`limits.read_under_limits`) and takes and returns plain data. The kind of
an archive is decided by the file's first bytes, not by its name.
"""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import stat
import tarfile
import zipfile
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path, PurePosixPath
from typing import IO, Any

from .collected import MAX_DEPTH, MAX_NESTING, MAX_STREAM_BYTES, Collecting, Full, Locked
from .file_kinds import Kind, kind_of

_CHUNK = 1 << 16
_RAR = (
    "is a RAR archive, which can't be read here. Hand in a .zip, or unpack it into a folder of this name "
    "before grading"
)
_LOCKED = "is encrypted; hand in an archive without a password"
_OUTSIDE = "is left out: its path leads outside the archive"
_LINK = "is left out: it is a link"


def unpack(job: Mapping[str, Any]) -> dict[str, Any]:
    """The files we want from one archive, and the problems with the others.

    Args:
        job: `name`, for people; `path`; `total` and `entries`, the counts so far; for an archive that holds
            many hand-ins, `members`: pairs of a path (of a file or folder) and the name its student gave it
            (empty for a folder); `inner`, whether nested archives are read too.

    Returns:
        `files` as triples of name, bytes and the inner archive they came from; `problems` as pairs of name
        and reason; `others`, `installed`, `total` and `entries` as in `Collecting`.
    """
    into = Collecting(total=job["total"], entries=job["entries"])
    with Path(job["path"]).open("rb") as file:
        Unpacking(into, job.get("members"), job.get("inner", True)).read(file, job["name"])
    files = [[name, data, into.containers[name]] for name, data in into.files.items()]
    files += [[name, data, ""] for name, data in into.as_text.items()]
    return {
        "files": files,
        "problems": [[problem.file, problem.message] for problem in into.problems],
        "others": into.others,
        "installed": sorted(into.installed),
        "total": into.total,
        "entries": into.entries,
    }


def names_in_zip(path: str) -> list[str] | None:
    """The names of a .zip's members (a folder's ends with a slash), or None if the .zip can't be read."""
    try:
        with zipfile.ZipFile(path) as archive:
            return [entry.filename.replace("\\", "/") for entry in archive.infolist()]
    except (zipfile.BadZipFile, OSError, ValueError, NotImplementedError, EOFError):
        return None


def member_of_zip(path: str, name: str, most: int) -> bytes:
    """The first bytes of one member."""
    with zipfile.ZipFile(path) as archive:
        entry = next(entry for entry in archive.infolist() if entry.filename.replace("\\", "/") == name)
        with archive.open(entry) as file:
            return file.read(most)


class Unpacking:
    """Reads one archive and the archives in it."""

    def __init__(self, into: Collecting, members: list[list[str]] | None = None, inner: bool = True) -> None:
        self._into = into
        self._members = members
        self._inner = inner
        self._outer = ""  # the nested archive that is being read
        self._nesting = 0
        self._waiting: list[tuple[str, bytes]] = []

    def read(self, file: IO[bytes], name: str) -> None:
        """Read an archive and those in it. A problem with one is noted and doesn't affect the others."""
        reader, kind = _reader(file, name)
        try:
            if reader is None:
                self._into.refuse(self._outer or name, kind)
            else:
                reader(self, file, name)
                self._read_inner()
        except Full as why:
            self._into.full(self._outer or name, why)
        except MemoryError:
            raise
        except Locked:
            self._into.refuse(self._outer or name, _LOCKED)
        except Exception as error:  # zlib, lzma, bz2, tarfile and py7zr each have their own
            self._into.refuse(self._outer or name, f"can't be read as a {kind} archive: {_said(error)}")

    def read_zip(self, file: IO[bytes], name: str) -> None:
        with zipfile.ZipFile(file) as archive:
            for entry in archive.infolist():
                self._into.looked_at()
                path = self._wanted(entry.filename, entry.is_dir())
                if path is None:
                    continue
                if stat.S_ISLNK(entry.external_attr >> 16):
                    self._into.refuse(self._inside(path), _LINK)
                elif entry.flag_bits & 0x1:
                    self._into.refuse(self._inside(path), _LOCKED)
                elif entry.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
                    why = "is compressed in a way that can't be read here; make an ordinary .zip"
                    self._into.refuse(self._inside(path), why)
                else:
                    self._member(path, entry.file_size, partial(archive.open, entry))

    def read_tar(self, file: IO[bytes], name: str) -> None:
        stream: Any = _Counted(_decompressed(file))
        with tarfile.open(fileobj=stream, mode="r|") as archive:
            for entry in archive:
                self._into.looked_at()
                path = self._wanted(entry.name, entry.isdir())
                if path is None:
                    continue
                if entry.issym() or entry.islnk():
                    self._into.refuse(self._inside(path), _LINK)
                elif entry.isfile():
                    self._member(path, entry.size, partial(archive.extractfile, entry))
                else:
                    self._into.refuse(self._inside(path), "is left out: it isn't a regular file")

    def read_gz(self, file: IO[bytes], name: str) -> None:
        self._member(name[: -len(".gz")], 0, partial(_decompressed, file))

    def read_7z(self, file: IO[bytes], name: str) -> None:
        try:
            from .seven_zip import members  # here, because it takes longer to load than everything else
        except ModuleNotFoundError:
            self._into.refuse(self._outer or name, "is a 7z archive; install py7zr to read it here")
            return

        for path, data in members(file, self._into, self._wanted, self._inside):
            self._keep(path, data)

    def _wanted(self, written: str, is_folder: bool) -> str | None:
        """The path of a member to read, or None; why it isn't read is noted."""
        path = written.replace("\\", "/")
        parts = PurePosixPath(path).parts
        if self._members is not None and self._nesting == 0:
            called = _called(path, self._members)
            if called is None:
                return None
            path, parts = called, PurePosixPath(called).parts
        if is_folder or not parts:
            return None
        if ".." in parts or path.startswith("/") or ":" in parts[0]:
            self._into.refuse(path, _OUTSIDE)
            return None
        path = "/".join(parts)
        if len(parts) > MAX_DEPTH and kind_of(path) is not Kind.JUNK:
            self._into.refuse(path, f"is left out: it is more than {MAX_DEPTH} folders deep")
            return None
        if not self._into.wants(self._inside(path)):
            return None
        return path

    def _member(self, path: str, size: int, opened: Callable[[], IO[bytes] | None]) -> None:
        """Read one member and count its bytes; a problem with it affects no other member."""
        label, most = self._inside(path), self._into.most(path)
        if size > most:
            self._into.too_large(label, size)
            return
        parts, read = [], 0
        try:
            file = opened()
            while file is not None and read <= most and (part := file.read(_CHUNK)):
                read += len(part)
                self._into.spend(len(part))
                parts.append(part)
        except (Full, MemoryError):
            raise
        except Exception as error:
            self._into.refuse(label, f"is damaged: {_said(error)}")
            return
        if read > most:
            self._into.too_large(label, None)
            return
        self._keep(path, b"".join(parts))

    def _keep(self, path: str, data: bytes) -> None:
        if kind_of(path) is not Kind.ARCHIVE:
            self._into.add(path, data, self._outer)
            return
        if not self._inner:
            self._into.refuse(self._inside(path), "is left out: reading it takes too much time or memory")
        elif self._nesting == MAX_NESTING:
            self._into.refuse(
                self._inside(path), f"is left out: archives are nested more than {MAX_NESTING} deep"
            )
        else:
            self._waiting.append((path, data))

    def _read_inner(self) -> None:
        """Read the nested archives; where names clash, the outer archive's own files take precedence."""
        waiting, self._waiting = self._waiting, []
        outer = self._outer
        self._nesting += 1
        for path, data in waiting:
            self._outer = f"{outer}/{path}" if outer else path
            self.read(io.BytesIO(data), path)
        self._nesting -= 1
        self._outer = outer

    def _inside(self, path: str) -> str:
        """A member's name for people, which includes the nested archive that it is in."""
        return f"{self._outer}/{path}" if self._outer else path


def _reader(file: IO[bytes], name: str) -> tuple[Callable[[Unpacking, IO[bytes], str], None] | None, str]:
    """The method that reads an archive, and the archive's kind; or None, and why it can't be read."""
    start = file.read(512)
    file.seek(0)
    lower = name.lower()
    if start.startswith(b"Rar!"):
        return None, _RAR
    if start.startswith(b"7z\xbc\xaf\x27\x1c"):
        return Unpacking.read_7z, ".7z"
    if start.startswith((b"\x1f\x8b", b"BZh", b"\xfd7zXZ")):
        packed = lower.endswith((".py.gz", ".ipynb.gz"))
        return (Unpacking.read_gz, ".gz") if packed else (Unpacking.read_tar, ".tar")
    if start[257:262] == b"ustar" or (lower.endswith(".tar") and start):
        return Unpacking.read_tar, ".tar"
    if lower.endswith(".zip") or start.startswith(b"PK"):
        return Unpacking.read_zip, ".zip"
    if lower.endswith(".rar"):
        return None, "isn't a RAR archive, despite its name, and RAR can't be read here. Hand in a .zip"
    return None, f"isn't an archive, despite its name{': it is empty' if not start else ''}"


def _called(path: str, members: list[list[str]]) -> str | None:
    """The name a student gave a member of an archive of many hand-ins, or None if it isn't theirs."""
    for member, called in members:
        if path == member:
            return called or PurePosixPath(path).name
        if path.startswith(f"{member}/"):
            return f"{called}/{path[len(member) + 1 :]}".lstrip("/")
    return None


def _decompressed(file: IO[bytes]) -> IO[bytes]:
    start = file.read(6)
    file.seek(0)
    if start.startswith(b"\x1f\x8b"):
        return gzip.GzipFile(fileobj=file)  # type: ignore[return-value]
    if start.startswith(b"BZh"):
        return bz2.BZ2File(file)
    if start.startswith(b"\xfd7zXZ"):
        return lzma.LZMAFile(file)
    return file


def _said(error: Exception) -> str:
    """An error in a few words that don't mention this machine's modules and paths."""
    text = str(error).splitlines()[0][:100] if str(error) else ""
    return text if text and isinstance(error, (zipfile.BadZipFile, EOFError)) else type(error).__name__


class _Counted:
    """A stream that fails after `MAX_STREAM_BYTES`, because skipping a member of a .tar reads it too."""

    def __init__(self, file: IO[bytes]) -> None:
        self._file = file
        self._left = MAX_STREAM_BYTES

    def read(self, size: int) -> bytes:
        data = self._file.read(size)
        self._left -= len(data)
        if self._left < 0:
            raise Full(f"more than {MAX_STREAM_BYTES >> 20} MB when unpacked")
        return data
