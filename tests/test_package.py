"""The package: what is declared is what is imported, and an installed wheel grades from any folder."""

from __future__ import annotations

import ast
import json
import os
import re
import shutil
import subprocess
import sys
import sysconfig
import tomllib
import venv
from collections.abc import Iterator
from functools import cache
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest

from graders.curriculum import SOLUTIONS
from tests.conftest import write_submission

ROOT = SOLUTIONS.parent
PYPROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
OWN = {"exercises", "solutions", "graders", "benchmarks", "tests"}


# ---------------------------------------------------------------------------------------- what is declared


@cache
def declared(extra: str = "") -> frozenset[str]:
    """The distributions that an extra brings, by their normalised names; without an extra, the package."""
    project = PYPROJECT["project"]
    found = set() if not extra else set(declared())
    for line in project["optional-dependencies"][extra] if extra else project["dependencies"]:
        name, extras = re.fullmatch(r"([\w.-]+)(?:\[([\w,]+)\])?.*", line).groups()  # type: ignore[union-attr]
        if name == project["name"]:
            found.update(*map(declared, extras.split(",")))
        else:
            found.add(normalised(name))
    return frozenset(found)


def normalised(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def files_of(room: str) -> Iterator[Path]:
    """The modules of a room, without what students handed in."""
    handed_in = [ROOT / folder for folder in PYPROJECT["tool"]["ruff"]["extend-exclude"]]
    for path in sorted((ROOT / room).rglob("*.py")):
        if not any(path.is_relative_to(folder) for folder in handed_in):
            yield path


def imported(path: Path) -> Iterator[str]:
    """The names at the top of the modules that a file imports, or skips its tests without."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name.partition(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            yield node.module.partition(".")[0]
        elif isinstance(node, ast.Call) and ast.unparse(node.func) == "pytest.importorskip":
            yield from (each.value for each in node.args[:1] if isinstance(each, ast.Constant))


def extra_for(path: Path) -> str:
    """What has to be installed for a module to work."""
    room, *rest = path.relative_to(ROOT).parts
    if room == "graders":
        return "course" if "course" in rest or "gradebook.py" in rest else "grader"
    return {"exercises": "plot", "solutions": ""}.get(room, "dev")


@pytest.mark.parametrize("room", sorted(OWN))
def test_what_a_room_imports_is_declared_where_it_is_installed(room: str) -> None:
    distributions = packages_distributions()
    strange = [
        f"{path.relative_to(ROOT)}: {name} (extra {extra_for(path) or 'none'})"
        for path in files_of(room)
        for name in imported(path)
        if name not in OWN | sys.stdlib_module_names
        and not {normalised(each) for each in distributions.get(name, [name])} & declared(extra_for(path))
    ]
    assert not strange


def test_every_dependency_has_a_lower_bound() -> None:
    project = PYPROJECT["project"]
    lines = [
        *project["dependencies"],
        *(line for e in project["optional-dependencies"].values() for line in e),
    ]
    assert not [line for line in lines if ">=" not in line and not line.startswith(project["name"])]


# --------------------------------------------------------------------------------------- an installed wheel


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel of this source, made without the network."""
    for name in ("pip", "setuptools"):  # only looked up: to find pip as a module changes later imports
        if name not in packages_distributions():
            pytest.skip(f"{name} is not installed: pip install -e '.[dev]'")
    # A copy, because a build leaves folders behind, and takes files from those that it finds.
    source, out = tmp_path_factory.mktemp("source"), tmp_path_factory.mktemp("wheel")
    for room in ("exercises", "graders", "solutions"):
        shutil.copytree(ROOT / room, source / room, ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copyfile(ROOT / name, source / name)
    pip("wheel", "--no-deps", "--no-build-isolation", "--wheel-dir", str(out), str(source))
    return next(out.glob("*.whl"))


class Installed:
    """An environment that holds the wheel, and the libraries of this one but not its editable packages."""

    def __init__(self, home: Path, wheel: Path) -> None:
        venv.create(home, symlinks=True)
        self.python = home / "bin" / "python"
        variables = {"base": str(home), "platbase": str(home)}
        self.packages = Path(sysconfig.get_path("purelib", "venv", variables))
        pip("--python", str(self.python), "install", "--no-deps", str(wheel))
        (self.packages / "libraries.pth").write_text(sysconfig.get_path("purelib"), encoding="utf-8")

    def run(self, *command: str | Path, cwd: Path) -> subprocess.CompletedProcess[str]:
        """Run a program of this environment, else one of the other's, with no path to this checkout."""
        kept = {k: v for k, v in os.environ.items() if not k.startswith(("PYTHON", "PYTEST", "COLUMNS"))}
        path = [str(self.python.parent), str(Path(sys.executable).parent), kept["PATH"]]
        program = self.python.parent / command[0]
        return subprocess.run(
            [str(program), *map(str, command[1:])],
            cwd=cwd,
            env=kept | {"PATH": os.pathsep.join(path), "OMP_NUM_THREADS": "1"},
            capture_output=True,
            text=True,
            timeout=600,
            check=False,
        )


def pip(*arguments: str) -> None:
    """Run pip, which may ask no registry."""
    quiet = ("--disable-pip-version-check", "--quiet")
    done = subprocess.run(
        [sys.executable, "-m", "pip", *quiet, *arguments],
        env={k: v for k, v in os.environ.items() if not k.startswith("PYTHON")} | {"PIP_NO_INDEX": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory, wheel: Path) -> Installed:
    """The wheel, installed."""
    return Installed(tmp_path_factory.mktemp("installed") / "venv", wheel)


@pytest.mark.xdist_group("installed")
def test_an_installed_package_has_every_file_of_its_source(installed: Installed) -> None:
    rooms = ("exercises", "graders", "solutions")
    source = {
        path.relative_to(ROOT)
        for room in rooms
        for path in (ROOT / room).rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }
    assert not {str(path) for path in source if not (installed.packages / path).is_file()}


@pytest.mark.xdist_group("installed")
def test_the_console_script_grades_a_hand_in_from_an_empty_folder(
    installed: Installed, tmp_path: Path, reference: dict[str, str]
) -> None:
    lin = write_submission(tmp_path / "lin", {"conv2d.py": reference["conv2d.py"]})
    empty = tmp_path / "empty"
    empty.mkdir()
    done = installed.run("cnn-by-hand", "grade", lin, "--only", "conv2d.output_size", cwd=empty)
    assert done.returncode == 0, done.stderr + done.stdout
    report = json.loads((empty / "graded" / "reports" / "lin.json").read_text(encoding="utf-8"))
    assert [task["outcome"] for task in report["tasks"]] == ["passed"]
    assert (empty / "graded" / "feedback" / "lin.html").is_file()


@pytest.mark.full
@pytest.mark.xdist_group("installed")
def test_a_course_written_by_an_installed_package_works_in_nbgrader(
    installed: Installed, tmp_path: Path
) -> None:
    pytest.importorskip("nbgrader", reason="nbgrader is not installed: pip install -e '.[course]'")
    made = installed.run("python", "-m", "graders", "course", "course", cwd=tmp_path)
    assert made.returncode == 0, made.stderr
    done = installed.run(
        "python", "-m", "nbgrader", "generate_assignment", "pooling", cwd=tmp_path / "course"
    )
    assert done.returncode == 0, done.stderr
    released = (tmp_path / "course" / "release" / "pooling" / "pooling.ipynb").read_text(encoding="utf-8")
    assert "NotImplementedError" in released and "BEGIN SOLUTION" not in released


@pytest.mark.xdist_group("installed")
@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("grade",), "the following arguments are required: submissions"),
        (("stubs",), "Run the command in a checkout."),
        (("new", "dilation"), "Run the command in a checkout."),
    ],
)
def test_what_only_a_checkout_can_do_is_refused_with_the_reason(
    installed: Installed, tmp_path: Path, arguments: tuple[str, ...], says: str
) -> None:
    done = installed.run("cnn-by-hand", *arguments, cwd=tmp_path)
    assert done.returncode == 2 and says in done.stderr, done.stderr


