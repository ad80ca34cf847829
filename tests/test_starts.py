"""Help and complaints about arguments come at once: nothing heavy is loaded before it is used.

Imports are counted, not seconds, which a busy machine changes; `python -m benchmarks.starts` measures those.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from graders.curriculum import SOLUTIONS
from graders.sandbox import gpu
from graders.sandbox.inside import device

ROOT = SOLUTIONS.parent
HEAVY = {
    *("torch", "torchvision", "numpy", "hypothesis", "matplotlib", "IPython", "nbgrader", "sqlalchemy"),
    *("jupytext", "nbformat", "jsonschema", "fastjsonschema", "rfc3987_syntax", "jinja2", "yaml", "py7zr"),
}


def loaded_and_said(*arguments: str | Path) -> tuple[set[str], subprocess.CompletedProcess[str]]:
    """The top-level packages that `python …` imported, and what it said."""
    said = subprocess.run(
        [sys.executable, "-X", "importtime", *map(str, arguments)],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=600,
    )
    rows = [line for line in said.stderr.splitlines() if line.startswith("import time:")]
    kept = [line for line in said.stderr.splitlines() if not line.startswith("import time:")]
    names = {row.rpartition("|")[2].strip().partition(".")[0] for row in rows}
    said.stderr = "\n".join(kept)
    return names, said


def test_the_count_sees_what_is_loaded() -> None:
    names, _ = loaded_and_said("-c", "import json.decoder, nbformat")
    assert {"json", "nbformat", "fastjsonschema"} <= names


COMMANDS = (
    *("grade", "check-one", "release", "course", "doctor", "stubs", "catalogue", "new", "check-exercise"),
)


@pytest.mark.parametrize("command", [(), *((name,) for name in COMMANDS)], ids=" ".join)
def test_the_help_of_a_graders_command_loads_nothing_heavy(command: tuple[str, ...]) -> None:
    names, said = loaded_and_said("-m", "graders", *command, "--help")
    assert said.returncode == 0, said.stderr
    assert said.stdout.startswith("usage: python -m graders")
    assert names & HEAVY == set()
    if not command:
        assert all(name in said.stdout for name in COMMANDS)


@pytest.fixture
def place(tmp_path: Path) -> Path:
    """A folder with a hand-in, an empty folder, a file, a roster without names, and a folder in use."""
    (tmp_path / "lin").mkdir()
    (tmp_path / "lin" / "conv2d.py").write_text("def conv2d(X, K): ...\n")
    (tmp_path / "empty").mkdir()
    (tmp_path / "file").write_text("mine")
    (tmp_path / "roster.csv").write_text("colour\nblue\n")
    (tmp_path / "used").mkdir()
    (tmp_path / "used" / "mine.py").write_text("x = 1\n")
    return tmp_path


WRONG = {
    "no command": ("", "the following arguments are required: COMMAND"),
    "an unknown command": ("grad", "invalid choice: 'grad'"),
    "an unknown option": ("grade {0}/lin --colour", "unrecognized arguments: --colour"),
    "two class folders": ("grade {0}/lin {0}/empty", "unrecognized arguments: {0}/empty"),
    "a class folder that is not there": ("grade {0}/nobody", "graders: {0}/nobody: no such file or folder"),
    "a class folder with nothing in it": (
        "grade {0}/empty",
        "no student's folder, archive, notebook or .py file in it",
    ),
    "an output folder that is a file": ("grade {0}/lin --out {0}/file", "{0}/file cannot be written"),
    "an output folder below a file": ("grade {0}/lin --out {0}/file/out", "{0}/file is not a folder"),
    "an exercise that does not exist": ("grade {0}/lin --only conv3d", "--only conv3d: there is no such"),
    "a task of another exercise": ("grade {0}/lin --only pooling.conv2d", "from: conv2d, conv2d.Conv2D"),
    "a device that does not exist": ("grade {0}/lin --device tpu", "invalid choice: 'tpu'"),
    "an isolation that does not exist": ("grade {0}/lin --require none", "invalid choice: 'none'"),
    "a level of feedback that does not exist": ("grade {0}/lin --feedback some", "invalid Feedback value"),
    "a layout that does not exist": ("grade {0}/lin --layout moddle", "there is no such layout"),
    "a layout that does not fit": ("grade {0}/lin --layout moodle", "does not have this layout"),
    "a roster that is not there": ("grade {0}/lin --roster {0}/no.csv", "No such file or directory"),
    "a roster without names": ("grade {0}/lin --roster {0}/roster.csv", "has no column for names"),
    "a seed below 0": ("grade {0}/lin --seed -1", "--seed -1: a seed must be 0 or more"),
    "no jobs": ("grade {0}/lin --jobs 0", "0 is not a positive number"),
    "no memory": ("check-one {0}/lin --memory -3", "argument --memory"),
    "an exercise with a name of the library": ("new torch", "an exercise can't be called torch"),
    "an exercise that is there already": ("new pooling", "there is an exercise pooling already"),
    "proof of an exercise that does not exist": (
        "check-exercise conv3d",
        "conv3d: there is no such exercise",
    ),
    "no submission": ("check-one", "the following arguments are required: submission"),
    "a submission that is not there": ("check-one {0}/nobody", "graders: {0}/nobody: no such file or folder"),
    "a task that does not exist": ("check-one {0}/lin --only conv2d.x", "--only conv2d.x: there is no such"),
    "a kit over somebody's work": ("release {0}/used", "{0}/used is not empty; choose a new folder"),
    "a kit below a file": ("release {0}/file/kit", "{0}/file is not a folder"),
    "a course over somebody's work": ("course {0}/used", "{0}/used is not empty; choose a new folder"),
    "a demonstration over somebody's work": ("course --demo {0}/used", "{0}/used is not empty"),
    "a course below a file": ("course {0}/file/course", "{0}/file is not a folder"),
}


@pytest.mark.parametrize(("command", "message"), WRONG.values(), ids=WRONG)
def test_an_argument_that_cannot_be_used_is_refused_before_anything_heavy_is_loaded(
    place: Path, command: str, message: str
) -> None:
    before = sorted(place.rglob("*"))
    names, said = loaded_and_said("-m", "graders", *command.format(place).split())
    assert said.returncode == 2
    assert message.format(place) in said.stderr and "Traceback" not in said.stderr
    assert names & HEAVY == set()
    assert sorted(place.rglob("*")) == before


@pytest.mark.skipif(sys.platform != "linux", reason="needs a folder that nobody can write into")
def test_an_output_folder_that_nobody_can_write_into_is_refused(place: Path) -> None:
    names, said = loaded_and_said("-m", "graders", "grade", place / "lin", "--out", "/proc/graded")
    assert said.returncode == 2
    assert "graders: /proc/graded cannot be written: " in said.stderr
    assert names & HEAVY == set()


def test_a_dry_run_shows_the_plan_with_nothing_heavy_loaded(place: Path) -> None:
    names, said = loaded_and_said("-m", "graders", "grade", place / "lin", "--dry-run")
    assert said.returncode == 0, said.stderr
    assert "1 file, 1 student" in said.stdout
    assert names & HEAVY == set()


STUDENTS = {
    "help": ("--help", 0, "usage: python -m exercises"),
    "help of check": ("check --help", 0, "an exercise or a task"),
    "help of hint": ("hint --help", 0, "--more"),
    "help of train": ("train --help", 0, "--recipe"),
    "a hint": ("hint pool2d", 0, "pool2d, hint 1 of 3"),
    "a hint for nothing": ("hint pool2", 2, "Did you mean pool2d?"),
    "a check of nothing": ("check pool2", 2, "Did you mean pool2d?"),
    "an unknown command": ("chek", 2, "invalid choice: 'chek'"),
    "an unknown option": ("check --colour", 2, "unrecognized arguments: --colour"),
    "no epochs": ("train --epochs 0", 2, "is not a whole number of at least 1"),
    "a recipe that does not exist": ("train --recipe slow", 2, "invalid choice: 'slow'"),
    "a device that does not exist": ("train --device tpu", 2, "invalid choice: 'tpu'"),
    "images that are not there": (
        "train --data {0}/nowhere",
        1,
        "{0}/nowhere, named by --data, is not a folder",
    ),
    "a picture nowhere": ("train --plot {0}/nowhere/x.png", 1, "{0}/nowhere is not a folder"),
}


@pytest.mark.parametrize(("command", "status", "message"), STUDENTS.values(), ids=STUDENTS)
def test_a_student_waits_for_nothing_heavy_either(
    tmp_path: Path, command: str, status: int, message: str
) -> None:
    names, said = loaded_and_said("-m", "exercises", *command.format(tmp_path).split())
    assert said.returncode == status, said.stderr
    assert message.format(tmp_path) in said.stdout + said.stderr and "Traceback" not in said.stderr
    assert names & HEAVY == set()


def test_the_process_that_reads_hand_ins_loads_what_it_reads_with_and_nothing_heavy() -> None:
    names, said = loaded_and_said("-c", "import graders.grading.limits, graders.grading.modules")
    assert said.returncode == 0, said.stderr
    assert names & HEAVY == set()


def test_what_grades_loads_no_notebooks_and_no_reference_implementation_of_json_schema() -> None:
    names, said = loaded_and_said(
        "-c", "import graders.commands.grade, graders.grading.batch, graders.sandbox.isolation"
    )
    assert said.returncode == 0, said.stderr
    assert names & {"jupytext", "nbformat", "jsonschema", "IPython", "nbgrader"} == set()
    assert {"torch", "hypothesis"} <= names


def test_the_simulated_device_has_one_name() -> None:
    assert gpu.SIMULATED == device.SIMULATED
