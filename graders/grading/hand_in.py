"""What was handed in: folders, archives, notebooks and single files become source text by module.

Files are only read, with caps on size and number; links are not followed and nothing is unpacked to disk.
Whatever cannot be read becomes a `Problem` that names the file and the reason, and the rest goes on.
"""

from __future__ import annotations

import re
import stat
import zipfile
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath

from ..remarks import Problem, Remark
from .modules import Modules, assemble, exercise_named, from_their_root, task_names
from .sources import Source, source

MAX_FILE_BYTES = 1 << 20
MAX_TOTAL_BYTES = 8 << 20
MAX_FILES = 200
MAX_PROBLEMS = 50
MAX_NAME_BYTES = 150
_SKIPPED_FOLDERS = {"__pycache__", "__MACOSX", "checks", "venv", "site-packages", "node_modules"}
_SKIPPED_FILES = {"conftest.py", "sitecustomize.py", "usercustomize.py", "setup.py", "__main__.py"}


@dataclass(frozen=True)
class HandIn:
    """One student's submission.

    Attributes:
        student: name of the student, safe as a file name.
        graded: what is graded of it.
        problems: what could not be read, or was read otherwise than written.
        remarks: what neither earns nor costs anything, and was left aside.
    """

    student: str
    graded: Modules = field(default_factory=Modules)
    problems: tuple[Problem, ...] = ()
    remarks: tuple[Remark, ...] = ()

    @property
    def files(self) -> Mapping[str, str]:
        """Python source by the path it was handed in under; a notebook's code cells in one."""
        return self.graded.files

    @property
    def modules(self) -> Mapping[str, str]:
        """For each exercise that was handed in, the module that answers it."""
        return self.graded.names


def hand_in_of(
    student: str,
    files: Mapping[str, str | bytes],
    problems: Iterable[Problem] = (),
    notebook: Source | None = None,
) -> HandIn:
    """The hand-in that some files come to, by relative path.

    Args:
        notebook: answers an exercise whatever the files say of it.
    """
    found, shadowed = from_their_root(files)
    tasks = task_names()
    raw = {path: text if isinstance(text, bytes) else text.encode() for path, text in found.items()}
    sources = [source(path, content, tasks) for path, content in raw.items()]
    if notebook is not None:
        exercise = exercise_named(notebook.path)
        sources = [notebook, *(each for each in sources if exercise_named(each.path) != exercise)]
    modules = assemble(sources)
    return HandIn(student, modules, (*problems, *shadowed, *modules.problems), modules.remarks)


@dataclass
class _Reading:
    files: dict[str, bytes] = field(default_factory=dict)
    problems: list[Problem] = field(default_factory=list)
    total: int = 0
    full: bool = False

    def add(self, name: str, raw: bytes) -> None:
        self.total += len(raw)
        name = _writable(name)
        if name in self.files:
            self.refuse(name, "is there twice; the second one was read")
        self.files[name] = raw

    def refuse(self, name: str, reason: str) -> None:
        self.note(Problem(_writable(name), None, reason))

    def note(self, problem: Problem) -> None:
        if len(self.problems) < MAX_PROBLEMS:
            self.problems.append(problem)
        elif len(self.problems) == MAX_PROBLEMS:
            self.problems.append(Problem(problem.file, None, "and further files could not be read either"))

    def room(self, name: str, size: int) -> bool:
        if size > MAX_FILE_BYTES:
            self.refuse(
                name, f"is {size / 1e6:.1f} MB; {MAX_FILE_BYTES / 1e6:.0f} MB is the most. Is it a data file?"
            )
            return False
        if self.total + size <= MAX_TOTAL_BYTES and len(self.files) < MAX_FILES:
            return True
        if not self.full:
            most = f"more than {MAX_FILES} files or {MAX_TOTAL_BYTES >> 20} MB in all"
            self.refuse(name, f"is left out, and what comes after it: {most}")
        self.full = True
        return False


def find(path: Path) -> list[Path]:
    """The submissions under `path`: itself if it is a single one, else one for each entry.

    Raises:
        FileNotFoundError: nothing is there, or nothing that could be a submission.
    """
    if not path.exists():
        raise FileNotFoundError(f"{path}: no such file or folder")
    if path.is_file():
        return [path]
    entries = sorted(entry for entry in path.iterdir() if not entry.name.startswith((".", "__")))
    files = [entry for entry in entries if entry.is_file()]
    named = [name for file in files if (name := exercise_named(file.name)) is not None]
    exactly = any(exercise_named(file.name) == file.stem for file in files)
    if exactly or (named and len(named) == len(set(named))):  # else one exercise in files of several students
        return [path]
    found = [
        entry
        for entry in entries
        if not entry.is_symlink()  # which could lead to anything of the instructor's
        and (entry.is_dir() or entry.suffix.lower() in (".zip", ".ipynb", ".py"))
    ]
    if not found:
        raise FileNotFoundError(f"{path}: holds no folder, .zip, .ipynb or .py of a student")
    return found


