"""What a student process gives up before it sees the student's source, and can never take back.

On Linux: resource limits, no new privileges, a Landlock ruleset that allows no file at all, and a seccomp
filter that allows some ninety system calls, none of which opens a file, a socket or a process. Everything
else fails with EPERM, so honest code gets an exception and not a corpse. A process with a device of its own
(`device.py`) gets a wider ruleset, and a filter that lists what is refused (`refusals.py`).

Sources: Linux `seccomp(2)`, `landlock(7)`, `prctl(2)`; `asm/unistd.h` for the numbers.
"""

from __future__ import annotations

import ctypes
import errno
import os
import platform
import resource
import struct
import sys
from collections.abc import Callable, Mapping

LOCKDOWN_FAILED = 97  # exit status: the sandbox failed, not the student

_PR_SET_PDEATHSIG, _PR_SET_DUMPABLE, _PR_SET_NO_NEW_PRIVS = 1, 4, 38
_SECCOMP_SET_MODE_FILTER = 1
_SECCOMP_FLAG_TSYNC = 1  # every thread of the process, should an import have started one
# The same numbers on every architecture.
_LANDLOCK_CREATE, _LANDLOCK_ADD, _LANDLOCK_RESTRICT = 444, 445, 446
_LANDLOCK_PATH_BENEATH = 1
# What may be granted of a file or folder; the last since version 5 of Landlock.
READ, WRITE, CONTROL = 1 << 2, 1 << 1, 1 << 15
_CLONE_THREAD = 0x00010000

# Name: (x86_64, aarch64). None where the architecture has no such call.
_ALLOWED: dict[str, tuple[int | None, int | None]] = {
    "read": (0, 63),
    "write": (1, 64),
    "close": (3, 57),
    "fstat": (5, 80),
    "poll": (7, None),
    "lseek": (8, 62),
    "mmap": (9, 222),
    "mprotect": (10, 226),
    "munmap": (11, 215),
    "brk": (12, 214),
    "rt_sigaction": (13, 134),
    "rt_sigprocmask": (14, 135),
    "rt_sigreturn": (15, 139),
    "readv": (19, 65),
    "writev": (20, 66),
    "select": (23, None),
    "sched_yield": (24, 124),
    "mremap": (25, 216),
    "madvise": (28, 233),
    "nanosleep": (35, 101),
    "getpid": (39, 172),
    "sendto": (44, 206),
    "recvfrom": (45, 207),
    "sendmsg": (46, 211),
    "recvmsg": (47, 212),
    "exit": (60, 93),
    "uname": (63, 160),
    "gettimeofday": (96, 169),
    "getrlimit": (97, 163),
    "getrusage": (98, 165),
    "sysinfo": (99, 179),
    "times": (100, 153),
    "getuid": (102, 174),
    "getgid": (104, 176),
    "geteuid": (107, 175),
    "getegid": (108, 177),
    "getppid": (110, 173),
    "sigaltstack": (131, 132),
    "arch_prctl": (158, None),
    "gettid": (186, 178),
    "time": (201, None),
    "futex": (202, 98),
    "set_tid_address": (218, 96),
    "restart_syscall": (219, 128),
    "clock_gettime": (228, 113),
    "clock_getres": (229, 114),
    "clock_nanosleep": (230, 115),
    "exit_group": (231, 94),
    "pselect6": (270, 72),
    "ppoll": (271, 73),
    "set_robust_list": (273, 99),
    "getcpu": (309, 168),
    "getrandom": (318, 278),
    "membarrier": (324, 283),
    "rseq": (334, 293),
}
_CLONE, _CLONE3 = (56, 220), (435, 435)
# fork, vfork, execve, execveat
_STARTS_PROCESSES = ((57, None), (58, None), (59, 221), (322, 281))
_TGKILL, _KILL = (234, 131), (62, 129)
_PRLIMIT64, _SCHED_GETAFFINITY = (302, 261), (204, 123)
_IOCTL, _FCNTL = (16, 29), (72, 25)
_AUDIT_ARCH = {"x86_64": (0, 0xC000003E), "aarch64": (1, 0xC00000B7)}


class LockdownError(Exception):
    """A wall could not be put up."""


def limit(memory_bytes: int, cpu_seconds: int) -> None:
    """Bound what this process may take: address space beyond today's, CPU time, files, core dumps."""
    bound(resource.RLIMIT_CORE, 0)
    bound(resource.RLIMIT_CPU, cpu_seconds)
    bound(resource.RLIMIT_FSIZE, 0)
    bound(resource.RLIMIT_NOFILE, 64)
    if sys.platform == "linux":
        with open("/proc/self/statm", encoding="ascii") as statm:  # noqa: PTH123 (pathlib is not loaded here)
            pages = int(statm.read().split()[0])
        bound(resource.RLIMIT_AS, pages * resource.getpagesize() + memory_bytes)


