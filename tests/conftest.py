"""Shared by all tests: one warm parent, one student kit, and a way to write a submission."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import pytest
import torch

from graders.course.kit import release
from graders.curriculum import exercises, file_of
from graders.grading.grade import Settings, grade
from graders.grading.hand_in import read
from graders.report import Report, TaskResult
from graders.sandbox.inside import accelerator
from graders.sandbox.limits import Limits
from graders.sandbox.tiers import best_tier
from graders.sandbox.warm_parent import WarmParent
from tests.parts import PARTS, Part, part_of_this_commit
from tests.warm_python import WarmPython

# Questions on the accelerator are asked in this process as well, of our own code. Autograd counts the devices
# at its first use, so it has to be there before.
accelerator.install()

Sources = Mapping[str, str | bytes]


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--part",
        choices=[*map(str, range(PARTS)), "all"],
        help="which part to take of what is too much for every run (default: by the commit)",
    )


def pytest_configure(config: pytest.Config) -> None:
    """Name the marker of pytest-xdist, so that the tests run without it; settle the part for all workers."""
    config.addinivalue_line("markers", "xdist_group(name): tests that share an expensive fixture")
    config.option.part = config.option.part or part_of_this_commit()


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Keep a file's tests on one worker, where they share its fixtures, unless a test names another group.

    What names one shares something that takes minutes to make, so it comes first: else the other workers
    would wait for it at the end.
    """
    items.sort(key=lambda item: item.get_closest_marker("xdist_group") is None)
    for item in items:
        if item.get_closest_marker("xdist_group") is None:
            item.add_marker(pytest.mark.xdist_group(item.path.stem))


def pytest_report_header(config: pytest.Config) -> str:
    return f"of what is too much for every run: {Part(config.option.part)}"


@pytest.fixture(scope="session")
def part(pytestconfig: pytest.Config) -> Part:
    """The part that this run takes of what is too much for every run."""
    return Part(pytestconfig.option.part)


@pytest.fixture(scope="session")
def warm_parent() -> Iterator[WarmParent]:
    """The warm parent of every student process in the tests."""
    torch.set_num_threads(1)
    with WarmParent(best_tier()) as parent:
        yield parent


@pytest.fixture(scope="session")
def warm_nbgrader() -> Iterator[WarmPython]:
    """What `nbgrader …` is run by; it finds our own code by its configuration alone, as any nbgrader does."""
    kept = {key: value for key, value in os.environ.items() if not key.startswith("PYTHONPATH")}
    with WarmPython(("torch", "hypothesis", "jupytext", "IPython", "nbgrader.apps"), kept) as python:
        yield python


@pytest.fixture(scope="session")
def kit(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A released student kit. Copy it before you change anything."""
    folder = tmp_path_factory.mktemp("released") / "kit"
    release(folder)
    return folder


@pytest.fixture(scope="session")
def reference() -> dict[str, str]:
    """The reference solutions by file name; each is a valid submission."""
    names = [exercise.name for exercise in exercises()]
    return {f"{name}.py": file_of(name).read_text(encoding="utf-8") for name in names}


@pytest.fixture(scope="session")
def postgresql() -> Iterator[str]:
    """The URL of a database on a fresh server, which listens only on a socket."""
    pytest.importorskip("psycopg2", reason="psycopg2 is not installed: pip install -e '.[course]'")
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb")) or [Path(shutil.which("initdb") or "")]
    programs = found[-1].parent
    if not found[-1].is_file():
        pytest.skip("PostgreSQL is not installed: apt install postgresql")
    # Not among pytest's own folders, which nobody else may enter: the server refuses to run as root.
    folder = Path(tempfile.mkdtemp(prefix="postgresql-"))
    as_user: list[str] = []
    if os.getuid() == 0:
        as_user = ["setpriv", "--reuid=postgres", "--regid=postgres", "--clear-groups"]
        shutil.chown(folder, "postgres", "postgres")
    data = folder / "data"
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.PIPE, "cwd": str(folder)}
    made = subprocess.run(
        [*as_user, str(programs / "initdb"), "-D", str(data), "-U", "grader", "-A", "trust", "-N"],
        check=False,
        **quiet,
    )  # type: ignore[call-overload]
    if made.returncode != 0:
        pytest.skip(f"initdb: {made.stderr.decode()[-300:]}")
    server = subprocess.Popen(
        [*as_user, str(programs / "postgres"), "-D", str(data), "-k", str(folder), "-c", "listen_addresses="],
        **quiet,
    )  # type: ignore[call-overload]
    try:
        for _ in range(300):
            ready = subprocess.run([str(programs / "pg_isready"), "-h", str(folder), "-q"], check=False)
            if ready.returncode == 0:
                break
            time.sleep(0.2)
        else:
            pytest.fail("the PostgreSQL server did not start")
        yield f"postgresql+psycopg2://grader@/postgres?host={folder}"
    finally:
        server.terminate()
        server.wait(timeout=60)
        shutil.rmtree(folder, ignore_errors=True)


def write_submission(folder: Path, sources: Sources) -> Path:
    """Write only the files of one submission; returns the folder."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in sources.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(text if isinstance(text, bytes) else text.encode("utf-8"))
    return folder


@pytest.fixture
def submit(tmp_path: Path, reference: dict[str, str]) -> Callable[..., Path]:
    """Write a submission: the reference solutions, except for the given sources.

    `submit({"conv2d.py": "…"}, student="lin")`; a source of `None` leaves that file out.
    """

    def written(sources: Mapping[str, str | bytes | None] | None = None, student: str = "lin") -> Path:
        every = {**reference, **(sources or {})}
        present = {name: text for name, text in every.items() if text is not None}
        return write_submission(tmp_path / "class" / student, present)

    return written


@pytest.fixture
def graded(submit: Callable[..., Path], warm_parent: WarmParent) -> Callable[..., Report]:
    """Grade the reference solutions, except for the given sources: `graded({"conv2d.py": "…"}, "conv2d")`."""

    def report(
        sources: Mapping[str, str | bytes | None],
        *only: str,
        seed: int = 0,
        cpu_seconds: float = 10.0,
        student: str = "lin",
    ) -> Report:
        settings = Settings(seed=seed, only=only, limits=Limits(cpu_seconds=cpu_seconds))
        return grade(read(submit(sources, student)), settings, warm_parent)

    return report


def result_of(report: Report, task: str) -> TaskResult:
    """The result of a task given as `exercise.task`."""
    return next(found for found in report.tasks if f"{found.exercise}.{found.task}" == task)


def outcomes(report: Report) -> dict[str, str]:
    """The outcomes by `exercise.task`."""
    return {f"{task.exercise}.{task.task}": task.outcome for task in report.tasks}
