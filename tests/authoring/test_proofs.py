"""`check-exercise` finds whatever isn't true of an exercise, and says what."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from graders.authoring.skeleton import write_skeleton
from graders.curriculum import SOLUTIONS

# A property that looks at the shape alone, a check that a stub passes, a line of the answer in an example.
WEAK = """
from graders.testing.expect import that
from graders.testing.properties import property_of

GROUPS = {"brightness": {"values": 1}}


@property_of("brightness", "values")
def test_the_shape(submission):
    import torch
    right = submission.brightness(torch.ones(2, 3)).shape == (2, 3)
    that(right, call="brightness(X)", aspect="shape", sentence="The shape is wrong.")
"""
WORDS = 'too-dark = { says = "It is too dark.", hint = "How bright is it?" }'
RIGHT_NAMED_WRONG = """
from graders.diagnosis.pipeline import Call, Pipeline, after, step


class Brightness(Call):
    @step
    def result(self):
        return self.X * 2


PIPELINES = (
    Pipeline(
        "brightness",
        lambda slip: lambda X: slip(Brightness(X=X)).answer(),
        {"too-dark": after(lambda Y: Y / 4)},
        probes=(),
    ),
)
"""


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr("graders.authoring.skeleton.HOMES", (SOLUTIONS.parent, tmp_path))
    write_skeleton("brightness")
    return tmp_path


def test_nothing_is_overwritten(home: Path) -> None:
    before = {path: path.read_text() for path in home.rglob("*.py")}
    assert len(before) == 3
    with pytest.raises(FileExistsError, match="nothing is overwritten"):
        write_skeleton("brightness")
    assert {path: path.read_text() for path in home.rglob("*.py")} == before


def test_everything_that_is_not_true_is_found(home: Path) -> None:
    solution = home / "solutions" / "brightness.py"
    text = solution.read_text().replace(
        "    return X * 2", "    brighter = X * 2 + 0 * X\n    return brighter"
    )
    solution.write_text(
        text.replace("    image = ", "    X = torch.ones(2)\n    brighter = X * 2 + 0 * X\n    image = ")
    )
    hidden = home / "graders" / "tasks" / "brightness"
    (hidden / "properties.py").write_text(WEAK)
    (hidden / "slips.py").write_text(RIGHT_NAMED_WRONG)
    (hidden / "words.toml").write_text(
        'too-dark.says = "It is too dark."\ntoo-dark.hint = "How bright is it?"\n'
    )
    (hidden / "right").mkdir()
    (hidden / "right" / "other.py").write_text("def brightness(X):\n    return X.flatten()\n")
    checks = home / "exercises" / "checks" / "test_brightness.py"
    exists = "\n\ndef test_brightness__is_there() -> None:\n    assert callable(exercise.brightness)\n"
    checks.write_text(checks.read_text().replace("[2.0, 4.0", "[2.0, 5.0") + exists)
    said = subprocess.run(
        [sys.executable, "-m", "graders", "check-exercise", "brightness"],
        env={**os.environ, "CNN_EXERCISES": str(home), "PYTHONPATH": str(SOLUTIONS.parent)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert said.returncode == 1, said.stdout + said.stderr
    told = " ".join(said.stdout.split())
    for wrong in (
        "the stub holds no line of an answer: the stub: it shows: brighter = X * 2 + 0 * X",
        "every visible check fails on the stub, as not written: brightness: a check of the stub passes",
        "every visible check passes on the reference: brightness: AssertionError",
        "right answers get every point: other.py: brightness: failed",
        "every mutant of the reference fails: brightness.brightness: ",
        "every known mistake fails and is named: brightness: too-dark: it passes every property",
    ):
        assert f"not true that {wrong}" in told, said.stdout
    assert "the grader gives the reference every point │ 1 │ true" in told
