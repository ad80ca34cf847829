"""The walls between rooms: who may import whom, and what never reaches a student."""

from __future__ import annotations

import ast
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from graders.course.kit import WRITTEN_BY_HAND
from graders.curriculum import SOLUTIONS, cells, exercises

ROOT = SOLUTIONS.parent
HIDDEN_ROOMS = {"graders", "solutions", "tests", "benchmarks"}
_REGION = re.compile(r"### BEGIN SOLUTION\n(.*?)### END SOLUTION", re.DOTALL)
_TELLING = 16
"""Shorter lines, such as `return Y`, say nothing about where they come from."""


def imported_rooms(path: Path) -> set[str]:
    """The top-level packages that a file imports, anywhere in it."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found.update(alias.name.split(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            found.add(node.module.split(".")[0])
    return found


def telling_lines(text: str) -> set[str]:
    """The lines of code that would give an answer away: no imports, signatures, comments or short lines."""
    lines = (line.strip() for line in text.splitlines())
    return {
        line
        for line in lines
        if len(line) >= _TELLING and not line.startswith(("import ", "from ", "def ", "#", '"""'))
    }


def files_of(room: str) -> list[Path]:
    return [path for path in sorted((ROOT / room).rglob("*.py")) if "__pycache__" not in path.parts]


@pytest.mark.parametrize("path", files_of("exercises"), ids=lambda path: path.relative_to(ROOT).as_posix())
def test_exercises_import_neither_solutions_nor_graders(path: Path) -> None:
    assert not imported_rooms(path) & HIDDEN_ROOMS


@pytest.mark.parametrize("path", files_of("solutions"), ids=lambda path: path.name)
def test_solutions_import_nothing_of_the_other_rooms(path: Path) -> None:
    assert not imported_rooms(path) & {"graders", "exercises", "tests"}


@pytest.mark.parametrize("path", files_of("exercises/checks"), ids=lambda path: path.name)
def test_visible_checks_import_only_exercises_and_what_a_student_installs(path: Path) -> None:
    allowed = {"exercises", "torch", "torchvision", "numpy", "pytest"} | set(sys.stdlib_module_names)
    assert imported_rooms(path) <= allowed


@pytest.mark.parametrize("path", files_of("graders/sandbox/inside"), ids=lambda path: path.name)
def test_what_runs_beside_student_code_imports_nothing_of_the_grader(path: Path) -> None:
    assert not imported_rooms(path) & (HIDDEN_ROOMS | {"exercises", "hypothesis"})
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        assert not (isinstance(node, ast.ImportFrom) and node.level > 1), "an import leads out of the inside"


def test_the_kit_holds_what_a_student_needs_and_nothing_of_the_hidden_rooms(kit: Path) -> None:
    names = {path.relative_to(kit).as_posix() for path in kit.rglob("*") if path.is_file()}
    stubs = {f"exercises/{exercise.name}.py" for exercise in exercises()}
    checks = {f"exercises/checks/test_{exercise.name}.py" for exercise in exercises()}
    package = {f"exercises/{name}" for name in (*WRITTEN_BY_HAND, "hints.json")}
    helpers = {"exercises/checks/__init__.py", "exercises/checks/helpers.py"}
    assert names >= stubs | checks | package | helpers | {"README.md", "requirements.txt"}
    assert not HIDDEN_ROOMS & {part for name in names for part in Path(name).parts}
    code = {name for name in names if name.endswith(".py")}
    assert code <= stubs | package | {
        f"exercises/checks/{path.name}" for path in files_of("exercises/checks")
    }


@pytest.mark.parametrize("exercise", [exercise.name for exercise in exercises()])
def test_no_line_of_an_answer_reaches_the_kit(kit: Path, exercise: str) -> None:
    regions, references = [], []
    for cell in cells(exercise):
        regions += _REGION.findall(cell.source)
        if "reference" in cell.metadata.get("tags", []):
            references.append(cell.source)
    assert regions
    secret = telling_lines("\n".join([*regions, *references]))
    # What the student's own part of a file says anyway is no secret.
    stub = (kit / "exercises" / f"{exercise}.py").read_text(encoding="utf-8")
    own = "\n".join(
        _REGION.sub("", c.source) for c in cells(exercise) if "reference" not in c.metadata.get("tags", [])
    )
    assert telling_lines(stub) & (secret - telling_lines(own)) == set()
    assert not any(region.strip() in stub for region in regions)
    assert "SOLUTION" not in stub and "solutions" not in imported_rooms(kit / "exercises" / f"{exercise}.py")


def test_no_answer_reaches_the_checks_or_the_commands_of_the_kit(kit: Path) -> None:
    regions = [
        region.strip()
        for exercise in exercises()
        for cell in cells(exercise.name)
        for region in _REGION.findall(cell.source)
    ]
    for path in [kit / "exercises" / "__main__.py", *(kit / "exercises" / "checks").glob("*.py")]:
        text = path.read_text(encoding="utf-8")
        assert not [region for region in regions if len(region) > 60 and region in text], path


def test_no_line_of_the_graders_reaches_the_kit(kit: Path) -> None:
    ours = {line for path in files_of("graders") for line in telling_lines(path.read_text(encoding="utf-8"))}
    for path in kit.rglob("*.py"):
        shared = telling_lines(path.read_text(encoding="utf-8")) & ours
        assert {line for line in shared if len(line) > 40} == set(), path


def test_the_kit_runs_where_neither_solutions_nor_graders_can_be_imported(kit: Path) -> None:
    names = [f"exercises.{exercise.name}" for exercise in exercises()]
    code = (
        "import importlib, importlib.util, sys\n"
        f"for name in {names!r}: importlib.import_module(name)\n"
        "assert importlib.util.find_spec('graders') is None\n"
        "assert importlib.util.find_spec('solutions') is None\n"
        "hidden = ('graders', 'solutions', 'tests')\n"
        "print(*sorted(name for name in sys.modules if name.split('.')[0] in hidden))\n"
    )
    environment = {key: value for key, value in os.environ.items() if key != "PYTHONPATH"}
    run = subprocess.run(
        [sys.executable, "-c", code], cwd=kit, env=environment, capture_output=True, text=True, timeout=300
    )
    assert (run.returncode, run.stdout.strip()) == (0, ""), run.stderr
