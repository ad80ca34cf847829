"""The sandbox: what each tier promises, how each limit is reported; honest code isn't affected."""

from __future__ import annotations

import ast
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil
import pytest
import torch

from graders.grading.grade import Settings, grade
from graders.grading.hand_in import read
from graders.sandbox import tiers
from graders.sandbox.child import Child
from graders.sandbox.errors import Crashed, OutOfMemory, Raised, SandboxFailure, TimedOut
from graders.sandbox.inside import boot, lockdown, seccomp
from graders.sandbox.limits import Limits
from graders.sandbox.self_test import attack_ourselves
from graders.sandbox.tiers import PROCESS, STRICT, STRICT_PLUS, Tier, best_tier
from graders.sandbox.warm_parent import WarmParent

linux = pytest.mark.skipif(best_tier().name == PROCESS, reason="this machine offers no walls")


@dataclass(frozen=True)
class Brief(Limits):
    cpu_seconds: float = 1.0
    memory_bytes: int = 512 << 20
    wall: float = 20.0

    @property
    def wall_seconds(self) -> float:
        return self.wall


@pytest.fixture
def start(warm_parent: WarmParent) -> Iterator[Callable[..., Child]]:
    """Start a process with one file: `start("def f(): …")`."""
    started: list[Child] = []

    def child(
        source: str, imports: tuple[str, ...] = (), limits: Limits | None = None, by_hand: bool = False
    ) -> Child:
        process = warm_parent.spawn(by_hand=by_hand, imports=imports, limits=limits or Brief())
        started.append(process)
        process.ask({"ask": "load", "files": {"work.py": source}, "module": "work"})
        return process

    yield child
    for process in started:
        process.end()


def call(child: Child, name: str = "f", *args: Any) -> Any:
    return child.ask({"ask": "call", "target": name, "args": list(args), "kwargs": {}}).value


def children_of(parent: WarmParent) -> set[int]:
    return {process.pid for process in psutil.Process(parent._process.pid).children(recursive=True)}


# -------------------------------------------------------------------------------------------------- tiers


def test_the_best_tier_is_a_known_one() -> None:
    assert best_tier().name in (STRICT_PLUS, STRICT, PROCESS)


@linux
def test_a_strict_tier_has_a_filter() -> None:
    assert best_tier().seccomp


def test_without_linux_only_the_process_tier_is_left(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tiers.sys, "platform", "darwin")  # type: ignore[attr-defined]
    assert best_tier() == Tier(PROCESS, seccomp=False, landlock=False)


@linux
def test_without_bubblewrap_the_tier_is_strict(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tiers.shutil, "which", lambda name: None)  # type: ignore[attr-defined]
    assert best_tier().name == STRICT


@linux
def test_bubblewrap_that_cannot_make_namespaces_is_not_used(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tiers.shutil, "which", lambda name: "/bin/false")  # type: ignore[attr-defined]
    assert best_tier().name == STRICT


def test_the_report_states_the_tier(warm_parent: WarmParent, tmp_path: Path) -> None:
    (tmp_path / "conv2d.py").write_text("def output_size(*a, **k): raise NotImplementedError\n")
    report = grade(read(tmp_path), Settings(only=("conv2d.output_size",)), warm_parent)
    assert report.tier == warm_parent.tier.name == best_tier().name


@linux
def test_the_filter_is_written_for_both_architectures_and_no_other() -> None:
    for machine in ("x86_64", "aarch64"):
        assert len(seccomp.allowing(machine, 1)) % 8 == 0
        assert len(seccomp.refusing_processes(machine)) % 8 == 0
    with pytest.raises(seccomp.LockdownError):
        seccomp.allowing("riscv64", 1)


# ------------------------------------------------------------------------------------------- the self-test


@linux
def test_our_own_attacks_are_all_refused(warm_parent: WarmParent) -> None:
    findings = attack_ourselves(warm_parent)
    assert len(findings) >= 7
    assert not [finding for finding in findings if finding.possible]


