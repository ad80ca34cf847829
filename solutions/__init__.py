"""The reference solutions: the single source of stubs, notebooks, points and hints.

An exercise is found by its file, `solutions/<name>.py`, whose first line says its place among the others:

    # %% [markdown] order=3

The environment variable `CNN_EXERCISES` names further folders with exercises of their own. Each of them is
laid out like this project: `solutions/`, `graders/tasks/<name>/`, `exercises/checks/`.
"""

import os
import re
from pathlib import Path

HOMES = (
    Path(__file__).parent.parent,
    *(Path(home).absolute() for home in os.environ.get("CNN_EXERCISES", "").split(os.pathsep) if home),
)
"""The folders that hold exercises, this project first."""
__path__ += [str(home / "solutions") for home in HOMES[1:]]


def _order(path: Path) -> tuple[float, str]:
    """Where an exercise stands among the others; one that doesn't say it comes after those that do."""
    with path.open(encoding="utf-8", errors="replace") as file:
        found = re.search(r"\border *= *(\d+(?:\.\d+)?)", file.readline())
    return (float(found[1]) if found else float("inf"), path.stem)


def _files() -> dict[str, Path]:
    """The file of each exercise by its name; of two with one name, that of the first folder."""
    found = {
        path.stem: path
        for home in reversed(HOMES)
        for path in (home / "solutions").glob("*.py")
        if not path.stem.startswith("_")
    }
    return dict(sorted(found.items(), key=lambda item: _order(item[1])))


FILES = _files()
EXERCISES = tuple(FILES)
