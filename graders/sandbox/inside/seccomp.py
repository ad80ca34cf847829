"""Seccomp filters: which system calls a student process may still make.

A filter is a classic-BPF program that the kernel runs before every system call; it sees the call's number and
its arguments as numbers. A refused call fails with EPERM, so honest code gets an exception and isn't killed.

Sources: Linux `seccomp(2)`, `bpf(4)`; `asm/unistd.h` for the numbers.
"""

from __future__ import annotations

import ctypes
import errno
import os
import platform
import struct

# Calls that are allowed with any arguments. Name: (x86_64, aarch64); None if there is no such call.
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
    "exit_group": (231, 94),
    "pselect6": (270, 72),
    "ppoll": (271, 73),
    "set_robust_list": (273, 99),
    "getcpu": (309, 168),
    "getrandom": (318, 278),
    "membarrier": (324, 283),
    "rseq": (334, 293),
}

# With a device, where too many calls are needed to list them: what is refused in addition to new processes,
# signals to others and new limits.
_REFUSED: dict[str, tuple[int | None, int | None]] = {
    "socket": (41, 198),
    "connect": (42, 203),
    "accept": (43, 202),
    "bind": (49, 200),
    "listen": (50, 201),
    "accept4": (288, 242),
    "shmget": (29, 194),
    "semget": (64, 190),
    "msgget": (68, 186),
    "mq_open": (240, 180),
    "memfd_create": (319, 279),
    "memfd_secret": (447, 447),
    "fallocate": (285, 47),
    "chmod": (90, None),
    "fchmod": (91, 52),
    "fchmodat": (268, 53),
    "fchmodat2": (452, 452),
    "chown": (92, None),
    "lchown": (94, None),
    "fchown": (93, 55),
    "fchownat": (260, 54),
    "utime": (132, None),
    "utimes": (235, None),
    "futimesat": (261, None),
    "utimensat": (280, 88),
    "setxattr": (188, 5),
    "lsetxattr": (189, 6),
    "fsetxattr": (190, 7),
    "removexattr": (197, 14),
    "lremovexattr": (198, 15),
    "fremovexattr": (199, 16),
    "open_by_handle_at": (304, 265),
    "mount": (165, 40),
    "umount2": (166, 39),
    "pivot_root": (155, 41),
    "chroot": (161, 51),
    "unshare": (272, 97),
    "setns": (308, 268),
    "ptrace": (101, 117),
    "process_vm_readv": (310, 270),
    "process_vm_writev": (311, 271),
    "process_madvise": (440, 440),
    "pidfd_open": (434, 434),
    "pidfd_send_signal": (424, 424),
    "pidfd_getfd": (438, 438),
    "tkill": (200, 130),
    "rt_sigqueueinfo": (129, 138),
    "rt_tgsigqueueinfo": (297, 240),
    "setrlimit": (160, 164),
    "setpriority": (141, 140),
    "ioprio_set": (251, 30),
    "sched_setparam": (142, 118),
    "sched_setscheduler": (144, 119),
    "sched_setaffinity": (203, 122),
    "sched_setattr": (314, 274),
    "setuid": (105, 146),
    "setgid": (106, 144),
    "setreuid": (113, 145),
    "setregid": (114, 143),
    "setgroups": (116, 159),
    "setresuid": (117, 147),
    "setresgid": (119, 149),
    "capset": (126, 91),
    "personality": (135, 92),
    "settimeofday": (164, 170),
    "clock_settime": (227, 112),
    "sethostname": (170, 161),
    "setdomainname": (171, 162),
    "acct": (163, 89),
    "syslog": (103, 116),
    "reboot": (169, 142),
    "kexec_load": (246, 104),
    "init_module": (175, 105),
    "finit_module": (313, 273),
    "delete_module": (176, 106),
    "add_key": (248, 217),
    "request_key": (249, 218),
    "keyctl": (250, 219),
    "perf_event_open": (298, 241),
    "fanotify_init": (300, 262),
    "bpf": (321, 280),
    "userfaultfd": (323, 282),
    "io_uring_setup": (425, 425),
    "io_uring_enter": (426, 426),
    "io_uring_register": (427, 427),
}

_CLONE, _CLONE3 = (56, 220), (435, 435)
# fork, vfork, execve, execveat
_STARTS_PROCESSES = ((57, None), (58, None), (59, 221), (322, 281))
_TGKILL, _KILL = (234, 131), (62, 129)
_PRLIMIT64, _SCHED_GETAFFINITY = (302, 261), (204, 123)
_IOCTL = (16, 29)
_MADVISE, _CLOCKS = (28, 233), ((228, 113), (229, 114), (230, 115))  # clock_gettime, _getres, _nanosleep
_SECCOMP = (317, 277)
_COLUMNS = {"x86_64": (0, 0xC000003E), "aarch64": (1, 0xC00000B7)}  # and the kernel's AUDIT_ARCH value

_SET_MODE_FILTER = 1
_TSYNC = 1  # apply to every thread of the process, in case an import has started one
_CLONE_THREAD = 0x00010000
_TCGETS = 0x5401  # is this a terminal?
_POISONS = (100, 101)  # MADV_HWPOISON and MADV_SOFT_OFFLINE: take a page of memory from the whole machine
_CLOCKS_OF_THE_SYSTEM = 16  # from here on, a number stands for another process or a device

_Program = list[tuple[int, int, int, int]]  # code, where to if true, where to if not, value

