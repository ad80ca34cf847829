"""The walls between rooms: who may import whom, and what never reaches a student."""

from __future__ import annotations

import ast
import os
import re
import subprocess
import sys
from dataclasses import dataclass
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

from graders.course.kit import WRITTEN_BY_HAND
from graders.curriculum import cells, exercises
from tests.imports import ROOT, Import, dotted, imports, room

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


@dataclass(frozen=True)
class Wall:
    """What the modules of a room may import of this project, and the sentence for whoever breaks that."""

    sentence: str
    room: str
    may_import: tuple[str, ...]

    def broken_by(self) -> list[Import]:
        """The imports that run through the wall."""
        inside = [found for found in imports(self.room.split(".")[0]) if _within(found.importer, self.room)]
        allowed = (self.room, *self.may_import)
        return [found for found in inside if not any(_within(found.imported, each) for each in allowed)]


def _within(module: str, package: str) -> bool:
    return module == package or module.startswith(f"{package}.")


_SMALL = ("graders.printable", "graders.output_folder", "graders.testing.remarks")
_ENGINE = (*_SMALL, "graders.sandbox", "graders.testing", "graders.curriculum")
# What the subject may know of the sandbox: errors and values by name, no process and no frame.
_VALUES = ("graders.sandbox.errors", "graders.sandbox.inside.wire")
_EXERCISES = tuple(exercise.name for exercise in exercises())
# What several exercises share lies beside their folders.
_SHARED = tuple(
    dotted(path) for path in sorted((ROOT / "graders" / "tasks").glob("*.py")) if path.stem != "__init__"
)
WALLS = (
    Wall("exercises import neither solutions nor graders.", "exercises", ()),
    Wall("solutions import nothing of the other rooms.", "solutions", ()),
    Wall(
        "What runs beside a student's code imports nothing of the grader.",
        "graders.sandbox.inside",
        (),
    ),
    Wall("The sandbox doesn't know what is taught.", "graders.sandbox", ("graders.printable",)),
    Wall(
        "What properties are written with knows no exercise and no report.",
        "graders.testing",
        (*_SMALL, "graders.sandbox", "solutions"),
    ),
    Wall(
        "Naming a mistake needs the sandbox and what properties are written with, and nothing above them.",
        "graders.diagnosis",
        _ENGINE,
    ),
    *(
        Wall(
            "An exercise's folder knows no other exercise, no process, no report and no grading.",
            f"graders.tasks.{name}",
            ("graders.testing", "graders.diagnosis", f"solutions.{name}", "solutions", *_VALUES, *_SHARED),
        )
        for name in _EXERCISES
    ),
    Wall(
        "Grading finds the exercises by listing and knows none of them; it draws nothing.",
        "graders.grading",
        (*_ENGINE, "graders.diagnosis", "graders.report", "solutions"),
    ),
    Wall(
        "Everything that people read is drawn from Report alone.",
        "graders.reports",
        (*_SMALL, "graders.report", "graders.curriculum", "graders.testing.messages"),
    ),
    Wall(
        "A course knows no exercise's hidden side.",
        "graders.course",
        (*_ENGINE, "graders.grading", "graders.report", "graders.reports", "solutions", "exercises"),
    ),
)


@pytest.mark.parametrize("wall", WALLS, ids=lambda wall: wall.room)
def test_no_import_runs_through_a_wall(wall: Wall) -> None:
    broken = wall.broken_by()
    assert not broken, f"{wall.sentence} But: {'; '.join(map(str, broken))}."


def test_a_wall_that_is_broken_is_named() -> None:
    wall = Wall("Grading knows no report.", "graders.grading", (*_ENGINE, "graders.diagnosis", "solutions"))
    assert {found.imported for found in wall.broken_by()} == {"graders.report"}


def test_the_hidden_side_has_no_more_rooms_than_a_newcomer_can_remember() -> None:
    found = {room(dotted(path)) for path in (ROOT / "graders").rglob("*.py")} - {"graders"}
    rooms = {name for name in found if not name.startswith("graders.tasks.")} | {"graders.tasks"}
    assert len(rooms) <= 14, sorted(rooms)


@pytest.mark.parametrize("package", ["exercises", "graders", "solutions", "benchmarks"])
def test_no_imports_run_in_a_circle(package: str) -> None:
    graph: dict[str, set[str]] = {}
    for found in imports(package):
        if found.importer != found.imported:
            graph.setdefault(found.importer, set()).add(found.imported)
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as error:
        pytest.fail(f"These modules import one another in a circle: {' -> '.join(error.args[1])}")


def test_rooms_import_one_another_in_one_direction_only() -> None:
    graph: dict[str, set[str]] = {}
    for found in imports("graders"):
        if room(found.importer) != room(found.imported) and found.importer != "graders.tasks.conftest":
            graph.setdefault(room(found.importer), set()).add(room(found.imported))
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as error:
        pytest.fail(f"An import runs back up: {' -> '.join(error.args[1])}")


@pytest.mark.parametrize("path", files_of("exercises/checks"), ids=lambda path: path.name)
def test_visible_checks_import_only_exercises_and_what_a_student_installs(path: Path) -> None:
    allowed = {"exercises", "torch", "torchvision", "numpy", "pytest"} | set(sys.stdlib_module_names)
    assert imported_rooms(path) <= allowed


@pytest.mark.parametrize("path", files_of("graders/sandbox/inside"), ids=lambda path: path.name)
def test_what_runs_beside_student_code_needs_no_library_of_the_grader(path: Path) -> None:
    assert not imported_rooms(path) & {"hypothesis", "pytest"}


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