def bound(which: int, value: int) -> None:
    """Set one limit for good, unless it is lower already."""
    _, hard = resource.getrlimit(which)
    least = value if hard == resource.RLIM_INFINITY else min(value, hard)
    resource.setrlimit(which, (least, least))


def close_other_files(keep: set[int]) -> None:
    """Close every descriptor but the standard three and those in `keep`."""
    start = 3
    for fd in sorted(keep):
        os.closerange(start, fd)
        start = fd + 1
    os.closerange(start, 4096)


def lock_down(
    landlock: bool,
    seccomp: bool,
    granted: Mapping[str, int] | None = None,
    program: Callable[[str, int], bytes] | None = None,
) -> None:
    """Put up the walls. There is no way back.

    Args:
        landlock: refuse files.
        seccomp: refuse system calls.
        granted: files and folders that stay open, with what may be done there.
        program: makes the seccomp filter for a machine and a process; the strictest by default.

    Raises:
        LockdownError: one could not be put up; the process must not go on.
    """
    if sys.platform != "linux":
        return
    _prctl(_PR_SET_DUMPABLE, 0)
    _prctl(_PR_SET_NO_NEW_PRIVS, 1)
    if landlock:
        _forbid_files(granted or {})
    if seccomp:
        _install((program or _filter_program)(platform.machine(), os.getpid()))


def die_with_parent() -> None:
    """Have the kernel kill this process when its parent ends."""
    if sys.platform == "linux":
        _prctl(_PR_SET_PDEATHSIG, 9)


def landlock_version() -> int:
    """The kernel's Landlock ABI version, 0 where there is none."""
    if sys.platform != "linux":
        return 0
    libc = ctypes.CDLL(None, use_errno=True)
    return max(0, int(libc.syscall(_LANDLOCK_CREATE, None, 0, 1)))


def _prctl(option: int, value: int) -> None:
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.prctl(option, ctypes.c_ulong(value), 0, 0, 0) != 0:
        raise LockdownError(f"prctl({option}): {os.strerror(ctypes.get_errno())}")


def _forbid_files(granted: Mapping[str, int]) -> None:
    version = landlock_version()
    if version == 0:
        raise LockdownError("this kernel has no Landlock")
    # Every right that this version knows is handled, and none is granted that is not asked for.
    files = {1: 13, 2: 14, 3: 15, 4: 15}.get(version, 16)
    attributes = struct.pack(
        "<QQQ", (1 << files) - 1, 0b11 if version >= 4 else 0, 0b11 if version >= 6 else 0
    )
    size = 24 if version >= 6 else 16 if version >= 4 else 8
    libc = ctypes.CDLL(None, use_errno=True)
    ruleset = libc.syscall(_LANDLOCK_CREATE, attributes, ctypes.c_size_t(size), 0)
    if ruleset < 0:
        raise LockdownError(f"landlock_create_ruleset: {os.strerror(ctypes.get_errno())}")
    for path, rights in granted.items():
        beneath = os.open(path, os.O_PATH | os.O_CLOEXEC)
        rule = struct.pack("<Qi", rights & (1 << files) - 1, beneath)
        if libc.syscall(_LANDLOCK_ADD, ruleset, _LANDLOCK_PATH_BENEATH, rule, 0) != 0:
            raise LockdownError(f"landlock_add_rule, {path}: {os.strerror(ctypes.get_errno())}")
        os.close(beneath)
    if libc.syscall(_LANDLOCK_RESTRICT, ruleset, 0) != 0:
        raise LockdownError(f"landlock_restrict_self: {os.strerror(ctypes.get_errno())}")
    os.close(ruleset)


# ------------------------------------------------------------------------------------- the seccomp filter

_LD, _JEQ, _JSET, _JGE, _RET = 0x20, 0x15, 0x45, 0x35, 0x06
_RET_ALLOW, _RET_ERRNO, _RET_KILL = 0x7FFF0000, 0x00050000, 0x80000000
_NR, _ARCH, _ARG = 0, 4, 16


