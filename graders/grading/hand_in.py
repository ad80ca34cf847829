"""What was handed in: collected files become source text by module.

Whatever cannot be read becomes a `Problem` that names the file and the reason, and the rest goes on.
"""

from __future__ import annotations

import ast
import io
import json
import re
import tokenize
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath

from ..curriculum import Exercise, exercises
from .collected import writable
from .exercise_names import exercise_named
from .files import Source, collect, single
from .screen import Problem

_MAGIC = re.compile(r"^\s*(%|!|\?)|^\s*[\w.]+\?{1,2}\s*$")


@dataclass(frozen=True)
class HandIn:
    """One student's submission.

    Attributes:
        student: name of the student, safe as a file name.
        files: Python source by relative path; a notebook's code cells stand under its name with `.py`.
        modules: for each exercise that was handed in, the module it lies in.
        problems: what could not be read, or was read otherwise than written.
        paths: where it lies below the class folder.
        ids: what the platform or the roster knows the student by.
        late: whether it came late; None where nobody says.
    """

    student: str
    files: Mapping[str, str]
    modules: Mapping[str, str]
    problems: tuple[Problem, ...] = ()
    paths: tuple[str, ...] = ()
    ids: Mapping[str, str] = field(default_factory=dict)
    late: bool | None = None


class _Unreadable(Exception):
    """Carries the `Problem`."""


def read(source: Source | Path) -> HandIn:
    """Read one submission. Never raises for what a student did: it is all in `problems`."""
    if isinstance(source, Path):
        source = single(source)
    collected = collect(source)
    sources, unreadable = _as_source(collected.files)
    files, shadowed = _from_their_root(sources)
    files, modules, renamed = _by_exercise(files)
    problems = (*collected.problems, *unreadable, *shadowed, *renamed, *_second_copies(files, modules))
    return HandIn(source.student, files, modules, problems, source.paths, source.ids, source.late)


# ---------------------------------------------------------------------------------------------- reading


def _as_source(collected: Mapping[str, bytes]) -> tuple[dict[str, str], list[Problem]]:
    """Source text by path, a notebook's under its name with `.py`."""
    files: dict[str, str] = {}
    notebooks: dict[str, str] = {}
    problems: list[Problem] = []
    for name in sorted(collected, key=lambda name: name.lower().endswith(".ipynb")):  # modules come first
        stem, _, suffix = name.rpartition(".")
        path, notebook = f"{stem}.py", suffix.lower() == "ipynb"
        if notebook and path in files and path not in notebooks:
            problems.append(Problem(name, None, f"is left out: {path} was handed in as a module as well"))
            continue
        try:
            files[path] = _decode(name, collected[name])
        except _Unreadable as problem:
            problems.append(problem.args[0])
            continue
        if notebook:
            notebooks[path] = name
    return files, problems


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
    return writable(
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


def _second_copies(files: Mapping[str, str], modules: Mapping[str, str]) -> list[Problem]:
    """What is named for an exercise, was not read for it and, by its name, cannot be imported by the rest."""
    read = {module.replace(".", "/") + ".py" for module in modules.values()}
    found = []
    for path in files:
        exercise = exercise_named(path)
        if (
            path in read
            or exercise is None
            or exercise not in modules
            or PurePosixPath(path).stem.isidentifier()
        ):
            continue
        chosen = modules[exercise].replace(".", "/") + ".py"
        found.append(Problem(path, None, f"is left out: {chosen} was read for {exercise}"))
    return found


def _defines(source: str, exercise: Exercise) -> bool:
    try:
        tree = ast.parse(source)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return False
    defined = {n.name for n in tree.body if isinstance(n, (ast.FunctionDef, ast.ClassDef))}
    core = {task.name for task in exercise.tasks if task.kind == "core"}
    return len(defined & core) * 2 >= len(core)