_ATTACK = """
import glob, importlib, importlib.util, linecache, pkgutil, sys

def read(path):
    with open(path) as file:
        return "read " + file.readline()

def read_lines(path):
    return "".join(linecache.getlines(path))

def list_folder(path):
    return " ".join(glob.glob(path + "/*"))

def load(path):
    try:
        return str(importlib.import_module("solutions.conv2d"))
    except ImportError:
        return ""

def load_data(path):
    try:
        return str(pkgutil.get_data("graders", "report.schema.json"))
    except ImportError:
        return ""

def load_file(path):
    spec = importlib.util.spec_from_file_location("taken", path)
    spec.loader.exec_module(importlib.util.module_from_spec(spec))
    return "ran " + path

def loaded_before(path):
    return " ".join(name for name in sys.modules if name.split(".")[0] in ("solutions", "graders", "tests"))
"""
_ATTACKED = """
import json, sys
from dataclasses import replace
from pathlib import Path
import solutions
from graders.sandbox.errors import StudentError
from graders.sandbox.tiers import best_tier
from graders.sandbox.limits import Limits
from graders.sandbox.warm_parent import WarmParent

target = Path(solutions.__file__).with_name("conv2d.py")
found = {}
for tier in {best_tier(), replace(best_tier(), name="strict", bubblewrap=None)}:
    with WarmParent(tier) as parent:
        child = parent.spawn(imports=("solutions.conv2d", "graders.report", "linecache"), limits=Limits())
        child.ask({"ask": "load", "files": {"attack.py": ATTACK}, "module": "attack"})
        for name in NAMES:
            path = str(target.parent if name == "list_folder" else target)
            try:
                value = child.ask({"ask": "call", "target": name, "args": [path], "kwargs": {}}).value
            except StudentError as error:
                value = error.type if hasattr(error, "type") else repr(error)
            found[f"{tier.name}: {name}"] = value
        child.end()
print(json.dumps(found))
"""
_NAMES = [node.name for node in ast.parse(_ATTACK).body if isinstance(node, ast.FunctionDef)]