def read(path: Path) -> HandIn:
    """Read one submission. Never raises for what a student did: it is all in `problems`."""
    files, problems = collect(path)
    return hand_in_of(student_name(path), files, problems)


def collect(path: Path) -> tuple[dict[str, bytes], list[Problem]]:
    """The files of one submission by relative path, and what could not be read of it."""
    reading = _Reading()
    try:
        if path.is_dir():
            _read_folder(path, reading)
        elif path.suffix.lower() == ".zip":
            _read_archive(path, reading)
        else:
            _read_file(path, path.name, reading)
    except OSError as error:
        reading.refuse(path.name, f"cannot be read: {error.strerror or error}")
    return reading.files, reading.problems


def student_name(path: Path) -> str:
    """A student's name from the name of a folder or file as an LMS writes it, safe as a file name."""
    name = path.name if path.is_dir() else path.stem
    name = re.sub(r"_\d+_assignsubmission_\w+?_?$", "", name)  # Moodle: "Jane Doe_123_assignsubmission_file_"
    name = re.sub(r"[^\w.@ +-]", "_", name).encode()[:MAX_NAME_BYTES].decode(errors="ignore")
    return name.strip(" .") or "unnamed"


# ---------------------------------------------------------------------------------------------- reading


def _read_folder(folder: Path, reading: _Reading) -> None:
    for path, name in _walk(folder, folder, reading, depth=0):
        try:
            _read_file(path, name, reading)
        except OSError as error:
            reading.refuse(name, f"cannot be read: {error.strerror or error}")


def _walk(folder: Path, top: Path, reading: _Reading, depth: int) -> Iterator[tuple[Path, str]]:
    try:
        entries = sorted(folder.iterdir())
    except OSError as error:
        reading.refuse(
            folder.relative_to(top.parent).as_posix(), f"cannot be read: {error.strerror or error}"
        )
        return
    for entry in entries:
        if entry.is_symlink() or entry.name.startswith("."):
            continue
        if entry.is_dir() and depth < 6 and entry.name not in _SKIPPED_FOLDERS:
            yield from _walk(entry, top, reading, depth + 1)
        elif entry.is_file() and _wanted(entry.name):
            yield entry, entry.relative_to(top).as_posix()


def _read_file(path: Path, name: str, reading: _Reading) -> None:
    if path.suffix.lower() == ".zip":
        _read_archive(path, reading)
    elif not _wanted(name):
        reading.refuse(name, "is neither a Python module nor a notebook nor a .zip")
    elif reading.room(name, path.stat().st_size):
        with path.open("rb") as file:
            reading.add(name, file.read(MAX_FILE_BYTES))


def _read_archive(path: Path, reading: _Reading) -> None:
    try:
        with zipfile.ZipFile(path) as archive:
            for entry in archive.infolist()[: 50 * MAX_FILES]:
                _read_entry(archive, entry, reading)
    except (zipfile.BadZipFile, ValueError, NotImplementedError) as error:
        reading.refuse(path.name, f"is no readable .zip archive: {error}")


def _read_entry(archive: zipfile.ZipFile, entry: zipfile.ZipInfo, reading: _Reading) -> None:
    parts = PurePosixPath(entry.filename.replace("\\", "/")).parts
    name = "/".join(parts)
    if entry.is_dir() or not _wanted(name) or any(p in _SKIPPED_FOLDERS or p.startswith("._") for p in parts):
        return
    if ".." in parts or name.startswith("/") or ":" in name:
        reading.refuse(name, "is left out: its path leads out of the archive")
    elif stat.S_ISLNK(entry.external_attr >> 16):
        reading.refuse(name, "is left out: it is a link")
    elif entry.flag_bits & 0x1:
        reading.refuse(name, "is encrypted; hand in an archive without a password")
    elif name.lower().endswith(".zip"):
        reading.refuse(name, "is an archive inside an archive; hand in the files themselves")
    elif reading.room(name, entry.file_size):
        try:
            with archive.open(entry) as file:
                raw = file.read(MAX_FILE_BYTES + 1)
        except (
            zipfile.BadZipFile,
            OSError,
            EOFError,
            NotImplementedError,
            RuntimeError,
            ValueError,
        ) as error:
            reading.refuse(name, f"is damaged: {error}")
            return
        except Exception as error:  # zlib, lzma and bz2 each have their own
            reading.refuse(name, f"is damaged: {type(error).__name__}")
            return
        if reading.room(name, len(raw)):
            reading.add(name, raw)


def _wanted(name: str) -> bool:
    path = PurePosixPath(name)
    return path.suffix.lower() in (".py", ".ipynb", ".zip") and path.name not in _SKIPPED_FILES


def _writable(text: str) -> str:
    """The text without what UTF-8 cannot write down: halves of characters, as bad file names have them."""
    return text.encode(errors="replace").decode()
