"""Known mistakes: each of them fails its task and is named; nothing right is ever named."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import hypothesis
import pytest
import torch
from hypothesis.errors import Flaky

from graders.curriculum import Task, exercises
from graders.diagnosis.catalogue import known, mistakes
from graders.diagnosis.diagnose import diagnose
from graders.diagnosis.mistakes import Mistake, right_names
from graders.diagnosis.page import PAGE, page
from graders.grading.hand_in import read
from graders.sandbox.errors import Crashed, Forbidden, OutOfMemory, StudentError, TimedOut
from graders.sandbox.warm_parent import WarmParent
from graders.testing.expect import Mismatch
from graders.testing.in_process import submission_in_process
from graders.testing.properties import properties_of
from graders.testing.submission import Submission
from tests.grading.test_sample_class import EXPECTED, PATHS

RIGHT_STUDENTS = ("ada", "ben", "chen", "dina", "rosa")
TASKS = {(task.exercise, task.name): task for exercise in exercises() for task in exercise.tasks}
EXERCISES = [exercise.name for exercise in exercises()]
ENTRIES = [entry for exercise in EXERCISES for entry in mistakes(exercise)]

# Errors say themselves what is missing.
WITHOUT_ENTRIES = {"invalid_input"}


def _each_task() -> Iterator[Any]:
    for (exercise, name), task in TASKS.items():
        group = f"{exercise}.{name}"
        yield pytest.param(task, id=group, marks=pytest.mark.xdist_group(f"catalogue of {exercise}"))


def _wrong(entry: Mistake) -> Submission:
    submission = submission_in_process(entry.names())
    # Other random numbers than those with which the catalogue looks at itself.
    submission._seed = 7
    submission.begin(TASKS[entry.exercise, entry.task].by_hand)
    return submission


def _first_failure(submission: Submission, entry: Mistake) -> str:
    """How the first failing property fails; empty if all hold.

    Random tests come last, since they take longest.
    """
    every = sorted(
        properties_of(entry.exercise, entry.task), key=lambda held: hasattr(held.test, "hypothesis")
    )
    for held in every:
        test = hypothesis.seed(0)(held.test) if hasattr(held.test, "hypothesis") else held.test
        try:
            test(submission=submission)
        except (Mismatch, Flaky):
            return "failed"
        except (TimedOut, Crashed, Forbidden, OutOfMemory) as error:
            return type(error).__name__
        except StudentError:
            return "broken"
    return ""


@pytest.fixture(autouse=True)
def one_thread() -> None:
    torch.set_num_threads(1)


def _goes_wrong(entry: Mistake) -> str:
    """What the graders get wrong about one wrong answer; empty if it fails and is named."""
    try:
        if _first_failure(_wrong(entry), entry) not in ("failed", "broken"):
            return "it passes"
        found = diagnose(_wrong(entry), entry.exercise, entry.task)
    except Exception as error:
        return f"{type(error).__name__}: {error}"
    if found is None:
        return "it is not recognised"
    return "" if entry in found.matches else f"it is taken for {found.name}"


@pytest.mark.parametrize("task", list(_each_task()))
def test_every_wrong_answer_fails_its_task_and_is_named(task: Task) -> None:
    asked = [entry for entry in ENTRIES if (entry.exercise, entry.task) == (task.exercise, task.name)]
    wrong = [f"{entry.name}: {why}" for entry in asked if (why := _goes_wrong(entry))]
    assert not wrong, f"{len(wrong)} of {len(asked)}\n" + "\n".join(wrong)


@pytest.mark.parametrize("exercise", EXERCISES)
def test_wrong_answers_leave_the_other_tasks_alone(exercise: str) -> None:
    right = right_names(exercise)
    for entry in mistakes(exercise):
        wrong = entry.names()
        assert {name for name in wrong if wrong[name] is not right.get(name)} == {entry.task}
        assert set(wrong) == set(right)


@pytest.mark.parametrize("task", list(_each_task()))
def test_the_reference_is_never_named(task: Task) -> None:
    for seed in (0, 7):
        submission = submission_in_process(right_names(task.exercise))
        submission._seed = seed
        assert diagnose(submission, task.exercise, task.name) is None


@pytest.mark.parametrize("student", RIGHT_STUDENTS)
def test_right_students_are_never_named(student: str, warm_parent: WarmParent) -> None:
    graded = read(PATHS[student]).graded
    for exercise in exercises():
        submission = Submission(
            warm_parent, graded.code, graded.names[exercise.name], graded.imports[exercise.name], seed=3
        )
        try:
            for task in exercise.tasks:
                if EXPECTED[student][f"{exercise.name}.{task.name}"] == "passed":
                    submission.begin(task.by_hand)
                    found = diagnose(submission, exercise.name, task.name)
                    assert found is None, f"{task.name} is taken for {found.name}"
        finally:
            submission.close()


def test_every_task_has_its_misconceptions_and_every_one_a_task() -> None:
    with_entries = {(entry.exercise, entry.task) for entry in ENTRIES}
    # An exercise may do without a catalogue; one that has any names mistakes in each of its tasks.
    written = {exercise for exercise, _ in with_entries}
    assert with_entries == {key for key in TASKS if key[0] in written and key[1] not in WITHOUT_ENTRIES}
    assert all(known(*key).probes for key in with_entries)


@pytest.mark.parametrize("exercise", EXERCISES)
def test_names_are_plain_and_unique_within_a_task(exercise: str) -> None:
    names = [(entry.task, entry.name) for entry in mistakes(exercise)]
    assert {name for name in names if names.count(name) > 1} == set()
    assert [name for _, name in names if not re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)*", name)] == []


def test_words_for_the_student_are_whole_sentences_with_a_question() -> None:
    for entry in ENTRIES:
        about = f"{entry.exercise}: {entry.name}"
        # A sentence may begin with a name out of the code.
        assert re.match(r"[A-Z0-9]|\w+[._(]", entry.says), about
        assert re.search(r"[.!]$", entry.says), about
        assert "?" in entry.hint and re.search(r"[.?]$", entry.hint), about
        for text in (entry.says, entry.hint):
            assert text == " ".join(text.split()), about
            assert len(text) <= 450, about


def test_the_page_of_known_mistakes_is_up_to_date() -> None:
    assert PAGE.read_text(encoding="utf-8") == page(), "run `python -m graders catalogue`"
