"""What comes from `solutions/`: the curriculum, the stubs, the worked examples and the visible checks."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import types
from collections.abc import Callable
from inspect import signature
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest

from graders.__main__ import main
from graders.course import stubs
from graders.curriculum import exercises
from graders.testing.properties import groups_of, properties_of

# Exercise, task and kind as the contract has them, in its order.
CONTRACT = {
    "conv2d": (
        ["conv2d", "Conv2D", "output_size"],
        ["conv2d_vectorized", "conv2d_backward", "conv2d_matrix", "invalid_input"],
    ),
    "kernel_learning": (
        ["edge_image", "train_step", "learn_kernel"],
        ["max_stable_lr", "closed_form_kernel"],
    ),
    "multichannel": (
        [
            *("conv2d_multi_in", "conv2d_multi_in_out", "conv2d_1x1", "conv2d_batched"),
            *("MultiChannelConv2d", "num_parameters"),
        ],
        ["conv2d_general", "conv2d_im2col", "invalid_input"],
    ),
    "pooling": (
        ["pool2d", "pool2d_multi_channel", "MaxPool2d", "AvgPool2d", "receptive_field"],
        ["avg_pool_as_conv", "pool2d_backward", "invalid_input"],
    ),
    "lenet": (
        ["lenet", "layer_shapes", "accuracy", "train", "init_lenet"],
        ["lenet_from", "feature_maps", "lenet_modern"],
    ),
}
BY_HAND_FREE = {"output_size", "num_parameters", "receptive_field", "avg_pool_as_conv"}

TASKS = [(exercise, task) for exercise in exercises() for task in exercise.tasks]
FUNCTIONS = [f"{exercise.name}.{task.name}" for exercise, task in TASKS if task.name != "invalid_input"]


# -------------------------------------------------------------------------------------------- curriculum


def test_the_tasks_are_those_of_the_contract_in_its_order() -> None:
    found = {
        exercise.name: tuple(
            [task.name for task in exercise.tasks if task.kind == kind] for kind in ("core", "stretch")
        )
        for exercise in exercises()
    }
    # There may be exercises that the contract doesn't know of.
    assert [(name, found[name]) for name in found if name in CONTRACT] == list(CONTRACT.items())
    for exercise in exercises():
        kinds = [task.kind for task in exercise.tasks]
        assert kinds == sorted(kinds), "core tasks come before stretch tasks"


def test_the_contracts_core_tasks_make_100_points_20_for_each_exercise_and_stretch_40() -> None:
    tasks = [task for exercise, task in TASKS if exercise.name in CONTRACT]
    for name in CONTRACT:
        assert sum(task.points for task in tasks if (task.exercise, task.kind) == (name, "core")) == 20
    assert sum(task.points for task in tasks if task.kind == "stretch") == 40


@pytest.mark.parametrize(("exercise", "task"), TASKS, ids=[f"{e.name}.{t.name}" for e, t in TASKS])
def test_every_task_says_what_a_student_needs_to_know(exercise: Any, task: Any) -> None:
    assert len(task.hints) == 3 and len(set(task.hints)) == 3
    assert all(len(hint) > 20 for hint in task.hints)
    assert task.difficulty in range(1, 6) and task.importance in range(1, 6)
    assert task.minutes >= 1
    free = exercise.name in ("kernel_learning", "lenet") or task.name in BY_HAND_FREE
    if task.name != "invalid_input" and exercise.name in CONTRACT:
        assert task.by_hand is not free


@pytest.mark.parametrize(("exercise", "task"), TASKS, ids=[f"{e.name}.{t.name}" for e, t in TASKS])
def test_every_task_has_properties_in_every_group_that_earns_points(exercise: Any, task: Any) -> None:
    groups = groups_of(exercise.name, task.name)
    held = {found.group for found in properties_of(exercise.name, task.name)}
    assert groups and held == set(groups)
    assert all(weight > 0 for weight in groups.values())


@pytest.mark.parametrize(("exercise", "task"), TASKS, ids=[f"{e.name}.{t.name}" for e, t in TASKS])
def test_handwritten_properties_of_a_task_are_in_one_file(exercise: Any, task: Any) -> None:
    files = {found.test.__module__ for found in properties_of(exercise.name, task.name)}
    by_hand = {file for file in files if file.startswith("graders.tasks.")}
    assert len(by_hand) <= 1, "only within a file do properties have an order"


# ------------------------------------------------------------------------------------------------- stubs


def test_the_committed_stubs_are_what_the_command_makes() -> None:
    assert stubs.stale_stubs() == []
    assert main(["stubs", "--check"]) == 0


def test_a_stub_that_was_edited_by_hand_is_noticed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "pyproject.toml").touch()  # a checkout has one
    copy = tmp_path / "exercises"
    shutil.copytree(stubs.EXERCISES_FOLDER, copy)
    monkeypatch.setattr(stubs, "EXERCISES_FOLDER", copy)
    assert main(["stubs", "--check"]) == 0
    (copy / "pooling.py").write_text("# mine\n", encoding="utf-8")
    (copy / "hints.json").unlink()
    assert main(["stubs", "--check"]) == 1
    assert {path.name for path in stubs.stale_stubs()} == {"pooling.py", "hints.json"}
    assert "pooling.py is out of date" in capsys.readouterr().err
    assert main(["stubs"]) == 0
    assert stubs.stale_stubs() == []


def stub_of(kit: Path, name: str) -> Any:
    """A task as the kit has it, named `exercise.task`."""
    exercise, _, task = name.partition(".")
    module = types.ModuleType(exercise)
    exec((kit / "exercises" / f"{exercise}.py").read_text(encoding="utf-8"), vars(module))
    return getattr(module, task)


@pytest.mark.parametrize("name", FUNCTIONS)
def test_a_stub_raises_not_implemented_and_names_the_task(kit: Path, name: str) -> None:
    function = stub_of(kit, name)
    required = [each for each in signature(function).parameters.values() if each.default is each.empty]
    with pytest.raises(NotImplementedError, match=f"write {name.partition('.')[2]}"):
        function(*[None for _ in required])


@pytest.mark.parametrize("name", FUNCTIONS)
def test_a_signature_says_types_and_its_docstring_says_shapes_or_meaning(kit: Path, name: str) -> None:
    function = stub_of(kit, name)
    assert function.__doc__ and len(function.__doc__) > 60
    annotated = function.__init__ if isinstance(function, type) else function
    parameters = annotated.__code__.co_argcount - isinstance(function, type)
    assert len(annotated.__annotations__) == parameters + 1


@pytest.fixture(scope="module")
def examples(kit: Path) -> dict[str, str]:
    """What `python exercises/NAME.py` prints, by exercise; all run in one process, which is faster."""
    names = [exercise.name for exercise in exercises()]
    code = (
        "import importlib, runpy\n"
        f"for name in {names!r}: importlib.import_module('exercises.' + name)\n"
        f"for name in {names!r}:\n"
        "    print('=====', name)\n"
        "    runpy.run_path(f'exercises/{name}.py', run_name='__main__')\n"
    )
    run = python(kit, "-c", code)
    assert (run.returncode, run.stderr) == (0, "")
    at_import, *sections = run.stdout.split("===== ")
    return {"at import": at_import} | dict(section.split("\n", 1) for section in sections)


@pytest.mark.xdist_group("examples")
def test_importing_an_exercise_prints_nothing(examples: dict[str, str]) -> None:
    assert examples["at import"] == ""


@pytest.mark.parametrize("exercise", [exercise.name for exercise in exercises()])
@pytest.mark.xdist_group("examples")
def test_the_worked_example_of_a_stub_runs(examples: dict[str, str], exercise: str) -> None:
    assert examples[exercise].strip()


@pytest.mark.xdist_group("examples")
def test_the_first_example_learns_the_edge_kernel(examples: dict[str, str]) -> None:
    said = examples["conv2d"]
    assert "epoch 10" in said
    learned = [float(number) for number in said.split("Learned: [")[1].split("]")[0].split(",")]
    assert learned == pytest.approx([1, -1], abs=0.35)


# ---------------------------------------------------------------------------------------- visible checks


def python(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run Python in a folder with none of our code on its path."""
    environment = {
        key: value for key, value in os.environ.items() if not key.startswith(("PYTHONPATH", "PYTEST"))
    }
    return subprocess.run(
        [sys.executable, *arguments], cwd=folder, env=environment, capture_output=True, text=True, timeout=600
    )