def _filter_program(machine: str, pid: int) -> bytes:
    """The classic-BPF program for `machine`, allowing signals to `pid` alone.

    Raises:
        LockdownError: the architecture is not one the filter is written for.
    """
    if machine not in _AUDIT_ARCH:
        raise LockdownError(f"no filter is written for {machine}")
    column, arch = _AUDIT_ARCH[machine]
    code: list[tuple[int, int, int, int]] = []

    def op(kind: int, value: int, yes: int = 0, no: int = 0) -> None:
        code.append((kind, yes, no, value))

    def argument_is(call: tuple[int, int], index: int, value: int) -> None:
        """Allow `call` when its argument (both halves) equals `value`; refuse it otherwise."""
        op(_JEQ, call[column], 0, 6)
        op(_LD, _ARG + 8 * index)
        op(_JEQ, value & 0xFFFFFFFF, 0, 3)
        op(_LD, _ARG + 8 * index + 4)
        op(_JEQ, value >> 32, 0, 1)
        op(_RET, _RET_ALLOW)
        op(_RET, _RET_ERRNO | errno.EPERM)

    op(_LD, _ARCH)
    op(_JEQ, arch, 1, 0)
    op(_RET, _RET_KILL)
    op(_LD, _NR)
    if machine == "x86_64":  # the x32 calls share numbers and nothing else
        op(_JGE, 0x40000000, 0, 1)
        op(_RET, _RET_KILL)
    op(_JEQ, _CLONE3[column], 0, 1)
    op(_RET, _RET_ERRNO | errno.ENOSYS)  # the C library then falls back to clone, whose flags can be read
    op(_JEQ, _CLONE[column], 0, 4)
    op(_LD, _ARG)
    op(_JSET, _CLONE_THREAD, 0, 1)
    op(_RET, _RET_ALLOW)
    op(_RET, _RET_ERRNO | errno.EPERM)
    argument_is(_TGKILL, 0, pid)
    argument_is(_KILL, 0, pid)
    argument_is(_SCHED_GETAFFINITY, 0, 0)
    argument_is(_IOCTL, 1, 0x5401)  # TCGETS: is this a terminal?
    # prlimit64(0, which, NULL, old): reading one's own limits.
    op(_JEQ, _PRLIMIT64[column], 0, 8)
    op(_LD, _ARG)
    op(_JEQ, 0, 0, 5)
    op(_LD, _ARG + 16)
    op(_JEQ, 0, 0, 3)
    op(_LD, _ARG + 20)
    op(_JEQ, 0, 0, 1)
    op(_RET, _RET_ALLOW)
    op(_RET, _RET_ERRNO | errno.EPERM)
    for numbers in _ALLOWED.values():
        number = numbers[column]
        if number is not None:
            op(_JEQ, number, 0, 1)
            op(_RET, _RET_ALLOW)
    op(_RET, _RET_ERRNO | errno.EPERM)
    return b"".join(struct.pack("<HBBI", kind, yes, no, value) for kind, yes, no, value in code)


def refuse_new_processes() -> None:
    """From here on this process can start no other, while it may still read files: for the time of imports.

    Raises:
        LockdownError: the filter could not be put up.
    """
    if sys.platform == "linux":
        _prctl(_PR_SET_NO_NEW_PRIVS, 1)
        _install(_process_program(platform.machine()))


def _process_program(machine: str) -> bytes:
    if machine not in _AUDIT_ARCH:
        raise LockdownError(f"no filter is written for {machine}")
    column, arch = _AUDIT_ARCH[machine]
    starts = [number for call in _STARTS_PROCESSES if (number := call[column]) is not None]
    code = [(_LD, 0, 0, _ARCH), (_JEQ, 1, 0, arch), (_RET, 0, 0, _RET_KILL), (_LD, 0, 0, _NR)]
    for number in starts:
        code += [(_JEQ, 0, 1, number), (_RET, 0, 0, _RET_ERRNO | errno.EPERM)]
    code += [(_JEQ, 0, 1, _CLONE3[column]), (_RET, 0, 0, _RET_ERRNO | errno.ENOSYS)]
    code += [(_JEQ, 0, 3, _CLONE[column]), (_LD, 0, 0, _ARG), (_JSET, 1, 0, _CLONE_THREAD)]
    code += [(_RET, 0, 0, _RET_ERRNO | errno.EPERM), (_RET, 0, 0, _RET_ALLOW)]
    return b"".join(struct.pack("<HBBI", *line) for line in code)


def _install(program: bytes) -> None:
    buffer = ctypes.create_string_buffer(program, len(program))
    filter_ = struct.pack("<HxxxxxxQ", len(program) // 8, ctypes.addressof(buffer))
    libc = ctypes.CDLL(None, use_errno=True)
    number = {"x86_64": 317, "aarch64": 277}[platform.machine()]
    if libc.syscall(number, _SECCOMP_SET_MODE_FILTER, _SECCOMP_FLAG_TSYNC, filter_) != 0:
        raise LockdownError(f"seccomp: {os.strerror(ctypes.get_errno())}")