_LD, _JEQ, _JSET, _JGE, _RET = 0x20, 0x15, 0x45, 0x35, 0x06
_NUMBER, _ARCHITECTURE, _ARGUMENTS = 0, 4, 16  # offsets in the data that a filter sees
_ALLOW = (_RET, 0, 0, 0x7FFF0000)
_REFUSE = (_RET, 0, 0, 0x00050000 | errno.EPERM)
_UNKNOWN = (_RET, 0, 0, 0x00050000 | errno.ENOSYS)
_KILL_PROCESS = (_RET, 0, 0, 0x80000000)


class LockdownError(Exception):
    """A wall couldn't be put up."""


def allowing(machine: str, pid: int) -> bytes:
    """The filter that allows a list of calls, and signals only to `pid`.

    Raises:
        LockdownError: the filters aren't written for this architecture.
    """
    column, code = _begun(machine)
    for call in (_TGKILL, _KILL):
        code += _if_call(call[column], _if_argument(0, pid, [_ALLOW]))
    code += _if_call(_SCHED_GETAFFINITY[column], _if_argument(0, 0, [_ALLOW]))
    code += _if_call(_IOCTL[column], _if_argument(1, _TCGETS, [_ALLOW]))
    # prlimit64(pid, which, new, old): reading one's own limits.
    own_limits = _if_argument(0, 0, _if_argument(2, 0, [_ALLOW]))
    code += _if_call(_PRLIMIT64[column], own_limits)
    code += _poisons_and_foreign_clocks(column)
    for numbers in _ALLOWED.values():
        code += _if_call(numbers[column], [_ALLOW])
    return _written([*code, _REFUSE])


def refusing(machine: str, pid: int) -> bytes:
    """The filter that refuses a list of calls, signals to processes other than `pid`, and new limits.

    Raises:
        LockdownError: the filters aren't written for this architecture.
    """
    column, code = _begun(machine)
    for numbers in (*_REFUSED.values(), *_STARTS_PROCESSES):
        code += _if_call(numbers[column], [_REFUSE])
    for call in (_TGKILL, _KILL):
        code += _if_call(call[column], _if_argument(0, pid, [_ALLOW]))
    code += _if_call(_PRLIMIT64[column], _if_argument(2, 0, [_ALLOW]))
    code += _poisons_and_foreign_clocks(column)
    return _written([*code, _ALLOW])


def refusing_processes(machine: str) -> bytes:
    """The filter that refuses only to start another process.

    Raises:
        LockdownError: the filters aren't written for this architecture.
    """
    column, code = _begun(machine)
    for numbers in _STARTS_PROCESSES:
        code += _if_call(numbers[column], [_REFUSE])
    return _written([*code, _ALLOW])


def install(program: bytes) -> None:
    """Install this filter in addition to any that are installed already.

    Raises:
        LockdownError: the kernel rejects it.
    """
    buffer = ctypes.create_string_buffer(program, len(program))
    filter_ = struct.pack("<HxxxxxxQ", len(program) // 8, ctypes.addressof(buffer))
    libc = ctypes.CDLL(None, use_errno=True)
    column, _ = _COLUMNS[platform.machine()]
    if libc.syscall(_SECCOMP[column], _SET_MODE_FILTER, _TSYNC, filter_) != 0:
        raise LockdownError(f"seccomp: {os.strerror(ctypes.get_errno())}")


def _begun(machine: str) -> tuple[int, _Program]:
    """The tables' column for `machine`, and the start of every filter: this machine, and only threads."""
    if machine not in _COLUMNS:
        raise LockdownError(f"no filter is written for {machine}")
    column, architecture = _COLUMNS[machine]
    code = [(_LD, 0, 0, _ARCHITECTURE), (_JEQ, 1, 0, architecture), _KILL_PROCESS, (_LD, 0, 0, _NUMBER)]
    if machine == "x86_64":  # x32 calls have the same architecture value but other numbers
        code += [(_JGE, 0, 1, 0x40000000), _KILL_PROCESS]
    # Without clone3 the C library falls back to clone, whose flags can be read.
    code += _if_call(_CLONE3[column], [_UNKNOWN])
    code += _if_call(_CLONE[column], [(_LD, 0, 0, _ARGUMENTS), (_JSET, 0, 1, _CLONE_THREAD), _ALLOW, _REFUSE])
    return column, code


def _poisons_and_foreign_clocks(column: int) -> _Program:
    """The rules for `madvise` and for clocks; the kernel reads only the lower half of these arguments."""
    advice, clock = _ARGUMENTS + 8 * 2, _ARGUMENTS
    refuse_poison = [line for poison in _POISONS for line in ((_JEQ, 0, 1, poison), _REFUSE)]
    code = _if_call(_MADVISE[column], [(_LD, 0, 0, advice), *refuse_poison, _ALLOW])
    for call in _CLOCKS:
        known = [(_LD, 0, 0, clock), (_JGE, 0, 1, _CLOCKS_OF_THE_SYSTEM), _REFUSE, _ALLOW]
        code += _if_call(call[column], known)
    return code


def _if_call(number: int | None, then: _Program) -> _Program:
    """The code `then`, which decides, for the call with this number; empty if there is no such call."""
    return [] if number is None else [(_JEQ, 0, len(then), number), *then]


def _if_argument(index: int, value: int, then: _Program) -> _Program:
    """The code `then` if both halves of the argument match `value`; otherwise the call is refused."""
    low = _ARGUMENTS + 8 * index
    both = [(_LD, 0, 0, low + 4), (_JEQ, 0, len(then), value >> 32), *then]
    return [(_LD, 0, 0, low), (_JEQ, 0, len(both), value & 0xFFFFFFFF), *both, _REFUSE]


def _written(code: _Program) -> bytes:
    return b"".join(struct.pack("<HBBI", *line) for line in code)
