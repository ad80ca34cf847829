"""Hostile submissions, graded like any other: no verdict changes, nothing leaks, nothing stays behind.

Each file under `attacks/` is handed in as the exercise that its header names; a folder is handed in as it is.
The header says which outcomes are acceptable. `passed` is one of them only if the answer itself is right and
becomes wrong as soon as the attack works, so that passing proves that it didn't. `tiers: walls` marks what
only `strict` and `strict+` promise to stop. Nothing here ever runs outside the sandbox.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import shutil
import stat
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import psutil
import pytest
import torch

from graders.curriculum import SOLUTIONS
from graders.grading.grade import Settings, grade
from graders.grading.hand_in import hand_in_of, read
from graders.report import Report
from graders.sandbox.errors import SandboxFailure, StudentError
from graders.sandbox.limits import Limits
from graders.sandbox.tiers import PROCESS, STRICT, STRICT_PLUS, Tier, best_tier
from graders.sandbox.warm_parent import WarmParent
from tests.parts import Part

ATTACKS = Path(__file__).parent / "attacks"
IN_MEMORY = "SENTINEL-in-the-memory-of-the-grader"
IN_FILE = "SENTINEL-in-a-file-beside-the-solutions"
IN_ENVIRONMENT = "SENTINEL-in-the-environment"
OF_SIBLING = "SENTINEL-in-the-work-of-another-student"
SECRETS = (IN_MEMORY, IN_FILE, IN_ENVIRONMENT, OF_SIBLING, "root:x:0:0", "def conv2d_backward")
MARKER = "marker-of-an-attack"
PLACES = [
    Path(place) for place in ("/tmp", "/var/tmp", "/dev/shm", "/", str(Path.home())) if Path(place).is_dir()
]


@dataclass(frozen=True)
class Brief(Limits):
    """Tight limits, for tests that must not take long."""

    cpu_seconds: float = 1.0
    memory_bytes: int = 512 << 20
    wall: float = 30.0

    @property
    def wall_seconds(self) -> float:
        return self.wall


@dataclass(frozen=True)
class Attack:
    """One hostile submission.

    Attributes:
        path: the file or folder.
        task: the task that it is graded on, as `exercise.task`.
        expect: the acceptable outcomes.
        walls: whether only tiers with walls promise to stop it.
        wall: the seconds of wall-clock time that it gets.
    """

    path: Path
    task: str
    expect: frozenset[str]
    walls: bool
    wall: float

    def __str__(self) -> str:
        return self.path.relative_to(ATTACKS).with_suffix("").as_posix()


def attack_at(path: Path) -> Attack:
    """The attack in a file or folder, from its header."""
    exercise = path / "conv2d.py" if path.is_dir() else path
    said = dict(re.findall(r"^# (task|expect|tiers|wall): (.*)$", exercise.read_text(), re.MULTILINE))
    expect, wall = frozenset(said["expect"].split()), float(said.get("wall", "30"))
    return Attack(path, said["task"], expect, said.get("tiers") == "walls", wall)


def attacks() -> list[Attack]:
    entries = sorted(entry for kind in ATTACKS.iterdir() if kind.is_dir() for entry in kind.iterdir())
    return [attack_at(entry) for entry in entries if not entry.name.startswith(("_", "."))]


def tiers() -> dict[str, Tier]:
    """Every tier of this machine, by name."""
    best = best_tier()
    found = {best.name: best, PROCESS: Tier(PROCESS, seccomp=False, landlock=False)}
    if best.name == STRICT_PLUS:
        found[STRICT] = Tier(STRICT, seccomp=True, landlock=True)
    return found


CASES = [
    (name, attack) for name in sorted(tiers()) for attack in attacks() if name != PROCESS or not attack.walls
]


@pytest.fixture(scope="module")
def parent_of(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[[str], WarmParent]]:
    torch.set_num_threads(1)
    os.environ["CNN_BY_HAND_SECRET"] = IN_ENVIRONMENT
    parents: dict[str, WarmParent] = {}

    def parent(name: str) -> WarmParent:
        if name not in parents:
            parents[name] = WarmParent(tiers()[name])
            parents[name].spawn(by_hand=True, limits=Limits()).end()
        return parents[name]

    yield parent
    del os.environ["CNN_BY_HAND_SECRET"]
    for started in parents.values():
        started.close()


@pytest.fixture
def scratch(tmp_path: Path) -> Path:
    """A folder with a secret, another student's work, and a place that anybody may write to."""
    (tmp_path / "secret.txt").write_text(IN_FILE)
    (tmp_path / "mia").mkdir()
    (tmp_path / "mia" / "conv2d.py").write_text(f"# {OF_SIBLING}\n")
    (tmp_path / "room").mkdir()
    (tmp_path / "room").chmod(0o777)
    for folder in (tmp_path, *tmp_path.parents[:2]):
        if folder.stat().st_uid == os.getuid():
            folder.chmod(0o755)
    return tmp_path


