"""What was handed in: folders, archives, notebooks and single files become source text by module.

Files are only read, with caps on size and number; links are not followed and nothing is unpacked to disk.
Whatever cannot be read becomes a `Problem` that names the file and the reason, and the rest goes on.
"""

from __future__ import annotations

import ast
import io
import json
import re
import stat
import tokenize
import zipfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath

from ..curriculum import Exercise, exercises
from .screen import Problem

MAX_FILE_BYTES = 1 << 20
MAX_TOTAL_BYTES = 8 << 20
MAX_FILES = 200
MAX_PROBLEMS = 50
MAX_NAME_BYTES = 150
_SKIPPED_FOLDERS = {"__pycache__", "__MACOSX", "checks", "venv", "site-packages", "node_modules"}
_SKIPPED_FILES = {"conftest.py", "sitecustomize.py", "usercustomize.py", "setup.py", "__main__.py"}
_MAGIC = re.compile(r"^\s*(%|!|\?)|^\s*[\w.]+\?{1,2}\s*$")


@dataclass(frozen=True)
class HandIn:
    """One student's submission.

    Attributes:
        student: name of the student, safe as a file name.
        files: Python source by relative path; a notebook's code cells stand under its name with `.py`.
        modules: for each exercise that was handed in, the module it lies in.
        problems: what could not be read, or was read otherwise than written.
    """

    student: str
    files: Mapping[str, str]
    modules: Mapping[str, str]
    problems: tuple[Problem, ...] = ()


@dataclass
class _Reading:
    files: dict[str, str] = field(default_factory=dict)
    problems: list[Problem] = field(default_factory=list)
    total: int = 0
    full: bool = False
    notebooks: dict[str, str] = field(default_factory=dict)
    """By path in `files`, the notebook that it was read from."""

    def add(self, name: str, raw: bytes) -> None:
        self.total += len(raw)
        name = _writable(name)
        try:
            text = _decode(name, raw)
        except _Unreadable as problem:
            self.note(problem.args[0])
            return
        stem, _, suffix = name.rpartition(".")
        path, notebook = f"{stem}.py", suffix.lower() == "ipynb"
        left_out = f"is left out: {path} was handed in as a module as well"
        if path in self.files and notebook and path not in self.notebooks:
            self.refuse(name, left_out)
            return
        if path in self.notebooks and not notebook:
            self.refuse(self.notebooks.pop(path), left_out)
        elif path in self.files:
            self.refuse(name, "is there twice; the second one was read")
        if notebook:
            self.notebooks[path] = name
        self.files[path] = text

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


class _Unreadable(Exception):
    """Carries the `Problem`."""


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
    files, shadowed = _from_their_root(reading.files)
    files, modules, renamed = _by_exercise(files)
    return HandIn(student_name(path), files, modules, (*reading.problems, *shadowed, *renamed))


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


def _decode(name: str, raw: bytes) -> str:
    if name.lower().endswith(".ipynb"):
        return _notebook_source(name, raw)
    try:
        encoding, _ = tokenize.detect_encoding(io.BytesIO(raw).readline)
        return raw.decode(encoding)
    except (SyntaxError, LookupError, ValueError) as error:  # a codec may raise any UnicodeError of its own
        try:
            raw.decode("utf-8")
        except UnicodeDecodeError as wrong:
            line = raw[: wrong.start].count(b"\n") + 1
            message = f"is not UTF-8 (byte 0x{raw[wrong.start]:02x}). Save the file with UTF-8 encoding"
            raise _Unreadable(Problem(name, line, message)) from None
        raise _Unreadable(
            Problem(name, 1, f"is not UTF-8: {error}. Save the file with UTF-8 encoding")
        ) from None


def _notebook_source(name: str, raw: bytes) -> str:
    try:
        notebook = json.loads(raw.decode("utf-8-sig"))
        cells = notebook["cells"]
        sources = [
            "".join(cell["source"]) if isinstance(cell["source"], list) else str(cell["source"])
            for cell in cells
            if cell["cell_type"] == "code"
        ]
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        message = (
            f"is no readable notebook ({type(error).__name__}: {error}). Open and save it once in Jupyter"
        )
        raise _Unreadable(Problem(name, None, message)) from None
    return _writable(
        "\n\n".join(f"# cell {n}\n{_without_magics(source)}" for n, source in enumerate(sources, 1))
    )


