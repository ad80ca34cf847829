"""Whatever an exercise declares wrongly is refused, with its line and what to write instead."""

from __future__ import annotations

import importlib
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

import graders.tasks
import solutions
from graders.authoring.declared import complaints as beside
from graders.authoring.skeleton import _TEMPLATES, FILES
from graders.curriculum import _read, cells, exercises
from graders.curriculum.percent import read_cells
from graders.curriculum.schema import complaints
from graders.testing import properties

ROOT = Path(solutions.__file__).parent.parent
TASK = '# %% task="{name}" kind="core" points=10 difficulty=1 minutes=10 importance=3'
STRETCH = '# %% task="b" kind="stretch" points=1 difficulty=1 minutes=1 importance=1'
HINTS = "# 1. What becomes of a single pixel? Do other pixels matter?\n"


def template(name: str) -> str:
    return (_TEMPLATES / name).read_text(encoding="utf-8")


def said(text: str, name: str = "toy") -> list[str]:
    text = text.replace("{order}", "9").replace("{title}", "Toy").replace("{name}", name)
    return [str(found) for found in complaints(name, f"solutions/{name}.py", text, read_cells(text))]


# What is written instead of what, and the complaint.
WRONG = {
    "an option that nobody reads": (
        "importance=3",
        "importance=3 byhand=true",
        24,
        "byhand=true; write by_hand",
    ),
    "an option as text": (
        "importance=3",
        'importance=3 by_hand="yes"',
        24,
        "write by_hand=true or by_hand=false",
    ),
    "a kind of task that doesn't exist": (
        'kind="core"',
        'kind="Core"',
        24,
        'write kind="core" or kind="stretch"',
    ),
    "negative points": (
        "points=10",
        "points=-3",
        24,
        "points=-3 can't be used; write points=6, a number above 0",
    ),
    "no points": ("points=10 ", "", 24, "doesn't say its points; write points=6"),
    "points as text": ("points=10", 'points="10"', 24, "a number above 0"),
    "a difficulty beyond the scale": ("difficulty=1", "difficulty=9", 24, "a whole number from 1 to 5"),
    "half a minute": ("minutes=10", "minutes=0.5", 24, "minutes=20, a whole number of at least 1"),
    "a truth value for a number": ("importance=3", "importance=true", 24, "importance=true can't be used"),
    "a begin marker of another spelling": (
        "### BEGIN SOLUTION",
        "### Begin solution",
        34,
        "is no marker here",
    ),
    "a misspelt end marker": ("### END SOLUTION", "### END SOLUTIN", 36, "write `### END SOLUTION`"),
    "an end marker in other letters": (
        "### END SOLUTION",
        "### end solution",
        36,
        "write `### END SOLUTION`",
    ),
    "an end marker with something behind it": ("### END SOLUTION", "### END SOLUTION!", 36, "see the answer"),
    "no end marker": ("    ### END SOLUTION\n", "", 34, "this solution never ends"),
    "no markers": (
        "    ### BEGIN SOLUTION\n    return X * 2\n    ### END SOLUTION\n",
        "",
        24,
        "no solution to cut",
    ),
    "two begin markers": ("    return X * 2", "    ### BEGIN SOLUTION", 35, "write `### END SOLUTION`"),
    "a solution in a cell that is no task": (TASK, "# %%", 24, "nothing is cut from a cell that is no task"),
    "a function of another name": ("def {name}(", "def other(", 24, "write `def toy(…):`"),
    "a task without code": (TASK, TASK.replace("# %%", "# %% [markdown]"), 25, "line"),
    "hints for another task": ('hints="{name}"', 'hints="tyo"', 39, 'write hints="toy"'),
    "two hints": (HINTS, "", 39, "has 2 hints; write 3"),
    "no hints": ('# %% [markdown] hints="{name}"', "# %% [markdown]", 24, "no hints follow task 'toy'"),
    "a tag that nobody reads": ('tags=["example"]', 'tags=["exmaple"]', 11, 'write tags=["example"]'),
    "a misspelt key of another cell": ('tags=["example"]', 'tag=["example"]', 11, "write tags"),
    "no title": ("# # {title}", "# Words", 1, "the file begins with its title"),
    "an order that is no number": ("order={order}", 'order="last"', 1, "write order=6"),
    "an order in a later cell": ('tags=["example"]', "order=3", 11, "nothing reads order=3"),
    "no Python": ("return X * 2", "return X *", 35, "this isn't Python"),
    "the same task twice": (
        "# %% [markdown]\n# ## The first",
        f"{TASK}\ndef {{name}}():\n    ### BEGIN SOLUTION\n    pass\n    ### END SOLUTION\n# %% [markdown]\n# ## The first",
        29,
        "is there twice",
    ),
}


@pytest.mark.parametrize(("old", "new", "line", "message"), WRONG.values(), ids=WRONG)
def test_what_a_solution_declares_wrongly_is_refused_with_its_line(
    old: str, new: str, line: int, message: str
) -> None:
    text = template("solution.txt")
    assert said(text) == [] and old in text
    try:
        found = said(text.replace(old, new))
    except ValueError as refused:  # by the reader of cells
        found = [f"solutions/toy.py, {refused}"]
    assert any(f"line {line}: " in each and message in each for each in found), found


@pytest.mark.parametrize("name", ["torch", "data", "math", "Dilation", "my-exercise", "class"])
def test_a_name_that_would_hide_something_is_refused(name: str) -> None:
    assert any("can't be called" in each for each in said(template("solution.txt"), name))