@linux
@pytest.mark.parametrize(
    ("seccomp", "landlock"), [(False, False), pytest.param(False, True, marks=pytest.mark.full)]
)
def test_a_sabotaged_sandbox_is_noticed(seccomp: bool, landlock: bool) -> None:
    if landlock and lockdown.landlock_version() == 0:
        pytest.skip("this kernel has no Landlock")
    with WarmParent(Tier(STRICT, seccomp=seccomp, landlock=landlock)) as parent:
        possible = {finding.attack for finding in attack_ourselves(parent) if finding.possible}
    assert {"open a socket", "start a process", "raise a limit"} <= possible
    assert landlock or {"read a file", "write a file", "list a folder"} <= possible


@linux
@pytest.mark.full
def test_a_missing_memory_limit_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    from graders.sandbox import self_test

    monkeypatch.setattr(self_test, "_LIMITS", Limits(cpu_seconds=5.0, memory_bytes=8 << 30))
    with WarmParent(Tier(STRICT, seccomp=True, landlock=False)) as parent:
        possible = {finding.attack for finding in attack_ourselves(parent) if finding.possible}
    assert possible == {"take too much memory"}


@linux
def test_a_wall_that_cannot_be_put_up_is_the_sandboxs_failure_and_ends_the_process() -> None:
    if lockdown.landlock_version() == 0:
        pytest.skip("this kernel has no Landlock")
    from graders.sandbox import warm_parent

    inside = warm_parent._INSIDE
    source = (inside / "lockdown.py").read_text()
    broken = source.replace(
        "version = landlock_version()\n    if version == 0:", "raise LockdownError('broken')\n    if True:"
    )
    assert broken != source
    with pytest.MonkeyPatch.context() as patch, WarmParentOf(broken, patch) as parent:
        parent._await_ready()
        before = set(psutil.pids())
        with pytest.raises(SandboxFailure, match="broken"):
            parent.spawn(by_hand=False, limits=Limits())
        assert not children_of(parent) & (set(psutil.pids()) - before)


class WarmParentOf(WarmParent):
    """A warm parent with another `lockdown.py`."""

    def __init__(self, lockdown_source: str, patch: pytest.MonkeyPatch) -> None:
        original = Path.read_text

        def read_text(path: Path, *args: Any, **kwargs: Any) -> str:
            return lockdown_source if path.name == "lockdown.py" else original(path, *args, **kwargs)

        patch.setattr(Path, "read_text", read_text)
        super().__init__(best_tier())


# ------------------------------------------------------------------------------------------------- limits


def test_too_much_cpu_time_is_reported_as_such(start: Callable[..., Child]) -> None:
    child = start("def f():\n    while True: pass\n")
    with pytest.raises(TimedOut) as caught:
        call(child)
    assert caught.value.clock == "CPU" and not child.alive


def test_a_sleeping_process_hits_the_wall_clock_limit(start: Callable[..., Child]) -> None:
    child = start("import time\ndef f(): time.sleep(1000)\n", limits=Brief(wall=1.0))
    with pytest.raises(TimedOut) as caught:
        call(child)
    assert caught.value.clock == "wall"


def test_many_short_sleeps_hit_the_wall_clock_limit(start: Callable[..., Child]) -> None:
    child = start("import time\ndef f(): time.sleep(0.5)\n", limits=Brief(wall=3.0))
    with pytest.raises(TimedOut):
        for _ in range(20):
            call(child)


@linux
@pytest.mark.parametrize(
    "source", ["bytearray(2 << 30)", "torch.ones(10**10)", "[0] * 10**10", "torch.eye(10**6)"]
)
def test_too_much_memory_is_reported_as_such(start: Callable[..., Child], source: str) -> None:
    with pytest.raises(OutOfMemory):
        call(start(f"import torch\ndef f(): return {source}\n"))


def test_endless_output_is_a_time_limit_that_says_how_much_was_printed(start: Callable[..., Child]) -> None:
    child = start("def f():\n    while True: print('x' * 1000)\n")
    with pytest.raises(TimedOut) as caught:
        call(child)
    assert caught.value.printed > 100_000