def _without_magics(source: str) -> str:
    """The cell with IPython's own lines as comments; a whole-cell magic takes the cell along."""
    lines = source.splitlines()
    first = next((line for line in lines if line.strip()), "")
    whole = first.startswith("%%") and not re.match(r"%%(time|timeit|capture)\b", first)
    kept: list[str] = []
    for line in lines:
        magic = whole or (_MAGIC.match(line) is not None and not _continues("\n".join(kept)))
        kept.append(f"# {line}" if magic else line)
    return "\n".join(kept)


def _continues(before: str) -> bool:
    """Whether a statement or a string goes on after these lines, so that `%` begins no magic."""
    if before.endswith("\\"):
        return True
    try:
        ast.parse(before)
    except SyntaxError as error:
        return "was never closed" in error.msg or "unterminated triple-quoted" in error.msg
    except (ValueError, RecursionError, MemoryError):
        return False
    return False


# ------------------------------------------------------------------------------------ which file is which


def _from_their_root(files: dict[str, str]) -> tuple[dict[str, str], list[Problem]]:
    """Paths from the folder that holds the exercises, however deep it lies."""
    names = {exercise.name for exercise in exercises()}
    homes: dict[str, int] = {}
    for path in files:
        folder, _, file = path.rpartition("/")
        if file.removesuffix(".py") in names:
            homes[folder] = homes.get(folder, 0) + 1
    if homes:
        home = max(homes, key=lambda folder: (homes[folder], -len(folder)))
    else:
        tops = {path.partition("/")[0] if "/" in path else "" for path in files}
        home = tops.pop() if len(tops) == 1 else ""
    prefix = f"{home}/" if home else ""
    moved = {path.removeprefix(prefix): text for path, text in files.items() if path.startswith(prefix)}
    rest = {path: text for path, text in files.items() if not path.startswith(prefix)}
    shadowed = [
        Problem(path, None, f"is left out: {prefix}{path} was read") for path in rest if path in moved
    ]
    return rest | moved, shadowed


def _by_exercise(files: dict[str, str]) -> tuple[dict[str, str], dict[str, str], list[Problem]]:
    """The module of each exercise: by name, by a name an LMS changed, by what a file defines."""
    files, modules, notes = dict(files), {}, []
    for exercise in exercises():
        file = f"{exercise.name}.py"
        if file in files:
            modules[exercise.name] = exercise.name
            continue
        renamed = [path for path in files if exercise_named(path) == exercise.name]
        if len(renamed) == 1:
            files[file] = files.pop(renamed[0])
            modules[exercise.name] = exercise.name
            notes.append(Problem(renamed[0], None, f"was read as {file}"))
            continue
        for path, source in files.items():
            if path.removesuffix(".py") not in modules and _defines(source, exercise):
                importable = path.removesuffix(".py").replace(".", "_")
                files[f"{importable}.py"] = files.pop(path)
                modules[exercise.name] = importable.replace("/", ".")
                notes.append(
                    Problem(path, None, f"was read for the exercise {exercise.name}, whose tasks it defines")
                )
                break
    return files, modules, notes


def exercise_named(path: str) -> str | None:
    """The exercise that a file name means, LMS additions before and after it left out."""
    stem = PurePosixPath(path).stem.lower()
    if PurePosixPath(path).suffix.lower() not in (".py", ".ipynb"):
        return None
    for exercise in exercises():
        if re.search(rf"(^|[^a-z]){re.escape(exercise.name)}([^a-z0-9].*)?$", stem) and not stem.startswith(
            "test_"
        ):
            return exercise.name
    return None


def _defines(source: str, exercise: Exercise) -> bool:
    try:
        tree = ast.parse(source)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return False
    defined = {n.name for n in tree.body if isinstance(n, (ast.FunctionDef, ast.ClassDef))}
    core = {task.name for task in exercise.tasks if task.kind == "core"}
    return len(defined & core) * 2 >= len(core)
