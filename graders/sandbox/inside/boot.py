"""The warm parent: imports torch once, then forks one student process for each request.

It contains no solution, no grader and no submission. `warm_parent.py` starts it with an open control socket.
Each request brings the three file descriptors of a new child: its wire, its standard output, and the pipe
that reports by-hand refusals. Children for by-hand tasks come from a twin process in which torch's own
kernels have been replaced once for all of them, and children for the simulated accelerator from another twin.
A warm parent for a real device has no twins; each of its children starts the device for itself.
"""

from __future__ import annotations

import contextlib
import gc
import importlib
import io
import json
import os
import socket
import sys
import time
import traceback
from typing import Any

import torch
from torch import nn
from torch.nn import functional as F

from . import accelerator, by_hand, device, lockdown, no_autograd, no_search, runtime

_WARM_MODULES = (
    *("abc", "array", "bisect", "cmath", "collections", "collections.abc", "contextlib", "copy", "csv"),
    *("dataclasses", "datetime", "decimal", "enum", "fractions", "functools", "heapq", "inspect", "io"),
    *("itertools", "json", "logging", "math", "numbers", "operator", "os", "pathlib", "pprint", "queue"),
    *("random", "re", "statistics", "string", "struct", "sys", "textwrap", "threading", "time", "timeit"),
    *("traceback", "types", "typing", "typing_extensions", "unittest", "warnings", "weakref"),
    *("numpy", "numpy.lib.stride_tricks", "numpy.random", "numpy.fft", "numpy.linalg"),
    *("torch.optim", "torch.optim.lr_scheduler", "torch.utils.data", "torch.func", "torch.fft"),
    *("torch.nn.init", "torch.nn.utils", "torch.nn.utils.parametrize", "torch.autograd", "torch.linalg"),
    *("torch.nn.functional", "torch.testing", "torch.utils.checkpoint", "torch.jit"),
    # Modules that the ones above load when they are first used.
    *("_strptime", "calendar", "locale", "numpy.testing", "torch.serialization", "torch.utils.serialization"),
    *("torch.utils.serialization.config", "tempfile", "zipfile", "pickle", "shutil", "uuid", "hashlib"),
)
_IMPORT_SECONDS = 20.0
# Modules that a library loads only when it first gets a tensor, when files can no longer be read.
_LOADED_LATE = {
    "einops": ("einops._torch_specific", "einops.layers.torch"),
    "matplotlib.pyplot": ("matplotlib.backends.backend_agg",),
}

# Variables that say where libraries put settings and caches when they are imported.
_PLACES_TO_WRITE = ("HOME", "TMPDIR", "XDG_CACHE_HOME", "XDG_CONFIG_HOME", "MPLCONFIGDIR", "NUMBA_CACHE_DIR")


class Generator(torch.Generator):
    """Draws new seeds from torch's generator; the system's are read from a file and differ in every run."""

    def seed(self) -> int:
        """Draw a seed and set it."""
        number = int(torch.randint(1 << 53, ()))
        self.manual_seed(number)
        return number


def load() -> None:
    """Import the modules that honest students import."""
    for name in _WARM_MODULES:
        with contextlib.suppress(ImportError):
            importlib.import_module(name)
    torch.Generator = Generator  # type: ignore[misc]


