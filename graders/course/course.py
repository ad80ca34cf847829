"""`python -m graders course DIR`: a complete nbgrader course."""

from __future__ import annotations

import shutil
from pathlib import Path

import nbformat

from graders.curriculum import checks_of, exercises
from graders.output_folder import check_new

from .notebooks import source_notebook
from .stubs import EXERCISES_FOLDER

_TEMPLATES = Path(__file__).parent / "templates" / "course"


def write_course(folder: Path, course: str = "cnn-by-hand") -> None:
    """Write a course that nbgrader's own commands accept.

    Raises:
        FileExistsError: the folder isn't empty.
    """
    check_new(folder)
    for exercise in exercises():
        write_assignment(folder / "source" / exercise.name, exercise.name)
    (folder / "nbgrader_config.py").write_text(configuration(course), encoding="utf-8")
    (folder / "README.md").write_text(instructions(), encoding="utf-8")


def write_assignment(folder: Path, exercise: str) -> None:
    """Write one assignment: the source notebook, and the checks that it runs in a student's kernel."""
    folder.mkdir(parents=True, exist_ok=True)
    nbformat.write(source_notebook(exercise), folder / f"{exercise}.ipynb")
    checks = folder / "exercises" / "checks"
    checks.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(EXERCISES_FOLDER / "__init__.py", folder / "exercises" / "__init__.py")
    common = [EXERCISES_FOLDER / "checks" / name for name in ("__init__.py", "helpers.py", "notebook.py")]
    for path in (*common, checks_of(exercise)):
        shutil.copyfile(path, checks / path.name)


def instructions() -> str:
    """The text of the course's README.md."""
    template = (_TEMPLATES / "README.md").read_text(encoding="utf-8")
    return template.replace("{first}", exercises()[0].name)


def configuration(course: str) -> str:
    """The text of `nbgrader_config.py`."""
    template = (_TEMPLATES / "nbgrader_config.txt").read_text(encoding="utf-8")
    # A student may hand in a module of any of these names, which is graded and must not be overwritten.
    exclude = {exercise.name: [f"{other.name}.py" for other in exercises()] for exercise in exercises()}
    values = {"course": course, "exclude": exclude}
    for name, value in values.items():
        template = template.replace(f"{{{name}!r}}", repr(value))
    return template