def test_every_exercise_passes() -> None:
    for exercise in exercises():
        text = solutions.FILES[exercise.name].read_text(encoding="utf-8")
        assert complaints(exercise.name, "", text, cells(exercise.name)) == []
        assert beside(exercise) == []


# --------------------------------------------------------------------------------- groups, properties, checks

_names = iter(f"toy{number}" for number in range(1000))


@pytest.fixture
def declared(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., list[str]]]:
    """Write an exercise into a folder of its own, with something changed; returns the complaints."""
    monkeypatch.setattr(
        graders.tasks, "__path__", [*graders.tasks.__path__, str(tmp_path / "graders" / "tasks")]
    )

    def written(file: str = "properties.txt", old: str = "", new: str = "") -> list[str]:
        name = next(_names)
        for each, path in FILES.items():
            text = template(each)
            assert each != file or old in text
            text = text.replace(old, new) if each == file else text
            for key, value in {"name": name, "title": "Toy", "order": "9"}.items():
                text = text.replace(f"{{{key}}}", value)
            place = tmp_path / path.format(name=name)
            place.parent.mkdir(parents=True, exist_ok=True)
            place.write_text(text, encoding="utf-8")
        importlib.invalidate_caches()
        monkeypatch.setitem(solutions.FILES, name, tmp_path / f"solutions/{name}.py")
        return [str(complaint).replace(name, "toy") for complaint in beside(_read(name))]

    yield written
    properties.files_of.cache_clear()


GROUPS = '"values": 3, "gradients": 1, "side effects": 1'
BESIDE = {
    "a misspelt group": ("values", "vlaues", "line 13: group 'vlaues' of task 'toy' isn't in GROUPS"),
    "a group without a property": (
        GROUPS,
        f'{GROUPS}, "dtypes": 1',
        "line 13: no property of task 'toy' is in",
    ),
    "a weight below zero": ('"values": 3', '"values": -3', "line 13: group 'values' of task 'toy' weighs -3"),
    "a weight that is no number": ('"values": 3', '"values": "3"', "weighs '3'; write a number above 0"),
    "groups of no task": (
        '"{name}": {',
        '"tyo": {',
        "line 13: GROUPS has 'tyo', which is no task; write 'toy'",
    ),
    "no groups": ("GROUPS =", "GROUPZ =", "task 'toy' has no groups; write \"toy\""),
    "a property of no task": (
        '@property_of("{name}", "values")',
        '@property_of("tyo", "values")',
        "no task 'tyo'",
    ),
    "a name that isn't there": ("tolerance.exact", "tolerance.exakt", ""),
    "a name that isn't there at once": (
        "SHAPES = (",
        "SHAPES = (shape, ",
        "line 15: can't be imported: NameError",
    ),
    "no Python": ("SHAPES = (", "SHAPES = ", "properties.py, line 15: no Python"),
}


@pytest.mark.parametrize(("old", "new", "message"), BESIDE.values(), ids=BESIDE)
def test_what_the_hidden_side_declares_wrongly_is_refused_with_its_line(
    declared: Callable[..., list[str]], old: str, new: str, message: str
) -> None:
    if old == "values":  # the property's word for it, not that of GROUPS
        old, new = '@property_of("{name}", "values")', '@property_of("{name}", "vlaues")'
        message = "line 18: group 'vlaues'"
    found = declared("properties.txt", old, new)
    assert any(message in each for each in found) if message else found == [], found


def test_a_task_without_a_visible_check_is_refused(declared: Callable[..., list[str]]) -> None:
    assert declared() == []
    (first, second) = declared("checks.txt", "test_{name}__doubles", "test_tyo__doubles")
    assert "exercises/checks/test_toy.py, line 1: task 'toy' has no visible check" in second
    assert "line 9: test_tyo__doubles_every_value is no check of a task; write test_toy__" in first


# ------------------------------------------------------------------------------------------------ commands


@pytest.mark.parametrize(
    "command",
    [
        "check-exercise brightness --quick",
        "release {0}/kit",
        "course {0}/course",
        "grade {0}/class --out {0}/out",
    ],
)
def test_what_the_check_refuses_every_command_refuses(tmp_path: Path, command: str) -> None:
    mine = tmp_path / "mine"
    environment = {**os.environ, "CNN_EXERCISES": str(mine), "PYTHONPATH": str(ROOT)}

    def run(words: str) -> subprocess.CompletedProcess[str]:
        line = [sys.executable, "-m", "graders", *words.format(tmp_path).split()]
        return subprocess.run(
            line, env=environment, cwd=tmp_path, capture_output=True, text=True, check=False
        )

    assert run("new brightness").returncode == 0
    hidden = mine / "graders" / "tasks" / "brightness" / "properties.py"
    hidden.write_text(hidden.read_text().replace('"values": 3', '"valeus": 3'))
    (tmp_path / "class").mkdir()
    (tmp_path / "class" / "lin.py").write_text("def brightness(X):\n    return X * 2\n")
    refused = run(command)
    assert refused.returncode == 2, refused.stdout + refused.stderr
    assert "graders/tasks/brightness/properties.py, line 13: " in refused.stderr
    assert "Traceback" not in refused.stderr
    assert not (tmp_path / "kit").exists() and not (tmp_path / "out" / "grades.csv").exists()
