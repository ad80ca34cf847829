"""A real device in a student process: started after the fork, then walled in as far as the driver allows.

A driver needs what the usual walls refuse: `ioctl` on its device files, files of its libraries, threads, and
terabytes of address space. So here the seccomp filter lists what is refused instead of what is allowed,
Landlock grants the driver's libraries and device files and nothing else, and the limit is on memory that is
actually used. These walls are weaker than those of processes on the CPU, and users are told so. CUDA doesn't
work in a process that was forked after CUDA had been started, so every student process starts it for itself.

Sources: https://docs.pytorch.org/docs/stable/notes/multiprocessing.html (CUDA and fork),
https://docs.pytorch.org/docs/stable/notes/randomness.html, https://docs.pytorch.org/docs/stable/notes/cuda.html
(TF32), Linux `landlock(7)`.
"""

from __future__ import annotations

import os
import resource
import sys

import torch
from torch.nn import functional as F

from . import accelerator, lockdown
from .seccomp import refusing

# The simulated device, set up like a real one: a rehearsal for machines that have none.
SIMULATED = "simulated"
_FILES_OF_A_DRIVER = 1024
_HOST_MEMORY_OF_A_DRIVER = 1 << 30


def name(device: str) -> str:
    """The device's name in torch."""
    return accelerator.NAME if device == SIMULATED else device


def start(device: str, memory_bytes: int) -> None:
    """Start a device and load what it loads on first use; on CUDA, limit the memory of the GPU.

    Raises:
        RuntimeError: torch can't use the device.
    """
    if device == SIMULATED:
        accelerator.install()
    if device == "cuda":
        torch.cuda.init()  # type: ignore[no-untyped-call]
        total = torch.cuda.get_device_properties(0).total_memory
        torch.cuda.set_per_process_memory_fraction(min(1.0, memory_bytes / total))
    # Reproducible results, and no products rounded to ten bits (TF32). Operations without a deterministic
    # implementation give a warning, not an error.
    torch.use_deterministic_algorithms(True, warn_only=True)
    torch.backends.cudnn.benchmark = False
    torch.backends.cudnn.allow_tf32 = False
    torch.backends.cuda.matmul.allow_tf32 = False
    _use(name(device))


def _use(device: str) -> None:
    # Nothing here may use autograd. It starts a thread for the device, in which a student's `backward` runs.
    # Landlock restricts the calling thread and those started later, so that thread must be started later.
    X = torch.rand(2, 1, 8, 8).to(device)
    K = torch.rand(3, 1, 3, 3).to(device)
    Y = F.avg_pool2d(F.conv2d(X, K, padding=1), 2).sigmoid().flatten(1)
    F.cross_entropy(Y @ torch.rand(48, 10).to(device), torch.tensor([1, 2]).to(device))
    F.max_pool2d(X, 2)


def wall_in(device: str, memory_bytes: int, cpu_seconds: int, landlock: bool, seccomp: bool) -> None:
    """Put up the walls that the device, which has been started, can work with.

    Raises:
        LockdownError: a wall couldn't be put up; the process must not go on.
    """
    lockdown.bound(resource.RLIMIT_CORE, 0)
    lockdown.bound(resource.RLIMIT_CPU, cpu_seconds)
    lockdown.bound(resource.RLIMIT_FSIZE, 0)
    lockdown.bound(resource.RLIMIT_NOFILE, _FILES_OF_A_DRIVER)
    if sys.platform != "linux":
        return
    extra = _HOST_MEMORY_OF_A_DRIVER if device == "cuda" else 0
    lockdown.bound(resource.RLIMIT_DATA, _data_bytes() + memory_bytes + extra)
    granted = _granted() if device == "cuda" else {}
    lockdown.lock_down(landlock, seccomp, granted=granted, program=refusing)


def _data_bytes() -> int:
    with open("/proc/self/status", encoding="ascii") as status:  # noqa: PTH123 (as in lockdown.py)
        (line,) = (line for line in status if line.startswith("VmData:"))
    return int(line.split()[1]) << 10


def _granted() -> dict[str, int]:
    """What CUDA may still access: its device files, and the folders of its libraries for reading."""
    folders = {os.path.join(os.path.dirname(torch.__file__), "lib")}  # noqa: PTH118, PTH120
    with open("/proc/self/maps", encoding="utf-8", errors="replace") as maps:  # noqa: PTH123
        for line in maps:
            folder, _, library = line.rstrip("\n").partition("/")[2].rpartition("/")
            if library.startswith(("libcuda", "libcudnn", "libcublas", "libnv", "libnvidia")):
                folders.add(f"/{folder}")
    nodes = [f"/dev/{found}" for found in os.listdir("/dev") if found.startswith("nvidia")]  # noqa: PTH208
    reading = dict.fromkeys(sorted(folders), lockdown.READ)
    return {**reading, **dict.fromkeys(sorted(nodes), lockdown.READ | lockdown.WRITE | lockdown.CONTROL)}
