"""Which exercise a file's name refers to, and which folder of a hand-in has the exercises."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import PurePosixPath
from typing import TypeVar

from graders.testing.remarks import Problem
from solutions import EXERCISES

_T = TypeVar("_T")


def exercise_named(path: str) -> str | None:
    """The exercise that a file name refers to, whatever a platform has added before and after it."""
    found = name_parts(path)
    return None if found is None else found[1]


def name_parts(path: str) -> tuple[str, str, str] | None:
    """A file's name in three parts: what comes before the exercise's name, the exercise, and what follows."""
    name = PurePosixPath(path)
    if name.suffix.lower() not in (".py", ".ipynb") or name.stem.lower().startswith("test_"):
        return None
    for exercise in EXERCISES:
        found = re.search(rf"(?:^|(?<=[^a-z])){re.escape(exercise)}(?=$|[^a-z0-9])", name.stem, re.IGNORECASE)
        if found:
            return name.stem[: found.start()], exercise, name.stem[found.end() :]
    return None


def from_their_root(files: Mapping[str, _T]) -> tuple[dict[str, _T], list[Problem]]:
    """Files by their paths relative to the folder that has the exercises, however deeply it is nested."""
    homes: dict[str, int] = {}
    for path in files:
        folder, _, file = path.rpartition("/")
        if PurePosixPath(file).stem in EXERCISES:
            homes[folder] = homes.get(folder, 0) + 1
    if homes:
        home = max(homes, key=lambda folder: (homes[folder], -len(folder)))
    else:
        tops = {path.partition("/")[0] if "/" in path else "" for path in files}
        home = tops.pop() if len(tops) == 1 else ""
    prefix = f"{home}/" if home else ""
    moved = {path.removeprefix(prefix): file for path, file in files.items() if path.startswith(prefix)}
    rest = {path: file for path, file in files.items() if not path.startswith(prefix)}
    left_out = [path for path in rest if path in moved]
    return rest | moved, [Problem(path, None, f"is left out: {prefix}{path} was read") for path in left_out]
