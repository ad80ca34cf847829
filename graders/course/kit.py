"""The student kit: a folder that works on its own and has nothing of the hidden side in it."""

from __future__ import annotations

import shutil
import textwrap
from pathlib import Path

from graders.curriculum import checks_of, exercises
from graders.output_folder import check_new

from .stubs import EXERCISES_FOLDER, stub_files

WRITTEN_BY_HAND = ("__init__.py", "__main__.py", "data.py", "recipes.py", "training.py")
"""The modules of the kit that are not generated from `solutions/`."""
_TEMPLATES = Path(__file__).parent / "templates"


def release(folder: Path) -> None:
    """Write the kit: fresh stubs, the visible checks, hints, instructions.

    Raises:
        FileExistsError: the folder isn't empty.
    """
    check_new(folder)
    kit = folder / "exercises"
    checks = kit / "checks"
    checks.mkdir(parents=True)
    for name, text in stub_files().items():
        (kit / name).write_text(text, encoding="utf-8")
    for name in WRITTEN_BY_HAND:
        shutil.copyfile(EXERCISES_FOLDER / name, kit / name)
    shutil.copytree(EXERCISES_FOLDER / "images", kit / "images")
    common = sorted((EXERCISES_FOLDER / "checks").glob("*.py"))
    for path in (*common, *(checks_of(exercise.name) for exercise in exercises())):
        shutil.copyfile(path, checks / path.name)
    (folder / "README.md").write_text(instructions(), encoding="utf-8")
    shutil.copyfile(_TEMPLATES / "requirements.txt", folder / "requirements.txt")


def instructions() -> str:
    """The text of the kit's README.md."""
    tasks = [task for exercise in exercises() for task in exercise.tasks]
    files = ", ".join(f"`{exercise.name}.py`" for exercise in exercises())
    values = {
        "files": textwrap.fill(f"The exercises in `exercises/`: {files}.", 118, break_on_hyphens=False),
        "first": exercises()[0].name,
        "points": f"{sum(task.points for task in tasks if task.kind == 'core'):g}",
        "bonus": f"{sum(task.points for task in tasks if task.kind == 'stretch'):g}",
    }
    text = (_TEMPLATES / "README.md").read_text(encoding="utf-8")
    for name, value in values.items():
        text = text.replace(f"{{{name}}}", value)
    return text