def aimed(text: str, scratch: Path) -> str:
    """The attack's source with its targets filled in."""
    aims = {
        "@SOLUTIONS@": str(SOLUTIONS),
        "@SECRET_FILE@": str(scratch / "secret.txt"),
        "@SIBLING@": str(scratch / "mia" / "conv2d.py"),
        "@SCRATCH@": str(scratch / "room"),
        "@GRADER_PID@": str(os.getpid()),
        "@MARKER@": MARKER,
    }
    for name, aim in aims.items():
        text = text.replace(name, aim)
    return text


def handed_in(attack: Attack, scratch: Path) -> Path:
    """The attack as a student's folder, next to right answers that it can use."""
    folder = scratch / "lin"
    shutil.copytree(attack.path, folder) if attack.path.is_dir() else folder.mkdir()
    if attack.path.is_file():
        exercise = attack.task.partition(".")[0]
        (folder / f"{exercise}.py").write_text(aimed(attack.path.read_text(), scratch))
    shutil.copy(ATTACKS / "right.py", folder / "right.py")
    return folder


def processes_of(parent: WarmParent) -> set[int]:
    return {process.pid for process in psutil.Process(parent._process.pid).children(recursive=True)}


def shared_memory() -> set[str]:
    """The objects in shared memory, without the temporary ones of other programs."""
    folder = Path("/dev/shm")
    return {entry.name for entry in folder.iterdir() if MARKER in entry.name} if folder.is_dir() else set()


