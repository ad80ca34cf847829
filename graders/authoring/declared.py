"""What an exercise's hidden side declares, held against its tasks: groups, weights, properties, checks.

`graders/curriculum/schema.py` does the same for the file in `solutions/`. Both together are the cheap part of
`check-exercise`, and everything that uses the exercise refuses what they refuse.
"""

from __future__ import annotations

import ast
import difflib
import inspect
import traceback
from collections.abc import Collection, Iterable, Iterator, Mapping
from math import isfinite
from pathlib import Path
from types import ModuleType
from typing import Any

from graders.curriculum import Exercise, SourceError, checks_of, exercises, file_of
from graders.curriculum.schema import Complaint
from graders.testing.properties import (
    Property,
    files_of,
    groups_by_task,
    marked_in,
    package_of,
    properties_of,
)


def refuse_what_is_wrong(only: Iterable[Exercise] | None = None) -> None:
    """Make sure that what exercises declare can be used, before anything is made of it or graded with it.

    Raises:
        SourceError: it can't; the text has a line for each place.
    """
    chosen = exercises() if only is None else only
    wrong = [complaint for exercise in chosen for complaint in complaints(exercise)]
    if wrong:
        raise SourceError("\n".join(map(str, wrong)))


def complaints(exercise: Exercise) -> list[Complaint]:
    """Everything that is wrong beside the exercise's file in `solutions/`."""
    found = list(_wrong_checks(exercise))
    try:
        files_of(exercise.name)
    except Exception as error:  # the teacher's own code: whatever is wrong with it
        return [*found, _not_imported(exercise, error)]
    return [*found, *_wrong_groups(exercise), *_wrong_properties(exercise)]


def _wrong_checks(exercise: Exercise) -> Iterator[Complaint]:
    """Tasks without a visible check, and checks of no task."""
    path = checks_of(exercise.name)
    file = _shown(path, exercise)
    if not path.exists():
        yield Complaint(file, 1, "there are no visible checks; write this file with an example for each task")
        return
    try:
        tree = ast.parse(path.read_text(encoding="utf-8"))
    except SyntaxError as error:
        yield Complaint(file, error.lineno or 1, f"this isn't Python: {error.msg}")
        return
    names = [task.name for task in exercise.tasks]
    seen = set()
    for statement in tree.body:
        name = getattr(statement, "name", "")
        if isinstance(statement, ast.FunctionDef) and name.startswith("test_"):
            task, _, about = name.removeprefix("test_").partition("__")
            seen.add(task)
            if task not in names or not about:
                meant = f"test_{_closest(task, names)}__<what_it_shows>"
                yield Complaint(file, statement.lineno, f"{name} is no check of a task; write {meant}")
    for missing in [task.name for task in exercise.tasks if task.is_function and task.name not in seen]:
        says = f"task {missing!r} has no visible check; write test_{missing}__<what_it_shows>"
        yield Complaint(file, 1, says)


def _not_imported(exercise: Exercise, error: Exception) -> Complaint:
    home = _home(exercise)
    hidden = home / "graders" / "tasks" / exercise.name
    package = f"graders.tasks.{exercise.name}"
    if isinstance(error, ModuleNotFoundError) and str(error.name).startswith(package):
        says = "there are no hidden tests; write this file, or let `python -m graders new` write one"
        return Complaint(_shown(hidden / "properties.py", exercise), 1, says)
    if isinstance(error, SyntaxError) and error.filename:
        return Complaint(_shown(Path(error.filename), exercise), error.lineno or 1, f"no Python: {error.msg}")
    frames = [frame for frame in traceback.extract_tb(error.__traceback__) if str(hidden) in frame.filename]
    path, line = (Path(frames[-1].filename), frames[-1].lineno or 1) if frames else (hidden, 1)
    return Complaint(_shown(path, exercise), line, f"can't be imported: {type(error).__name__}: {error}")


