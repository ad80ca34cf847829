"""The rights that a student process gives up for good before it sees the student's source.

On Linux: resource limits, no privileges and no new ones, a Landlock ruleset that allows no file at all, and a
seccomp filter (`seccomp.py`) that allows about sixty system calls, none of which opens a file, a socket or a
process. A process with a real device (`device.py`) gets a wider ruleset, and a filter that lists what is
refused.

Sources: Linux `landlock(7)`, `prctl(2)`, `capabilities(7)`.
"""

from __future__ import annotations

import ctypes
import os
import platform
import resource
import struct
import sys
from collections.abc import Callable, Mapping

from .seccomp import LockdownError, allowing, install, refusing_processes

LOCKDOWN_FAILED = 97  # exit status: the sandbox failed, not the student

_PR_SET_PDEATHSIG, _PR_SET_DUMPABLE, _PR_SET_NO_NEW_PRIVS = 1, 4, 38
_PR_CAPBSET_DROP, _PR_CAP_AMBIENT, _PR_CAP_AMBIENT_CLEAR_ALL = 24, 47, 4
_CAPABILITY_VERSION_3 = 0x20080522
# These numbers are the same on every architecture.
_LANDLOCK_CREATE, _LANDLOCK_ADD, _LANDLOCK_RESTRICT = 444, 445, 446
_LANDLOCK_PATH_BENEATH = 1
# Rights to a file or folder; the last one exists since version 5 of Landlock.
READ, WRITE, CONTROL = 1 << 2, 1 << 1, 1 << 15
_READING = 1 << 0 | READ | 1 << 3  # to run a file, to read it, to list a folder
_EVERYTHING = (1 << 16) - 1


def limit(memory_bytes: int, cpu_seconds: int) -> None:
    """Limit what this process may use: additional address space, CPU time, files, core dumps."""
    bound(resource.RLIMIT_CORE, 0)
    bound(resource.RLIMIT_CPU, cpu_seconds)
    bound(resource.RLIMIT_FSIZE, 0)
    bound(resource.RLIMIT_NOFILE, 64)
    if sys.platform == "linux":
        with open("/proc/self/statm", encoding="ascii") as statm:  # noqa: PTH123 (pathlib is not loaded here)
            pages = int(statm.read().split()[0])
        bound(resource.RLIMIT_AS, pages * resource.getpagesize() + memory_bytes)


def bound(which: int, value: int) -> None:
    """Set one limit permanently, unless it is already lower."""
    _, hard = resource.getrlimit(which)
    least = value if hard == resource.RLIM_INFINITY else min(value, hard)
    resource.setrlimit(which, (least, least))


def close_other_files(keep: set[int]) -> None:
    """Close every descriptor except the standard three and those in `keep`."""
    start = 3
    for fd in sorted(keep):
        os.closerange(start, fd)
        start = fd + 1
    os.closerange(start, 4096)


def lock_down(
    landlock: bool,
    seccomp: bool,
    granted: Mapping[str, int] | None = None,
    program: Callable[[str, int], bytes] = allowing,
) -> None:
    """Put up the walls; this can't be undone.

    Args:
        landlock: whether to refuse files.
        seccomp: whether to refuse system calls.
        granted: files and folders that stay accessible, with the rights to them.
        program: makes the seccomp filter for a machine and a process; the strictest by default.

    Raises:
        LockdownError: a wall couldn't be put up; the process must not go on.
    """
    if sys.platform != "linux":
        return
    _prctl(_PR_SET_DUMPABLE, 0)
    _prctl(_PR_SET_NO_NEW_PRIVS, 1)
    _drop_capabilities()
    if landlock:
        _forbid_files(granted or {})
    if seccomp:
        install(program(platform.machine(), os.getpid()))


def die_with_parent() -> None:
    """Let the kernel kill this process when its parent ends."""
    if sys.platform == "linux":
        _prctl(_PR_SET_PDEATHSIG, 9)


def landlock_version() -> int:
    """The kernel's Landlock ABI version, or 0 if there is no Landlock."""
    if sys.platform != "linux":
        return 0
    libc = ctypes.CDLL(None, use_errno=True)
    return max(0, int(libc.syscall(_LANDLOCK_CREATE, None, 0, 1)))


def _prctl(option: int, value: int) -> None:
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.prctl(option, ctypes.c_ulong(value), 0, 0, 0) != 0:
        raise LockdownError(f"prctl({option}): {os.strerror(ctypes.get_errno())}")


def _drop_capabilities() -> None:
    """Give up root's capabilities, in case the grader runs as root."""
    libc = ctypes.CDLL(None, use_errno=True)
    for capability in range(64):  # errors don't matter: then there is nothing to drop
        libc.prctl(_PR_CAPBSET_DROP, ctypes.c_ulong(capability), 0, 0, 0)
    libc.prctl(_PR_CAP_AMBIENT, ctypes.c_ulong(_PR_CAP_AMBIENT_CLEAR_ALL), 0, 0, 0)
    header = ctypes.create_string_buffer(struct.pack("<Ii", _CAPABILITY_VERSION_3, 0))
    if libc.capset(header, bytes(24)) != 0:
        raise LockdownError(f"capset: {os.strerror(ctypes.get_errno())}")


def _forbid_files(granted: Mapping[str, int], besides: int = 0) -> None:
    """Refuse access to files, except for the granted rights; those in `besides` aren't restricted at all."""
    version = landlock_version()
    if version == 0:
        raise LockdownError("this kernel has no Landlock")
    # Handle every right that this version knows, so that nothing is allowed unless it is granted.
    files = {1: 13, 2: 14, 3: 15, 4: 15}.get(version, 16)
    handled = ((1 << files) - 1) & ~besides
    attributes = struct.pack("<QQQ", handled, 0b11 if version >= 4 else 0, 0b11 if version >= 6 else 0)
    size = 24 if version >= 6 else 16 if version >= 4 else 8
    libc = ctypes.CDLL(None, use_errno=True)
    ruleset = libc.syscall(_LANDLOCK_CREATE, attributes, ctypes.c_size_t(size), 0)
    if ruleset < 0:
        raise LockdownError(f"landlock_create_ruleset: {os.strerror(ctypes.get_errno())}")
    for path, rights in granted.items():
        beneath = os.open(path, os.O_PATH | os.O_CLOEXEC)
        rule = struct.pack("<Qi", rights & handled, beneath)
        if libc.syscall(_LANDLOCK_ADD, ruleset, _LANDLOCK_PATH_BENEATH, rule, 0) != 0:
            raise LockdownError(f"landlock_add_rule, {path}: {os.strerror(ctypes.get_errno())}")
        os.close(beneath)
    if libc.syscall(_LANDLOCK_RESTRICT, ruleset, 0) != 0:
        raise LockdownError(f"landlock_restrict_self: {os.strerror(ctypes.get_errno())}")
    os.close(ruleset)


def only_read(landlock: bool, seccomp: bool, scratch: str) -> None:
    """For imports: from now on, this process can't start others and can write to one folder only.

    Args:
        landlock: whether to use Landlock.
        seccomp: whether to use seccomp filters.
        scratch: the folder.

    Raises:
        LockdownError: a wall couldn't be put up.
    """
    if sys.platform != "linux":
        return
    _prctl(_PR_SET_NO_NEW_PRIVS, 1)
    if landlock:
        _forbid_files({scratch: _EVERYTHING, os.devnull: WRITE}, besides=_READING | CONTROL)
    if seccomp:
        install(refusing_processes(platform.machine()))
