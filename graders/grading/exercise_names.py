"""Which exercise a file's name means."""

from __future__ import annotations

import re
from pathlib import PurePosixPath

from solutions import EXERCISES


def exercise_named(path: str) -> str | None:
    """The exercise that a file name means, LMS additions before and after it left out."""
    found = name_parts(path)
    return None if found is None else found[1]


def name_parts(path: str) -> tuple[str, str, str] | None:
    """What stands before an exercise's name in a file's name, the exercise, and what stands after it."""
    name = PurePosixPath(path)
    if name.suffix.lower() not in (".py", ".ipynb") or name.stem.lower().startswith("test_"):
        return None
    for exercise in EXERCISES:
        found = re.search(rf"(?:^|(?<=[^a-z])){re.escape(exercise)}(?=$|[^a-z0-9])", name.stem, re.IGNORECASE)
        if found:
            return name.stem[: found.start()], exercise, name.stem[found.end() :]
    return None