@pytest.mark.skipif(sys.platform != "linux", reason="there are walls on Linux alone")
@pytest.mark.xdist_group("installed")
def test_no_student_process_reads_or_imports_what_is_installed_beside_torch(
    installed: Installed, tmp_path: Path
) -> None:
    script = tmp_path / "attacked.py"
    script.write_text(f"ATTACK = {_ATTACK!r}\nNAMES = {_NAMES!r}\n{_ATTACKED}", encoding="utf-8")
    done = installed.run("python", script, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert len(found) % len(_NAMES) == 0
    assert set(found.values()) <= {"", "PermissionError"}, found


_SEEN = """
import json, subprocess, sys
from pathlib import Path
import graders
from graders.sandbox.tiers import best_tier

look = "import sys; from pathlib import Path; print(*map(str, Path(sys.argv[1]).rglob('*.py')))"
folder = Path(graders.__file__).parent.parent
seen = [
    subprocess.run(
        best_tier().around([sys.executable, "-I", "-c", look, str(folder / name)]),
        capture_output=True, text=True, check=True,
    ).stdout.split()
    for name in ("graders", "solutions", "exercises")
]
print(json.dumps([best_tier().name, *map(len, seen)]))
"""


@pytest.mark.skipif(sys.platform != "linux", reason="there are walls on Linux alone")
@pytest.mark.xdist_group("installed")
def test_behind_bubblewrap_not_even_the_warm_parent_sees_the_installed_graders(
    installed: Installed, tmp_path: Path
) -> None:
    script = tmp_path / "seen.py"
    script.write_text(_SEEN, encoding="utf-8")
    done = installed.run("python", script, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    tier, graders, solutions, exercises = json.loads(done.stdout)
    if tier != "strict+":
        pytest.skip("bubblewrap is not installed or does not work: apt install bubblewrap")
    assert (graders, solutions) == (0, 0) and exercises > 0
