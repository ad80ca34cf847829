"""What must be shown of an exercise before a class gets it, claim by claim, in small steps.

Declarations come first (`declared.py`): what is here asks the tasks themselves, and takes seconds to minutes.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property, partial
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import hypothesis
from hypothesis.errors import Flaky

from graders.course.kit import release
from graders.course.stubs import student_cell
from graders.curriculum import Exercise, Task, cells, checks_of, file_of
from graders.curriculum.schema import BEGIN, END
from graders.diagnosis.catalogue import mistakes
from graders.diagnosis.diagnose import diagnose
from graders.diagnosis.mistakes import Mistake
from graders.grading.grade import Settings, grade
from graders.grading.hand_in import read
from graders.report import TaskResult
from graders.sandbox.errors import StudentError
from graders.sandbox.warm_parent import WarmParent
from graders.testing.expect import Mismatch, NotWritten
from graders.testing.in_process import submission_in_process
from graders.testing.properties import properties_of
from graders.testing.submission import Submission

from .mutation import mutants
from .survivors import listed, survives

_REGION = re.compile(rf"{BEGIN}\n(.*?){END}", re.DOTALL)
_TELLING = 16  # characters; shorter lines, such as `return Y`, say nothing about where they come from


@dataclass(frozen=True)
class Step:
    """One thing to try.

    Attributes:
        name: what is tried.
        wrong: tries it, and returns what is wrong; empty if nothing is.
    """

    name: str
    wrong: Callable[[], str]


@dataclass(frozen=True)
class Claim:
    """What must be true of an exercise.

    Attributes:
        none: what it means that there is nothing to try.
    """

    says: str
    steps: tuple[Step, ...]
    none: str = ""


@dataclass(frozen=True)
class Proofs:
    """Everything to show of one exercise.

    Attributes:
        parent: where student processes come from.
        folder: an empty folder to work in.
    """

    exercise: Exercise
    parent: WarmParent
    folder: Path
    _graded: dict[str, Mapping[str, TaskResult]] = field(default_factory=dict)

    def claims(self) -> tuple[Claim, ...]:
        """The claims, in the order in which one mends what they find."""
        every = self.exercise.tasks
        functions = [task for task in every if task.is_function]
        name = self.exercise.name
        asked = [mutant for mutant in mutants(name) if not listed(mutant)]
        return (
            Claim("the stub holds no line of an answer", (Step("the stub", self._leaks),)),
            Claim(
                "every visible check fails on the stub, as not written",
                tuple(Step(task.name, partial(self._checked, "stub", task)) for task in functions),
            ),
            Claim(
                "every visible check passes on the reference",
                tuple(Step(task.name, partial(self._checked, "reference", task)) for task in functions),
            ),
            Claim(
                "the grader finds nothing written in the stub",
                tuple(Step(task.name, partial(self._judged, "stub", task)) for task in every),
            ),
            Claim(
                "the grader gives the reference every point",
                tuple(Step(task.name, partial(self._judged, "reference", task)) for task in every),
            ),
            Claim(
                "right answers get every point",
                tuple(Step(path.name, partial(self._right, path)) for path in self._right_answers()),
                none=f"no files graders/tasks/{name}/right/*.py",
            ),
            Claim(
                "every mutant of the reference fails",
                tuple(Step(m.name, partial(_survived, partial(survives, m))) for m in asked),
            ),
            Claim(
                "every known mistake fails and is named",
                tuple(Step(f"{e.task}: {e.name}", partial(self._mistaken, e)) for e in mistakes(name)),
                none="no mistakes are known",
            ),
        )

    # ------------------------------------------------------------------------------------- the students' side

    @cached_property
    def _kits(self) -> dict[str, Path]:
        """A student kit as it is released, and one in which the reference is written."""
        name = self.exercise.name
        kits = {answer: self.folder / f"{answer}-kit" for answer in ("stub", "reference")}
        for kit in kits.values():
            release(kit)
        text = file_of(name).read_text(encoding="utf-8")
        (kits["reference"] / "exercises" / f"{name}.py").write_text(text, encoding="utf-8")
        return kits

    def _leaks(self) -> str:
        """The lines of answers that a student would see, but for those that stand in the open as well."""
        found = cells(self.exercise.name)
        secret, open_to_all = set(), set()
        for cell in found:
            answers = _REGION.findall(cell.source)
            if "reference" in cell.metadata.get("tags", []):
                answers.append(cell.source)
            else:
                open_to_all |= _telling(_REGION.sub("", cell.source))
            secret |= _telling("\n".join(answers))
        shown = [kept.source for kept in map(student_cell, found) if kept is not None]
        leaked = _telling("\n".join(shown)) & (secret - open_to_all)
        return f"it shows: {sorted(leaked)[0]}" if leaked else ""

    @cached_property
    def _outcomes(self) -> dict[str, dict[str, list[str]]]:
        """What the visible checks said: by answer and task, a message for each check, empty if it passed."""
        return {answer: self._run_checks(kit) for answer, kit in self._kits.items()}

    def _run_checks(self, kit: Path) -> dict[str, list[str]]:
        report = kit / "checks.xml"
        file = f"exercises/checks/{checks_of(self.exercise.name).name}"
        clean = {k: v for k, v in os.environ.items() if not k.startswith(("PYTHONPATH", "PYTEST"))}
        options = ["-q", "-p", "no:cacheprovider", f"--junit-xml={report}"]
        command = [sys.executable, "-m", "pytest", file, *options]
        said = subprocess.run(command, cwd=kit, env=clean, capture_output=True, text=True, check=False)
        found: dict[str, list[str]] = {}
        for case in ElementTree.parse(report).iter("testcase") if report.exists() else ():
            task, _, _ = case.get("name", "").removeprefix("test_").partition("__")
            problems = [node for kind in ("failure", "error") for node in case.findall(kind)]
            message = " ".join(str(node.get("message")) for node in problems)
            found.setdefault(task, []).append(message)
        return found or {"": [said.stdout[-300:] + said.stderr[-300:]]}

    def _checked(self, answer: str, task: Task) -> str:
        outcomes = self._outcomes[answer]
        messages = outcomes.get(task.name)
        if messages is None:
            return f"no check ran: {' '.join(outcomes.get('', [''])[0].split())}"
        for message in messages:
            if answer == "reference" and message:
                return " ".join(message.split())
            if answer == "stub" and "NotImplementedError" not in message:
                return f"a check of the stub {'says: ' + message if message else 'passes'}"
        return ""

    # ------------------------------------------------------------------------------------- the grader's side

    def _grade(self, name: str, text: str) -> Mapping[str, TaskResult]:
        """A hand-in of this one file, graded as a student's is."""
        if name not in self._graded:
            folder = self.folder / name
            folder.mkdir()
            (folder / f"{self.exercise.name}.py").write_text(text, encoding="utf-8")
            report = grade(read(folder), Settings(only=(self.exercise.name,)), self.parent)
            self._graded[name] = {result.task: result for result in report.tasks}
        return self._graded[name]

    def _judged(self, answer: str, task: Task) -> str:
        name = f"{self.exercise.name}.py"
        result = self._grade(answer, (self._kits[answer] / "exercises" / name).read_text(encoding="utf-8"))
        return _should_be("passed" if answer == "reference" else "not_implemented", result[task.name])

    def _right_answers(self) -> list[Path]:
        home = file_of(self.exercise.name).parent.parent
        return sorted((home / "graders" / "tasks" / self.exercise.name / "right").glob("*.py"))

    def _right(self, path: Path) -> str:
        results = self._grade(path.stem, path.read_text(encoding="utf-8"))
        # What the file leaves out it says nothing about.
        written = [result for result in results.values() if result.outcome != "not_implemented"]
        wrong = [f"{result.task}: {said}" for result in written if (said := _should_be("passed", result))]
        return "; ".join(wrong) or ("" if written else "there is no task in it")

    def _mistaken(self, entry: Mistake) -> str:
        tasks = {task.name: task for task in self.exercise.tasks}
        if entry.task not in tasks:
            return f"there is no task {entry.task!r}"
        if not _fails(_submission(entry, tasks[entry.task]), entry):
            return "it passes every property"
        found = diagnose(_submission(entry, tasks[entry.task]), entry.exercise, entry.task)
        if found is None:
            return "it isn't recognised"
        return "" if entry in found.matches else f"it is taken for {found.name}"