def checked(folder: Path) -> dict[str, list[str]]:
    """Run the visible checks of a kit: the messages by `exercise.task`, empty if passed."""
    report = folder / "checks.xml"
    python(
        folder, "-m", "pytest", "exercises/checks", "-q", "-p", "no:cacheprovider", f"--junit-xml={report}"
    )
    found: dict[str, list[str]] = {}
    for case in ElementTree.parse(report).iter("testcase"):
        exercise = case.get("classname", "").rpartition("test_")[2]
        task = case.get("name", "").removeprefix("test_").partition("__")[0]
        troubles = [
            str(error.get("message")) for kind in ("failure", "error") for error in case.findall(kind)
        ]
        found.setdefault(f"{exercise}.{task}", []).append("".join(troubles))
    return found


@pytest.fixture
def own_kit(kit: Path, tmp_path: Path) -> Callable[..., Path]:
    """A copy of the kit that a student has worked on."""

    def copied(answers: dict[str, str] | None = None) -> Path:
        shutil.copytree(kit, tmp_path / "kit")
        for name, text in (answers or {}).items():
            (tmp_path / "kit" / "exercises" / name).write_text(text, encoding="utf-8")
        return tmp_path / "kit"

    return copied


def test_every_visible_check_fails_on_the_stubs_as_not_implemented(own_kit: Callable[..., Path]) -> None:
    found = checked(own_kit())
    assert set(FUNCTIONS) <= set(found)
    for task, messages in found.items():
        assert all("NotImplementedError" in message for message in messages), task


def test_every_visible_check_passes_on_the_reference(
    own_kit: Callable[..., Path], reference: dict[str, str]
) -> None:
    folder = own_kit(reference)
    assert not (folder / "graders").exists() and not (folder / "solutions").exists()
    found = checked(folder)
    assert set(FUNCTIONS) <= set(found)
    assert {task: messages for task, messages in found.items() if any(messages)} == {}