def judge(attack: Attack, parent: WarmParent, scratch: Path) -> Report:
    settings = Settings(only=(attack.task,), limits=Brief(wall=attack.wall))
    return grade(read(handed_in(attack, scratch)), settings, parent)


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Every attack on the tier that this machine grades on, and a part of them on the others."""
    if {"tier", "attack"} <= set(metafunc.fixturenames):
        best, part = best_tier().name, Part(metafunc.config.option.part)
        cases = [case for case in CASES if case[0] == best or part.of([f"{case[0]} {case[1]}"])]
        metafunc.parametrize(("tier", "attack"), cases, ids=str)


def test_an_attack_gains_nothing(
    tier: str, attack: Attack, parent_of: Callable[[str], WarmParent], scratch: Path
) -> None:
    parent = parent_of(tier)
    before, shared = processes_of(parent), shared_memory()
    hand_in_of("lin", {})  # so that the process that reads is there already
    descriptors = psutil.Process().num_fds()
    report = judge(attack, parent, scratch)
    text = report.to_json()
    text.encode("utf-8")
    (result,) = report.tasks
    assert result.outcome in attack.expect, f"{result.outcome}: {result.message}"
    assert result.outcome == "passed" or result.score < result.max_score
    assert report.tier == tier and len(text) < 100_000
    assert not [secret for secret in SECRETS if secret in text]
    assert "\\u001b" not in text and "\x1b" not in text, "a steering character reached the report"
    if tier == PROCESS:  # it promises the verdict, not the machine
        return
    assert processes_of(parent) <= before, "a process is left"
    assert psutil.Process().num_fds() <= descriptors, "the grader holds more descriptors than before"
    assert not [path for place in [*PLACES, scratch / "room", scratch] for path in place.glob(f"{MARKER}*")]
    assert shared_memory() <= shared
    secret = scratch / "secret.txt"
    assert secret.read_text() == IN_FILE and secret.stat().st_mtime > 1


def test_every_kind_of_attack_is_there() -> None:
    kinds = {attack.path.parent.name for attack in attacks()}
    assert kinds == {
        *("ending_the_process", "patching_the_judge", "stealing_answers", "satisfying_without_work"),
        *("forging_results", "hurting_the_machine", "hostile_files", "leaving_something_behind"),
    }
    assert len(attacks()) >= 60


def test_the_attacks_would_work_without_walls(parent_of: Callable[[str], WarmParent], scratch: Path) -> None:
    """Without walls, harmless attacks succeed, so it is the walls that stop them."""
    parent = parent_of(PROCESS)
    for name in ("read_a_secret_by_system_call", "list_folders", "stat_and_access", "other_submissions"):
        attack = attack_at(ATTACKS / "stealing_answers" / f"{name}.py")
        report = judge(attack, parent, scratch)
        assert report.tasks[0].outcome != "passed", name
        assert "it worked" in report.tasks[0].message
        shutil.rmtree(scratch / "lin")


def test_an_attack_affects_no_other_student(parent_of: Callable[[str], WarmParent], scratch: Path) -> None:
    honest = scratch / "honest"
    honest.mkdir()
    shutil.copy(SOLUTIONS / "conv2d.py", honest / "conv2d.py")
    settings = Settings(only=("conv2d.output_size",), limits=Brief())
    for name in sorted(tiers()):
        parent = parent_of(name)
        for attack in ("ending_the_process/kill_oneself", "forging_results/flood_after_the_reply"):
            judge(attack_at(ATTACKS / f"{attack}.py"), parent, scratch)
            shutil.rmtree(scratch / "lin")
            assert [task.outcome for task in grade(read(honest), settings, parent).tasks] == ["passed"]


def test_a_killed_parent_affects_no_other_student(scratch: Path) -> None:
    honest = scratch / "honest"
    honest.mkdir()
    shutil.copy(SOLUTIONS / "conv2d.py", honest / "conv2d.py")
    settings = Settings(only=("conv2d.output_size",), limits=Brief())
    with WarmParent(Tier(PROCESS, seccomp=False, landlock=False)) as parent:
        child = parent.spawn(by_hand=False, limits=Limits())
        # It names the process: were it to ask for its parent, another might have taken that place by then.
        source = f"import os\ndef f(): os.kill({parent._process.pid}, 9)\n"
        child.ask({"ask": "load", "files": {"a.py": source}, "module": "a"})
        with contextlib.suppress(StudentError, SandboxFailure):
            child.ask({"ask": "call", "target": "f", "args": [], "kwargs": {}})
        parent._process.wait(timeout=60)
        child.end()
        assert [task.outcome for task in grade(read(honest), settings, parent).tasks] == ["passed"]


# ------------------------------------------------------------------------------------ files and archives


def zipped(path: Path, entries: dict[str, bytes], link: str | None = None) -> None:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in entries.items():
            archive.writestr(name, data)
        if link is not None:
            entry = zipfile.ZipInfo(link)
            entry.external_attr = (stat.S_IFLNK | 0o777) << 16
            archive.writestr(entry, "/etc/passwd")


RIGHT = (ATTACKS / "right.py").read_bytes()
HOSTILE: dict[str, Callable[[Path], Path]] = {}


def hostile(make: Callable[[Path], None]) -> Callable[[Path], None]:
    """Mark a function that creates a hostile hand-in at a path that doesn't exist yet."""
    HOSTILE[make.__name__] = make  # type: ignore[assignment]
    return make