def _should_be(outcome: str, result: TaskResult) -> str:
    if result.outcome == outcome:
        return ""
    return f"{result.outcome}: {' '.join(result.message.split()) or 'it gets every point'}"


def _survived(survives: Callable[[], bool]) -> str:
    return "no property notices it" if survives() else ""


def _submission(entry: Mistake, task: Task) -> Submission:
    # Other random numbers than those with which the catalogue looks at itself.
    submission = submission_in_process(entry.names(), seed=7)
    submission.begin(task.by_hand)
    return submission


def _fails(submission: Submission, entry: Mistake) -> bool:
    """Whether some property notices; random questions come last, since they take longest."""
    every = properties_of(entry.exercise, entry.task)
    for held in sorted(every, key=lambda held: hasattr(held.test, "hypothesis")):
        test: Any = held.test
        test = hypothesis.seed(0)(test) if hasattr(test, "hypothesis") else test
        try:
            test(submission=submission)
        except (Mismatch, NotWritten, StudentError, Flaky):
            return True
    return False


def _telling(text: str) -> set[str]:
    """The lines of code that would be recognised: no imports, signatures, comments, short lines."""
    dull = ("import ", "from ", "def ", "class ", "#", '"""', "raise ")
    lines = (line.strip() for line in text.splitlines())
    return {line for line in lines if len(line) >= _TELLING and not line.startswith(dull)}
