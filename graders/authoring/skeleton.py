"""The files of a new exercise: they pass their own check as they are, and are changed step by step."""

from __future__ import annotations

from pathlib import Path

from graders.curriculum.schema import wrong_name
from solutions import EXERCISES, HOMES

_TEMPLATES = Path(__file__).parent / "templates"
FILES = {
    "solution.txt": "solutions/{name}.py",
    "properties.txt": "graders/tasks/{name}/properties.py",
    "checks.txt": "exercises/checks/test_{name}.py",
}
"""Where each template is written."""


def write_skeleton(name: str) -> list[Path]:
    """Write the files of a new exercise; returns their paths.

    They go into the last folder that `CNN_EXERCISES` names, else into this project. Nothing is overwritten.

    Raises:
        ValueError: the name can't be used.
        FileExistsError: a file is there already, or the exercise is.
    """
    says = wrong_name(name)
    if says:
        raise ValueError(says)
    if name in EXERCISES:
        raise FileExistsError(f"there is an exercise {name} already; name another one")
    paths = {template: HOMES[-1] / path.format(name=name) for template, path in FILES.items()}
    for path in paths.values():
        if path.exists():
            raise FileExistsError(f"{path} is there already, and nothing is overwritten")
    title = name.replace("_", " ").capitalize()
    values = {"name": name, "title": title, "order": str(len(EXERCISES) + 1)}
    for template, path in paths.items():
        text = (_TEMPLATES / template).read_text(encoding="utf-8")
        for key, value in values.items():
            text = text.replace(f"{{{key}}}", value)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    return list(paths.values())