def test_much_output_is_kept_only_in_part(start: Callable[..., Child]) -> None:
    child = start(
        "def f():\n    print('\\x1b[31mx' * 2_000_000)\n    return 7\n", limits=Brief(cpu_seconds=5)
    )
    answer = child.ask({"ask": "call", "target": "f", "args": [], "kwargs": {}})
    assert answer.value == 7
    assert len(answer.printed) <= 64 << 10 and "\x1b" not in answer.printed


def test_too_many_threads_are_reported_as_such(start: Callable[..., Child]) -> None:
    source = (
        "import threading, time\nthreading.stack_size(65536)\n"
        "def f():\n    for _ in range(1000): threading.Thread(target=time.sleep, args=(99,), daemon=True).start()\n"
        "    time.sleep(5)\n"
    )
    with pytest.raises((Crashed, Raised), match=r"threads|thread"):
        call(start(source, limits=Brief(cpu_seconds=5)))


def test_a_result_that_is_too_large_is_the_functions_fault_and_ends_no_process(
    start: Callable[..., Child],
) -> None:
    child = start(
        "import torch\ndef f(): return torch.zeros(70 << 20, dtype=torch.uint8)\ndef g(): return 1\n"
    )
    with pytest.raises(Raised, match="too large"):
        call(child)
    assert call(child, "g") == 1


def test_a_process_that_ends_itself_is_a_crash(start: Callable[..., Child]) -> None:
    for body in ("os._exit(0)", "os.abort()", "os._exit(97)", "sys.exit(0)", "os.kill(os.getpid(), 9)"):
        child = start(f"import os, sys\ndef f(): {body}\n")
        with pytest.raises(Crashed):
            call(child)
        assert not child.alive


def test_a_name_from_a_failed_import_is_reported_with_the_imports_line(start: Callable[..., Child]) -> None:
    child = start("x = 1\nimport no_such_module\ndef f():\n    return no_such_module\n")
    with pytest.raises(Raised) as caught:
        call(child)
    assert caught.value.frames[-1].line == 2 and caught.value.is_a("ModuleNotFoundError")


# -------------------------------------------------------------------------- nothing stays, nothing is shared


@linux
def test_nothing_survives_the_end_of_a_process(warm_parent: WarmParent, start: Callable[..., Child]) -> None:
    before = children_of(warm_parent)
    source = (
        "import threading, time, signal\n"
        "for n in (1, 2, 15): signal.signal(n, signal.SIG_IGN)\n"
        "def stay():\n    while True: time.sleep(0.01)\n"
        "for _ in range(5): threading.Thread(target=stay).start()\ndef f(): return 1\n"
    )
    child = start(source)
    assert call(child) == 1 and children_of(warm_parent) > before
    child.end()
    assert children_of(warm_parent) == before
    assert not psutil.pid_exists(child.pid)


def test_the_end_of_the_parent_is_the_end_of_its_children() -> None:
    parent = WarmParent(best_tier())
    child = parent.spawn(by_hand=False, limits=Limits())
    pids = {child.pid, *children_of(parent)}
    parent.close()
    until = time.monotonic() + 10
    while (left := {pid for pid in pids if psutil.pid_exists(pid)}) and time.monotonic() < until:
        time.sleep(0.05)
    assert not left


@linux
def test_siblings_cannot_see_each_other(start: Callable[..., Child]) -> None:
    source = (
        "import os\nmarker = 'left by the first'\nos.environ['MARK'] = marker\nimport torch\ntorch.marked = 1\n"
        "def f(pid):\n    found = []\n"
        "    for look in (lambda: os.kill(pid, 0), lambda: os.listdir('/proc/%d' % pid), lambda: os.getpgid(pid),\n"
        "                 lambda: open('/proc/%d/mem' % pid), lambda: os.pidfd_open(pid)):\n"
        "        try: look()\n        except OSError: continue\n        found.append(1)\n    return len(found)\n"
    )
    first = start(source)
    other = "import os, torch\ndef f(pid): return 'MARK' in os.environ or hasattr(torch, 'marked')\n"
    second = start(other)
    assert call(second, "f", 0) is False
    third = start(source)
    assert call(third, "f", first.pid) == 0 and call(third, "f", first.inner_pid) == 0
    assert call(first, "f", second.pid) == 0