@hostile
def paths_out_of_the_archive(path: Path) -> Path:
    out = {"../../outside.py": b"x", "/tmp/outside.py": b"x", "C:/outside.py": b"x", "..\\outside.py": b"x"}
    zipped(path.with_suffix(".zip"), {**out, "conv2d.py": RIGHT})
    return path.with_suffix(".zip")


@hostile
def links_in_the_archive(path: Path) -> Path:
    zipped(path.with_suffix(".zip"), {"conv2d.py": RIGHT}, link="pooling.py")
    return path.with_suffix(".zip")


@hostile
def a_bomb(path: Path) -> Path:
    zipped(path.with_suffix(".zip"), {f"{n}.py": bytes(200 << 20) for n in range(2)} | {"conv2d.py": RIGHT})
    return path.with_suffix(".zip")


@hostile
def a_bomb_that_lies_about_its_size(path: Path) -> Path:
    zipped(path.with_suffix(".zip"), {"bomb.py": bytes(50 << 20), "conv2d.py": RIGHT})
    raw = bytearray(path.with_suffix(".zip").read_bytes())
    size = (50 << 20).to_bytes(4, "little")
    path.with_suffix(".zip").write_bytes(raw.replace(size, (100).to_bytes(4, "little")))
    return path.with_suffix(".zip")


@hostile
def ten_thousand_files(path: Path) -> Path:
    zipped(path.with_suffix(".zip"), {f"{n}.py": b"x = 1\n" for n in range(10_000)} | {"conv2d.py": RIGHT})
    return path.with_suffix(".zip")


@hostile
def no_archive_at_all(path: Path) -> Path:
    path.with_suffix(".zip").write_bytes(b"PK\x03\x04" + os.urandom(500))
    return path.with_suffix(".zip")


@hostile
def links_in_the_folder(path: Path) -> Path:
    path.mkdir()
    (path / "conv2d.py").symlink_to(SOLUTIONS / "conv2d.py")
    (path / "pooling.py").symlink_to("/dev/zero")
    (path / "around").symlink_to(path)
    return path


@hostile
def pipes_and_folders_as_files(path: Path) -> Path:
    path.mkdir()
    os.mkfifo(path / "conv2d.py")
    (path / "pooling.py").mkdir()
    return path


@hostile
def names_that_are_no_text(path: Path) -> Path:
    path.mkdir()
    (path / "conv2d.py").write_bytes(RIGHT)
    for name in (b"bad\xff.py", b"esc\x1b[2J.py", b"new\nline.py"):
        Path(os.fsdecode(os.fsencode(path) + b"/" + name)).write_bytes(b"def (:\n")
    return path


@hostile
def deeply_nested_source(path: Path) -> Path:
    path.mkdir()
    (path / "conv2d.py").write_text("x = " + "(" * 50_000 + ")" * 50_000)
    (path / "pooling.py").write_text("x = " + "-" * 100_000 + "1")
    (path / "lenet.py").write_text("x = a" + ".b" * 100_000 + "\ny = " + "1+" * 50_000 + "1\n")
    return path


@hostile
def strange_encodings(path: Path) -> Path:
    path.mkdir()
    (path / "conv2d.py").write_bytes(b"# coding: utf-7\nx = '+2AA-'\nraise ValueError(x)\n")
    (path / "pooling.py").write_bytes(b"# coding: raw_unicode_escape\nx = '\\ud800'\nraise ValueError(x)\n")
    (path / "lenet.py").write_bytes(b"x = '\0'\n")
    return path


@hostile
def a_notebook_that_is_none(path: Path) -> Path:
    cells = [{"cell_type": "code", "source": ["raise ValueError('\ud800 \x1b[2J')"]}]
    path.mkdir()
    (path / "conv2d.ipynb").write_text(json.dumps({"cells": cells, "nbformat": 4}))
    (path / "pooling.ipynb").write_text("[" * 100_000)
    (path / "lenet.ipynb").write_text('{"cells": {"cell_type": 3}}')
    return path