def _wrong_groups(exercise: Exercise) -> Iterator[Complaint]:
    """Groups of no task, tasks without groups, weights that are no weights, points that nobody earns."""
    groups = groups_by_task(exercise.name)
    place = _Places(exercise)
    tasks = [task.name for task in exercise.tasks]
    for name in [name for name in groups if name not in tasks]:
        yield place(f"GROUPS has {name!r}, which is no task; write {_closest(name, tasks)!r}", name)
    for name in tasks:
        weights = groups.get(name)
        if not isinstance(weights, Mapping) or not weights:
            yield place(f'task {name!r} has no groups; write "{name}": {{"values": 1}} into GROUPS', name)
            continue
        held = {found.group for found in properties_of(exercise.name, name)}
        for group, weight in weights.items():
            if not isinstance(weight, (int, float)) or not (isfinite(weight) and weight > 0):
                says = f"group {group!r} of task {name!r} weighs {weight!r}; write a number above 0"
                yield place(says, name, group)
            if group not in held:
                says = f"no property of task {name!r} is in group {group!r}, so its points would be free; "
                yield place(f"{says}write {_closest(group, held)!r}, or a property for it", name, group)


def _wrong_properties(exercise: Exercise) -> Iterator[Complaint]:
    """Properties of no task or group, and tasks whose properties stand in several files."""
    groups = groups_by_task(exercise.name)
    tasks = [task.name for task in exercise.tasks]
    homes: dict[str, str] = {}
    for found in _properties(exercise):
        file, line = _place_of(found, exercise)
        weights = groups.get(found.task, {})
        if found.task not in tasks:
            says = f"there is no task {found.task!r}; write {_closest(found.task, tasks)!r}"
            yield Complaint(file, line, says)
        elif isinstance(weights, Mapping) and found.group not in weights:
            says = f"group {found.group!r} of task {found.task!r} isn't in GROUPS, so it would earn nothing; "
            yield Complaint(file, line, f"{says}write {_closest(found.group, weights)!r}")
        if homes.setdefault(found.task, found.test.__module__) != found.test.__module__:
            says = f"task {found.task!r} has properties in {homes[found.task]} as well; write all in one file"
            yield Complaint(file, line, says)


def _properties(exercise: Exercise) -> list[Property]:
    return [found for file in files_of(exercise.name) for found in marked_in(file)]


class _Places:
    """Where `GROUPS` says something, as complaints need it."""

    def __init__(self, exercise: Exercise) -> None:
        modules = (package_of(exercise.name), *files_of(exercise.name))
        found = next((module for module in modules if hasattr(module, "GROUPS")), files_of(exercise.name)[0])
        self._path = _path_of(found)
        self._file = _shown(self._path, exercise)
        tree = ast.parse(self._path.read_text(encoding="utf-8"))
        named = (one for one in tree.body if isinstance(one, ast.Assign) and _names_groups(one))
        self._value = next((one.value for one in named), None)

    def __call__(self, says: str, *keys: str) -> Complaint:
        """A complaint about an entry of `GROUPS`, with the line of the innermost key that is there."""
        node: ast.expr | None = self._value
        line = node.lineno if node else 1
        for key in keys:
            if not isinstance(node, ast.Dict):
                break
            entries = zip(node.keys, node.values, strict=True)
            at = [(k, v) for k, v in entries if isinstance(k, ast.Constant) and k.value == key]
            if not at:
                break
            line, node = at[0][0].lineno, at[0][1]
        return Complaint(self._file, line, says)


def _names_groups(statement: ast.Assign) -> bool:
    return any(isinstance(target, ast.Name) and target.id == "GROUPS" for target in statement.targets)


def _place_of(found: Property, exercise: Exercise) -> tuple[str, int]:
    test: Any = found.test
    if hasattr(test, "hypothesis"):
        test = test.hypothesis.inner_test
    code = inspect.unwrap(test).__code__
    return _shown(Path(code.co_filename), exercise), code.co_firstlineno


def _path_of(module: ModuleType) -> Path:
    if module.__file__ is None:
        raise SourceError(f"{module.__name__} is no file")
    return Path(module.__file__)


def _home(exercise: Exercise) -> Path:
    return file_of(exercise.name).parent.parent


def _shown(path: Path, exercise: Exercise) -> str:
    home = _home(exercise)
    return path.relative_to(home).as_posix() if path.is_relative_to(home) else str(path)


def _closest(name: str, known: Collection[str]) -> str:
    return next(iter(difflib.get_close_matches(name, known, n=1, cutoff=0.4)), next(iter(known), "values"))