@linux
def test_the_process_has_only_its_own_descriptors(start: Callable[..., Child]) -> None:
    source = (
        "import select\ndef f():\n    poller = select.poll()\n    for fd in range(60): poller.register(fd)\n"
        "    return sorted(fd for fd, event in poller.poll(0) if not event & select.POLLNVAL)\n"
    )
    found = call(start(source))
    assert found[:3] == [0, 1, 2] and len(found) == 4


def test_nothing_of_ours_is_in_the_process(
    start: Callable[..., Child], monkeypatch: pytest.MonkeyPatch
) -> None:
    source = "import os, sys\ndef f(): return [sorted(os.environ), sorted({m.split('.')[0] for m in sys.modules}), sys.argv, sys.path]\n"
    environment, modules, argv, path = call(start(source))
    assert not {"graders", "solutions", "hypothesis", "pytest", "exercises"} & set(modules)
    assert set(environment) <= {
        *("PATH", "LD_LIBRARY_PATH", "HOME", "LOGNAME", "LANG", "CUDA_VISIBLE_DEVICES", "PWD", "LC_CTYPE"),
        *(f"{name}_NUM_THREADS" for name in ("OMP", "MKL", "OPENBLAS")),
        *("VECLIB_MAXIMUM_THREADS", "KMP_INIT_AT_FORK", "KMP_DUPLICATE_LIB_OK", "TORCHINDUCTOR_CACHE_DIR"),
        *(name for name in environment if name.startswith(("KMP_", "__KMP", "PYTORCH_"))),
    }, environment
    assert argv[0] == "-c" and all(argument.isdigit() for argument in argv[1:])
    assert path == []


def test_a_hundred_starts_leak_nothing(warm_parent: WarmParent) -> None:
    def one() -> None:
        child = warm_parent.spawn(by_hand=False, limits=Limits())
        child.ask({"ask": "load", "files": {"work.py": "def f(): return 1\n"}, "module": "work"})
        assert call(child) == 1
        child.end()

    for _ in range(10):
        one()
    ours, theirs = psutil.Process(), psutil.Process(warm_parent._process.pid)
    before = (ours.num_fds(), ours.memory_info().rss, children_of(warm_parent), ours.num_threads())
    inner = (theirs.children(recursive=True) or [theirs])[-1]
    held = inner.num_fds(), inner.memory_info().rss
    for _ in range(100):
        one()
    assert ours.num_fds() <= before[0]
    assert ours.memory_info().rss - before[1] < 16 << 20
    assert children_of(warm_parent) == before[2] and ours.num_threads() == before[3]
    assert inner.num_fds() <= held[0] and inner.memory_info().rss - held[1] < 16 << 20


def test_the_graders_own_torch_stays_as_it_was(start: Callable[..., Child]) -> None:
    before = (
        torch.get_default_dtype(),
        torch.is_grad_enabled(),
        torch.get_num_threads(),
        torch.get_rng_state(),
    )
    hooked = torch.equal
    child = start(
        "import torch\ntorch.set_default_dtype(torch.float64)\ntorch.equal = None\n"
        "def f():\n    torch.set_grad_enabled(False)\n    torch.manual_seed(3)\n    return torch.rand(2)\n"
    )
    call(child)
    after = (
        torch.get_default_dtype(),
        torch.is_grad_enabled(),
        torch.get_num_threads(),
        torch.get_rng_state(),
    )
    assert after[:3] == before[:3] and torch.equal(after[3], before[3]) and torch.equal is hooked


# --------------------------------------------------------------------------- the sandbox's own failures


@pytest.mark.full  # tests/sandbox/test_attacks.py has a parent killed from inside
def test_a_parent_that_was_killed_is_started_again(tmp_path: Path) -> None:
    with WarmParent(best_tier()) as parent:
        parent.spawn(by_hand=False, limits=Limits()).end()
        parent._process.kill()
        parent._process.wait()
        child = parent.spawn(by_hand=False, limits=Limits())
        child.ask({"ask": "load", "files": {"work.py": "def f(): return 5\n"}, "module": "work"})
        assert call(child) == 5
        child.end()