@pytest.mark.parametrize("name", sorted(HOSTILE))
def test_hostile_files_only_become_problems(
    name: str, parent_of: Callable[[str], WarmParent], scratch: Path
) -> None:
    before = psutil.Process().memory_info().rss
    hand_in = read(HOSTILE[name](scratch / "lin"))
    assert sum(map(len, hand_in.files.values())) < 10 << 20
    only = ("conv2d.output_size", "pooling.pool2d", "lenet.LeNet")
    report = grade(hand_in, Settings(only=only, limits=Brief()), parent_of(best_tier().name))
    text = report.to_json()
    assert not [secret for secret in SECRETS if secret in text]
    assert all(task.outcome != "grader_error" for task in report.tasks), text
    assert not list(scratch.parent.glob("outside.py")) and not Path("/tmp/outside.py").exists()
    assert psutil.Process().memory_info().rss - before < 400 << 20
    text.encode("utf-8")  # what is written down as a file must be writable


# --------------------------------------------------------------------------------------- ordinary users

_SUBSET = (
    "gains_nothing and strict and (stealing or hurting or leaving) "
    "and not (endless or sleep or memory or output)"
)


def as_nobody(command: list[str]) -> list[str] | None:
    """The command that runs `command` as user 65534, or None if that isn't possible."""
    setpriv = shutil.which("setpriv")
    if os.geteuid() != 0 or setpriv is None:
        return None
    user = [setpriv, "--reuid", "65534", "--regid", "65534", "--clear-groups"]
    # It must be able to start itself again: `setpriv` may reach an interpreter that its user cannot.
    again = "import subprocess, sys; subprocess.run([sys.executable, '-c', 'import torch'], check=True)"
    if _runs([*user, sys.executable, "-c", again]):
        return [*user, *command]
    # The interpreter may lie in root's home: show it, and nothing else of it, to the other user.
    home, base = Path("/root"), Path(sys.base_prefix)
    unshare = shutil.which("unshare")
    if unshare is None or not base.is_relative_to(home):
        return None
    shown = home / base.relative_to(home).parts[0]
    script = (
        f'hold=$(mktemp -d) && mount --bind {shown} "$hold" && mount -t tmpfs -o mode=755 tmpfs {home} && '
        f'mkdir -p {shown} && mount --move "$hold" {shown} && exec "$@"'
    )
    inside = [unshare, "--mount", "--propagation", "private", "sh", "-c", script, "sh", *user]
    return [*inside, *command] if _runs([*inside, sys.executable, "-c", again]) else None


def _runs(command: list[str]) -> bool:
    return subprocess.run(command, capture_output=True, cwd="/", timeout=300).returncode == 0


@pytest.mark.full
def test_the_walls_hold_for_an_ordinary_user_too() -> None:
    if os.environ.get("CNN_BY_HAND_AS_NOBODY") or os.geteuid() != 0:
        pytest.skip("this run is an ordinary user's already")
    with tempfile.TemporaryDirectory(prefix="cnn-by-hand-nobody-") as room:
        folder = Path(room)
        folder.chmod(0o777)
        options = [
            "-q",
            "-p",
            "no:cacheprovider",
            "--part",
            "all",
            "--basetemp",
            str(folder / "tests"),
            "-k",
            _SUBSET,
        ]
        full = as_nobody([sys.executable, "-m", "pytest", *options, str(Path(__file__))])
        if full is None:
            pytest.skip(
                "no ordinary user can run this interpreter: setpriv, unshare or read access is missing"
            )
        theirs = {"CNN_BY_HAND_AS_NOBODY": "1", "HOME": room, "PYTHONDONTWRITEBYTECODE": "1"}
        run = subprocess.run(
            full,
            cwd=SOLUTIONS.parent,
            env={**os.environ, **theirs},
            capture_output=True,
            text=True,
            timeout=900,
        )
    assert run.returncode == 0, run.stdout[-3000:] + run.stderr[-2000:]
    assert re.search(r"(\d+) passed", run.stdout) and "skipped" not in run.stdout