def warm(backward: bool = True) -> None:
    """Run what torch loads on first use, so that no child has to spend time on it or read files.

    Args:
        backward: run autograd as well. Its engine then counts the devices, once and for all.
    """
    X = torch.rand(2, 1, 8, 8, requires_grad=True)
    net = nn.Sequential(
        *(nn.Conv2d(1, 2, 3, padding=1), nn.BatchNorm2d(2), nn.ReLU(), nn.MaxPool2d(2), nn.AvgPool2d(2)),
        *(nn.Dropout(0.1), nn.Flatten(), nn.Linear(8, 10), nn.Sigmoid(), nn.Tanh(), nn.GELU()),
    )
    optimizers = (torch.optim.SGD(net.parameters(), lr=0.1, momentum=0.9), torch.optim.Adam(net.parameters()))
    pictures = torch.utils.data.TensorDataset(torch.rand(2, 1, 8, 8), torch.tensor([1, 2]))
    for optimizer in optimizers:
        for data, label in torch.utils.data.DataLoader(pictures, batch_size=2):
            optimizer.zero_grad()
            loss = F.cross_entropy(net(data), label)
            if backward:
                loss.backward()
            for parameter in net.parameters():
                parameter.grad = torch.zeros_like(parameter)
            optimizer.step()
    for parameter in net.parameters():
        if parameter.dim() > 1:
            nn.init.xavier_uniform_(parameter)
    net.load_state_dict(net.state_dict())
    net.double().eval()
    K = torch.rand(3, 1, 3, 3, requires_grad=True)
    columns = F.unfold(F.pad(X, (1, 1, 1, 1)), 3)
    F.fold(columns, (8, 8), 3, padding=1)
    Y = torch.einsum("nchwij,ocij->nohw", X.unfold(2, 3, 1).unfold(3, 3, 1), K)
    torch.fft.irfft2(torch.fft.rfft2(X) * torch.fft.rfft2(X).conj())
    torch.func.vmap(torch.sin)(X.detach())
    torch.func.jvp(torch.sin, (X.detach(),), (X.detach(),))
    torch.linalg.lstsq(torch.rand(4, 2), torch.rand(4, 1))
    (
        torch.linalg.eigvalsh(torch.eye(3)),
        torch.linalg.pinv(torch.rand(3, 2)),
        torch.linalg.solve(torch.eye(2), torch.eye(2)),
    )
    torch.linalg.matrix_norm(torch.eye(3), 2), torch.linalg.svd(torch.rand(3, 2))
    torch.tensor([1.0, 2.0]).numpy(), torch.from_numpy(torch.rand(2).numpy()), repr(torch.rand(2, 2))
    if backward:
        Y.sum().backward()
        torch.autograd.grad((X * X).sum(), X, create_graph=True)
        torch.func.grad(lambda t: t.sum())(X.detach())
        torch.autograd.functional.hessian(lambda t: (t * t).sum(), torch.rand(2))
    gc.collect()


def serve(control: socket.socket, refused: frozenset[by_hand.Kernel]) -> None:
    """Fork a child for each request until the grader hangs up.

    Args:
        control: the socket that requests come from.
        refused: the kernels that are already refused in this process.
    """
    children: set[int] = set()
    while True:
        data, fds, _, _ = socket.recv_fds(control, 1 << 16, 3)
        if not data:
            break
        request = json.loads(data)
        if request["do"] == "reap":
            pid = request["pid"]
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, 9)  # our own child, not yet reaped, so no other process has this id
            _, status, usage = os.wait4(pid, 0)
            children.discard(pid)
            reply = {"status": status, "cpu": usage.ru_utime + usage.ru_stime, "peak_kib": usage.ru_maxrss}
        else:
            pid = os.fork()
            if pid == 0:
                control.close()
                _become_child(request, refused, *fds)
            children.add(pid)
            for fd in fds:
                os.close(fd)
            reply = {"pid": pid}
        control.sendall(json.dumps(reply).encode())
    for pid in children:
        os.kill(pid, 9)


