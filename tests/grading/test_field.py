"""Hand-ins with all kinds of other code around the answers are graded as the contract says."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import pytest

from graders.curriculum import exercise_named
from graders.grading.grade import Settings, grade
from graders.grading.hand_in import read
from graders.report import Report
from graders.sandbox.limits import Limits
from graders.sandbox.warm_parent import WarmParent
from tests.conftest import result_of, write_submission
from tests.grading.field import NOTEBOOKS, Case, every_case, published
from tests.parts import Part

CASES = tuple(every_case())
# One notebook of each exercise.
FIRST = {assignment: name for name, assignment in reversed(published().items())}.values()


def test_every_case_has_a_name_of_its_own() -> None:
    assert len({case.name for case in CASES}) == len(CASES)


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """A part of the cases."""
    if "case" in metafunc.fixturenames:
        metafunc.parametrize("case", Part(metafunc.config.option.part).of(CASES), ids=str)


def test_a_hand_in_from_the_field_comes_out_right(
    case: Case, tmp_path: Path, warm_parent: WarmParent
) -> None:
    folder = write_submission(tmp_path / "lin", case.files)
    settings = Settings(only=tuple(case.tasks), limits=Limits(cpu_seconds=3))
    report = grade(read(folder), settings, warm_parent)
    for task, expected in case.tasks.items():
        outcome, *fragments = (expected,) if isinstance(expected, str) else expected
        result = result_of(report, task)
        assert result.outcome in outcome.split("|"), f"{task}: {result.outcome}: {result.message}"
        for fragment in fragments if result.outcome != "passed" else ():
            absent = fragment.startswith("!")
            said = _says(result.message, fragment.removeprefix("!"), case)
            assert said is not absent, f"{task}: {fragment}: {result.message}"
    for remark in case.remarks:
        assert _says(_remarks(report), remark, case), f"{remark}: {_remarks(report)}"


@pytest.mark.parametrize(
    "name", [pytest.param(name, marks=[] if name in FIRST else [pytest.mark.full]) for name in published()]
)
def test_a_published_notebook_with_right_code_gets_full_marks(
    name: str, tmp_path: Path, warm_parent: WarmParent
) -> None:
    about = exercise_named(published()[name])
    core = {f"{about.name}.{task.name}" for task in about.tasks if task.kind == "core"}
    (tmp_path / "lin").mkdir()
    shutil.copy(NOTEBOOKS / f"{name}.ipynb", tmp_path / "lin")
    report = grade(read(tmp_path / "lin"), Settings(only=tuple(core)), warm_parent)
    wrong = {
        task.task: f"{task.outcome}: {task.message}" for task in report.tasks if task.outcome != "passed"
    }
    assert not wrong


def _remarks(report: Report) -> str:
    """What a report says about the hand-in as a whole."""
    return "\n".join(map(str, (*report.problems, *getattr(report, "remarks", ()))))


def _says(message: str, fragment: str, case: Case) -> bool:
    """Whether a message contains a text; a place may be in a list or a range, as in `cells 3 and 4`."""
    if fragment.startswith("@"):
        fragment = f"line {_line(case, fragment[1:])}"
    place = re.fullmatch(r"(cell|line) (\d+)", fragment)
    if not place:
        return fragment.lower() in message.lower()
    for listed in re.findall(rf"{place[1]}s? (\d+(?:(?:, | and | to |-|–)\d+)*)", message):
        numbers = [int(number) for number in re.findall(r"\d+", listed)]
        ranges = re.findall(r"(\d+)(?: to |-|–)(\d+)", listed)
        if int(place[2]) in numbers or any(int(a) <= int(place[2]) <= int(b) for a, b in ranges):
            return True
    return False


def _line(case: Case, text: str) -> int:
    """The number of the first line that contains a text, in the modules of a case."""
    for name, source in case.files.items():
        if name.lower().endswith(".py"):
            whole = source.decode("latin-1") if isinstance(source, bytes) else source
            for number, line in enumerate(whole.splitlines(), 1):
                if text in line:
                    return number
    raise ValueError(f"{case}: no line has {text!r}")
