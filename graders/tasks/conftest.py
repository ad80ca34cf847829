"""`pytest graders/tasks --submission DIR`: the hidden properties under plain pytest."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
import torch

from graders.curriculum import SOLUTIONS, exercise_named
from graders.grading.hand_in import HandIn, read
from graders.sandbox import gpu
from graders.sandbox.tiers import best_tier
from graders.sandbox.warm_parent import WarmParent
from graders.testing.devices import asked_on_a_gpu
from graders.testing.properties import Mark, Property, groups_of
from graders.testing.submission import Submission


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--submission",
        default=str(SOLUTIONS),
        help="the folder, .zip, .ipynb or .py to grade (default: the reference solutions)",
    )
    parser.addoption(
        "--device",
        choices=gpu.CHOICES,
        default="cpu",
        help="where to run: a GPU of this machine, a simulated one, or the CPU (default)",
    )


def pytest_configure(config: pytest.Config) -> None:
    """Reject a path that doesn't exist once, not once for every property."""
    path = Path(config.getoption("--submission"))
    if not path.exists():
        raise pytest.UsageError(f"--submission {path}: no such file or folder")


@pytest.fixture(scope="session")
def warm_parent() -> Iterator[WarmParent]:
    torch.set_num_threads(1)
    with WarmParent(best_tier()) as parent:
        yield parent


@pytest.fixture(scope="session")
def hand_in(request: pytest.FixtureRequest) -> HandIn:
    return read(Path(request.config.getoption("--submission")))


@pytest.fixture(scope="module")
def exercise(request: pytest.FixtureRequest) -> str:
    """The exercise that a file of properties belongs to: `graders.tasks.<exercise>.properties`."""
    return str(request.module.__name__.split(".")[2])


@pytest.fixture(scope="module")
def exercise_of_hand_in(exercise: str, warm_parent: WarmParent, hand_in: HandIn) -> Iterator[Submission]:
    if exercise not in hand_in.modules:
        problems = "; ".join(map(str, hand_in.problems))
        pytest.fail(f"{exercise}.py was not handed in, or cannot be read. {problems}")
    graded = hand_in.graded
    submission = Submission(warm_parent, graded.code, graded.names[exercise], graded.imports[exercise])
    yield submission
    submission.close()


@pytest.fixture
def mark(request: pytest.FixtureRequest) -> Mark | Property:
    """The task and the group that the test belongs to."""
    found = request.function.__property__
    assert isinstance(found, Mark)
    return found


@pytest.fixture
def submission(
    request: pytest.FixtureRequest,
    exercise: str,
    mark: Mark | Property,
    exercise_of_hand_in: Submission,
    hand_in: HandIn,
) -> Iterator[Submission]:
    """The submission, ready for questions about the task that the test belongs to."""
    unreadable = hand_in.graded.unreadable.get(f"{exercise}.{mark.task}")
    if unreadable is not None:
        pytest.fail(unreadable)
    tasks = {task.name: task for task in exercise_named(exercise).tasks}
    exercise_of_hand_in.begin(tasks[mark.task].by_hand)
    device = gpu.find(request.config.getoption("--device"))
    if not device.is_gpu:
        yield exercise_of_hand_in
        return
    if not asked_on_a_gpu(mark.group, groups_of(exercise, mark.task)):
        pytest.skip(f"not run on {device}")
    with exercise_of_hand_in.on(device.name):
        yield exercise_of_hand_in