def _become_child(
    request: dict[str, Any],
    refused: frozenset[by_hand.Kernel],
    wire_fd: int,
    output_fd: int,
    notices_fd: int,
) -> None:
    try:
        os.setsid()
        lockdown.die_with_parent()
        os.dup2(output_fd, 1)
        os.dup2(output_fd, 2)
        sys.stdin = io.StringIO()  # code that reads input gets an end-of-file
        os.dup2(notices_fd, by_hand.NOTICES)
        lockdown.close_other_files({wire_fd})
        loaded = len(sys.modules)
        # With a device, Landlock can't go up yet: a driver is started later and has to write to its device.
        landlock = request["landlock"] and request["device"] is None
        _import(request["imports"], request["scratch"], landlock, request["seccomp"])
        if request["by_hand"] and (not refused or len(sys.modules) != loaded):
            by_hand.refuse(refused)  # a library may have added kernels of its own
        wire = socket.socket(fileno=wire_fd)  # this makes system calls that the filter would refuse
        limits = request["memory_bytes"], request["cpu_seconds"]
        walls = request["landlock"], request["seccomp"]
        if request["device"] is not None:
            device.start(request["device"], request["memory_bytes"])
        if not request["autograd"]:
            no_autograd.take_away()
        sys.path.clear()
        if request["device"] is not None:
            device.wall_in(request["device"], *limits, *walls)
        else:
            lockdown.limit(*limits)
            lockdown.lock_down(*walls)
        _give_up_names()
        no_search.refuse_search()
        wire.sendall(b"ready")
    except BaseException:
        traceback.print_exc()
        os._exit(lockdown.LOCKDOWN_FAILED)
    try:
        runtime.Runtime().serve(wire)
        os._exit(0)
    except BaseException:
        traceback.print_exc()
    os._exit(1)


def _import(names: list[str], scratch: str, landlock: bool, seccomp: bool) -> None:
    """Load the library modules that a submission imports, before the walls go up."""
    names = [name for name in names if name not in sys.modules and not _is_private(name)]
    if not names:
        return
    lockdown.only_read(landlock, seccomp, scratch)
    until = time.process_time() + _IMPORT_SECONDS
    before = dict(os.environ)
    os.environ.update(dict.fromkeys(_PLACES_TO_WRITE, scratch))
    for name in names:
        if time.process_time() > until:
            break
        for each in (name, *_LOADED_LATE.get(name, ())):
            with contextlib.suppress(BaseException):  # the student's own import reports it, with its line
                importlib.import_module(each)
    os.environ.clear()
    os.environ.update(before)


def _give_up_names() -> None:
    """Forget these modules, so that importing them gives copies, and patching those has no effect."""
    for name in [name for name in sys.modules if name.partition(".")[0] == __package__]:
        del sys.modules[name]


def _is_private(name: str) -> bool:
    # For example `venv.__main__`, which runs when it is imported.
    return any(part.startswith("_") for part in name.split("."))


def main(free_fd: int, *twins: int) -> None:
    """Warm up, report it, and serve.

    Args:
        free_fd: the descriptor that requests come from.
        twins: the descriptors for by-hand tasks and for the simulated accelerator; without them, the children
            get a real device.
    """
    lockdown.die_with_parent()
    torch.set_num_threads(1)
    load()
    if twins:
        _become_three(free_fd, *twins)
    else:
        warm(backward=False)  # autograd's engine would count the devices and thereby start the driver
        _greet_and_serve(free_fd)


def _become_three(free_fd: int, by_hand_fd: int, accelerator_fd: int) -> None:
    """Fork so that one process serves free tasks, one by-hand tasks, and one the simulated accelerator."""
    refused: frozenset[by_hand.Kernel] = frozenset()
    if os.fork() == 0:  # before autograd has counted the devices
        lockdown.die_with_parent()
        accelerator.install()
        warm(backward=False)
        mine = accelerator_fd
    else:
        warm()
        mine = free_fd
        gc.freeze()
        if os.fork() == 0:
            lockdown.die_with_parent()
            refused = by_hand.refuse()
            mine = by_hand_fd
    for fd in {free_fd, by_hand_fd, accelerator_fd} - {mine}:
        os.close(fd)
    _greet_and_serve(mine, refused)


def _greet_and_serve(control_fd: int, refused: frozenset[by_hand.Kernel] = frozenset()) -> None:
    gc.freeze()
    with socket.socket(fileno=control_fd) as control:
        hello = {"threads": _threads(), "torch": torch.__version__, "landlock": lockdown.landlock_version()}
        control.sendall(json.dumps(hello).encode())
        serve(control, refused)


def _threads() -> int:
    if sys.platform != "linux":
        return 1
    return len(os.listdir("/proc/self/task"))  # noqa: PTH208
