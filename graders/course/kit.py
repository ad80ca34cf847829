"""The student kit: a folder that works on its own and has nothing of the hidden side in it."""

from __future__ import annotations

import shutil
from pathlib import Path

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
    for path in sorted((EXERCISES_FOLDER / "checks").glob("*.py")):
        shutil.copyfile(path, checks / path.name)
    for name in ("README.md", "requirements.txt"):
        shutil.copyfile(_TEMPLATES / name, folder / name)