def test_a_parent_that_cannot_start_is_the_sandboxs_failure_and_nobody_elses(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    from graders.sandbox import warm_parent

    monkeypatch.setattr(warm_parent, "_BOOT", "raise SystemExit('no torch here')")
    (tmp_path / "conv2d.py").write_text("def output_size(*a, **k): return 0\n")
    with WarmParent(Tier(PROCESS, seccomp=False, landlock=False)) as parent:
        with pytest.raises(SandboxFailure):
            parent.spawn(by_hand=False, limits=Limits())
        report = grade(read(tmp_path), Settings(only=("conv2d.output_size",)), parent)
    assert [task.outcome for task in report.tasks] == ["grader_error"]


def test_modules_that_run_when_they_are_imported_are_not_loaded_beforehand() -> None:
    assert boot._is_private("venv.__main__") and boot._is_private("torch._inductor.async_compile")
    assert not boot._is_private("torchvision.ops")


# ---------------------------------------------------------------------------------------- honest programs

HONEST = {
    "the standard library": (
        "import math, itertools, random, statistics, functools, collections, dataclasses, typing, json, re, string\n"
        "import decimal, fractions, heapq, bisect, operator, copy, time, datetime, textwrap, warnings, enum, abc\n"
        "def f(): return statistics.mean([math.pi, 3]) + random.random() + len(list(itertools.product('ab', 'cd')))"
    ),
    "numpy": (
        "import numpy as np\ndef f():\n    r = np.random.default_rng(0)\n    a = r.normal(size=(4, 4))\n"
        "    return float(np.linalg.svd(a)[1].sum() + np.fft.fft2(a).real.sum())"
    ),
    "matplotlib": "import matplotlib.pyplot as plt\ndef f(): return 1",
    "einops": "import torch\nfrom einops import rearrange\ndef f(): return rearrange(torch.ones(2, 3), 'a b -> (a b)').sum()",
    "scipy": "from scipy import signal\nimport numpy as np\ndef f(): return float(signal.correlate2d(np.eye(4), np.eye(2)).sum())",
    "torchvision": "import torch\nfrom torchvision import transforms\ndef f(): return transforms.Normalize(0.5, 0.5)(torch.ones(1, 2, 2))",
    "threads of torch": (
        "import torch\ntorch.set_num_threads(2)\ndef f():\n    torch.set_num_threads(2)\n"
        "    return (torch.rand(300, 300) @ torch.rand(300, 300)).sum()"
    ),
    "threads of one's own": (
        "import threading\nfrom concurrent.futures import ThreadPoolExecutor\n"
        "def f():\n    with ThreadPoolExecutor(4) as pool:\n        return sum(pool.map(abs, range(-9, 9)))"
    ),
    "warnings on stderr": (
        "import sys, warnings, logging\nwarnings.warn('beware')\nprint('at import', file=sys.stderr)\n"
        "def f():\n    warnings.warn('again')\n    logging.warning('and again')\n    print('…', file=sys.stderr)\n    return 1"
    ),
    "prints": "print('hello', flush=True)\ndef f():\n    print('ü' * 3000)\n    return 1",
    "no newline, no flush": "import sys\ndef f():\n    sys.stdout.write('50 %\\r')\n    return 1",
    "odd helpers": (
        "class Meta(type):\n    def __call__(cls, *a): return super().__call__(*a)\nclass Odd(metaclass=Meta):\n"
        "    def __eq__(self, other): return True\n    __hash__ = None\n    def __bool__(self): raise ValueError\n"
        "def __getattr__(name):\n    if name.startswith('__'): raise AttributeError(name)\n    return 3\n"
        "def f():\n    Odd()\n    return 1"
    ),
    "torch.func": (
        "import torch\nfrom torch.func import grad, vmap, jacrev, jacfwd, hessian, jvp, vjp\n"
        "def f():\n    x = torch.rand(3)\n    g = lambda t: (t * t).sum()\n    jvp(g, (x,), (x,)); vjp(g, x)\n"
        "    return vmap(grad(g))(torch.rand(2, 3)) + hessian(g)(x).sum() + jacrev(torch.sin)(x).sum() + jacfwd(torch.sin)(x).sum()"
    ),
    "a loader of batches": (
        "import torch\nfrom torch.utils.data import DataLoader, TensorDataset, Dataset, random_split\n"
        "def f():\n    data = TensorDataset(torch.rand(10, 2), torch.rand(10))\n    a, b = random_split(data, [6, 4])\n"
        "    return sum(len(y) for _, y in DataLoader(a, batch_size=4, shuffle=True))"
    ),
    "training": (
        "import torch\nfrom torch import nn\ndef f():\n    net = nn.Sequential(nn.Conv2d(1, 2, 3), nn.ReLU(), nn.AvgPool2d(2),\n"
        "        nn.Flatten(), nn.LazyLinear(3))\n    X, y = torch.rand(4, 1, 6, 6), torch.tensor([0, 1, 2, 0])\n"
        "    for cls in (torch.optim.SGD, torch.optim.Adam, torch.optim.AdamW, torch.optim.RMSprop, torch.optim.Adagrad):\n"
        "        net(X)\n        o = cls(net.parameters(), lr=0.01)\n        s = torch.optim.lr_scheduler.StepLR(o, 1)\n"
        "        o.zero_grad()\n        nn.CrossEntropyLoss()(net(X), y).backward()\n"
        "        nn.utils.clip_grad_norm_(net.parameters(), 1.0)\n        o.step()\n        s.step()\n    return net(X)"
    ),
    "other arithmetic": (
        "import torch\ndef f():\n    a = torch.rand(3, 3, dtype=torch.float64) + torch.eye(3)\n"
        "    return torch.linalg.inv(a) + torch.linalg.qr(a)[0] + torch.linalg.cholesky(a @ a.T) + torch.linalg.det(a)"
    ),
    "half precision": "import torch\ndef f(): return (torch.rand(4, 4).half() @ torch.rand(4, 4).half()).float() + torch.rand(4, 4).bfloat16()",
    "a look at oneself": "import inspect, sys\ndef f(): return inspect.getsource(f) + str(inspect.signature(f)) + sys.version",
    "the time and the machine": (
        "import time, os, platform, sys\ndef f(): return time.time() + time.perf_counter() + os.getpid() + (os.cpu_count() or 1) + len(platform.python_version())"
    ),
    "a generator of random numbers": "import random, secrets, torch\ndef f(): return torch.rand(2, generator=torch.Generator().manual_seed(random.randrange(9)))",
    "a question at the keyboard that nobody answers": "def f():\n    try: return input('?')\n    except EOFError: return 'nobody there'",
}


@pytest.mark.parametrize("name", HONEST)
def test_an_honest_program_is_not_affected(start: Callable[..., Child], name: str) -> None:
    from graders.grading.screen import loadable

    source = HONEST[name] + "\n"
    for library in ("matplotlib", "einops", "scipy", "torchvision"):
        if f"import {library}" in source or f"from {library}" in source:
            pytest.importorskip(library)
    imports = tuple(sorted(loadable([ast.parse(source)])))
    child = start(source, imports=imports, limits=Brief(cpu_seconds=10, wall=60))
    assert call(child) is not None


def test_what_a_program_prints_comes_along_and_steers_nothing(start: Callable[..., Child]) -> None:
    child = start("def f():\n    print('one\\x1b[2J')\n    print('two')\n    return 1\n")
    answer = child.ask({"ask": "call", "target": "f", "args": [], "kwargs": {}})
    assert answer.printed == "one\\x1b[2J\ntwo\n"


def test_a_file_that_cannot_be_read_is_an_ordinary_error(start: Callable[..., Child]) -> None:
    if best_tier().name == PROCESS:
        pytest.skip("this machine offers no walls")
    with pytest.raises(Raised) as caught:
        call(start("def f(): return open('data.csv').read()\n"))
    assert caught.value.is_a("OSError") and caught.value.frames[-1].line == 1


def test_the_warm_parent_forks_from_one_thread(warm_parent: WarmParent) -> None:
    chain = [
        psutil.Process(warm_parent._process.pid),
        *psutil.Process(warm_parent._process.pid).children(recursive=True),
    ]
    assert all(process.num_threads() == 1 for process in chain)
