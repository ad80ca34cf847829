"""What a student process can't do any more: use privileges, poison memory, read clocks, leave files."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from graders.sandbox.child import Child
from graders.sandbox.errors import Raised
from graders.sandbox.inside.seccomp import allowing, refusing
from graders.sandbox.limits import Limits
from graders.sandbox.tiers import PROCESS, STRICT, Tier, best_tier
from graders.sandbox.warm_parent import WarmParent

pytestmark = pytest.mark.skipif(
    sys.platform != "linux" or best_tier().name == PROCESS, reason="there are no walls here"
)
CALLS = """
import ctypes, mmap, os, time
libc = ctypes.CDLL(None, use_errno=True)

def advise(advice):
    memory = mmap.mmap(-1, mmap.PAGESIZE)
    address = ctypes.addressof(ctypes.c_char.from_buffer(memory))
    if libc.madvise(ctypes.c_void_p(address), ctypes.c_size_t(mmap.PAGESIZE), advice) != 0:
        raise OSError(ctypes.get_errno(), "madvise")
    return 0

def read_clock(number):
    return time.clock_gettime(number)

def resolution(number):
    return time.clock_getres(number)

def sleep_by(number):
    wait = (ctypes.c_long * 2)(0, 1)
    error = libc.clock_nanosleep(number, 0, wait, None)
    if error:
        raise OSError(error, "clock_nanosleep")
    return 0

def clock_of_the_parent():
    return time.clock_gettime(~os.getppid() << 3 | 2)
"""
EPERM = 1
WRITES = """
import matplotlib
import matplotlib.pyplot as plt

def places(*_):
    return [matplotlib.get_configdir(), matplotlib.get_cachedir()]
"""


@pytest.fixture(scope="module")
def child(warm_parent: WarmParent) -> Iterator[Child]:
    started = warm_parent.spawn(limits=Limits(cpu_seconds=5))
    started.ask({"ask": "load", "files": {"work.py": CALLS}, "module": "work"})
    yield started
    started.end()


def call(child: Child, name: str, *args: int) -> object:
    return child.ask({"ask": "call", "target": name, "args": list(args), "kwargs": {}}).value


def test_no_capability_is_left(child: Child) -> None:
    status = Path(f"/proc/{child.pid}/status").read_text()
    left = {line.split()[0]: int(line.split()[1], 16) for line in status.splitlines() if line[:3] == "Cap"}
    assert left["CapEff:"] == left["CapPrm:"] == left["CapInh:"] == left["CapAmb:"] == 0
    assert left["CapBnd:"] == 0 or os.geteuid() != 0


@pytest.mark.parametrize("advice", [100, 101])
def test_memory_of_the_machine_cannot_be_poisoned(child: Child, advice: int) -> None:
    with pytest.raises(Raised, match=rf"Errno {EPERM}\b"):
        call(child, "advise", advice)


@pytest.mark.parametrize("advice", [0, 3, 4])
def test_ordinary_memory_advice_is_accepted(child: Child, advice: int) -> None:
    assert call(child, "advise", advice) == 0


@pytest.mark.parametrize("name", ["read_clock", "resolution", "sleep_by"])
@pytest.mark.parametrize("number", [-2, -6, -1 << 31])
def test_clocks_of_others_cannot_be_read(child: Child, name: str, number: int) -> None:
    with pytest.raises(Raised, match=rf"Errno {EPERM}\b"):
        call(child, name, number)


def test_the_clock_of_the_parent_cannot_be_read(child: Child) -> None:
    with pytest.raises(Raised, match=rf"Errno {EPERM}\b"):
        call(child, "clock_of_the_parent")


@pytest.mark.parametrize("number", [0, 1, 2, 3, 7])
def test_ordinary_clocks_can_be_read(child: Child, number: int) -> None:
    assert call(child, "read_clock", number) is not None
    assert call(child, "resolution", number) is not None


@pytest.mark.parametrize("machine", ["x86_64", "aarch64"])
def test_every_jump_in_a_filter_is_one_that_the_kernel_accepts(machine: str) -> None:
    for program in (allowing(machine, 7), refusing(machine, 7)):
        lines = [program[at : at + 8] for at in range(0, len(program), 8)]
        for at, line in enumerate(lines):
            code, if_true, if_false = line[0], line[2], line[3]
            is_jump = code & 0x07 == 0x05
            assert not is_jump or at + 1 + max(if_true, if_false) < len(lines)


@pytest.mark.parametrize(
    "name",
    [
        best_tier().name,
        *(pytest.param(name, marks=pytest.mark.full) for name in {STRICT} - {best_tier().name}),
    ],
)
def test_files_written_during_an_import_disappear_with_the_parent(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("matplotlib")
    tier = best_tier() if best_tier().name == name else Tier(STRICT, seccomp=True, landlock=True)
    monkeypatch.setenv("HOME", str(tmp_path))
    places = [Path("/tmp"), Path("/var/tmp"), Path("/"), Path("/nonexistent"), Path.home(), tmp_path]
    imports = ("matplotlib", "matplotlib.pyplot")

    def entries() -> set[Path]:
        found = {entry for place in places if place.is_dir() for entry in place.iterdir()}
        # Other programs of this machine use its folders too.
        return {entry for entry in found if "matplotlib" in entry.name or entry.parent == tmp_path}

    before = entries()
    with WarmParent(tier) as parent:
        started = parent.spawn(imports=imports, limits=Limits(cpu_seconds=20))
        scratch = Path(parent._scratch.name)
        started.ask({"ask": "load", "files": {"work.py": WRITES}, "module": "work"})
        question = {"ask": "call", "target": "places", "args": [], "kwargs": {}}
        wanted = scratch if tier.bubblewrap is None else Path("/tmp")
        assert all(Path(place).is_relative_to(wanted) for place in started.ask(question).value)
        started.end()
    assert entries() == before and not Path("/nonexistent").exists() and not scratch.exists()


def test_code_that_reads_input_gets_end_of_file(warm_parent: WarmParent) -> None:
    started = warm_parent.spawn(limits=Limits(cpu_seconds=5))
    started.ask({"ask": "load", "files": {"work.py": "def ask(): return input()"}, "module": "work"})
    with pytest.raises(Raised, match="EOF"):
        call(started, "ask")
    started.end()
