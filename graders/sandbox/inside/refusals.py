"""A seccomp filter that lists what is refused: for a process whose device needs more than can be listed.

Sources: Linux `seccomp(2)`, `asm/unistd.h` for the numbers.
"""

from __future__ import annotations

import errno
import struct

from .lockdown import (
    _ARCH,
    _ARG,
    _AUDIT_ARCH,
    _CLONE,
    _CLONE3,
    _CLONE_THREAD,
    _JEQ,
    _JGE,
    _JSET,
    _KILL,
    _LD,
    _NR,
    _PRLIMIT64,
    _RET,
    _RET_ALLOW,
    _RET_ERRNO,
    _RET_KILL,
    _STARTS_PROCESSES,
    _TGKILL,
    LockdownError,
)

# Besides new processes, signals to others and new limits. Name: (x86_64, aarch64); None where there is none.
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


def refusing_program(machine: str, pid: int) -> bytes:
    """The classic-BPF program for `machine`: most calls are allowed, signals to `pid` alone.

    Raises:
        LockdownError: the architecture is not one the filter is written for.
    """
    if machine not in _AUDIT_ARCH:
        raise LockdownError(f"no filter is written for {machine}")
    column, arch = _AUDIT_ARCH[machine]
    refuse = (_RET, 0, 0, _RET_ERRNO | errno.EPERM)
    code = [(_LD, 0, 0, _ARCH), (_JEQ, 1, 0, arch), (_RET, 0, 0, _RET_KILL), (_LD, 0, 0, _NR)]
    if machine == "x86_64":
        code += [(_JGE, 0, 1, 0x40000000), (_RET, 0, 0, _RET_KILL)]
    for calls in (*_REFUSED.values(), *_STARTS_PROCESSES):
        number = calls[column]
        if number is not None:
            code += [(_JEQ, 0, 1, number), refuse]
    code += [(_JEQ, 0, 1, _CLONE3[column]), (_RET, 0, 0, _RET_ERRNO | errno.ENOSYS)]
    code += [(_JEQ, 0, 4, _CLONE[column]), (_LD, 0, 0, _ARG), (_JSET, 0, 1, _CLONE_THREAD)]
    code += [(_RET, 0, 0, _RET_ALLOW), refuse]
    for calls in (_KILL, _TGKILL):
        code += [(_JEQ, 0, 4, calls[column]), (_LD, 0, 0, _ARG), (_JEQ, 0, 1, pid)]
        code += [(_RET, 0, 0, _RET_ALLOW), refuse]
    # prlimit64(pid, which, new, old): no new limit, whoever it is for.
    code += [(_JEQ, 0, 6, _PRLIMIT64[column]), (_LD, 0, 0, _ARG + 16), (_JEQ, 0, 3, 0)]
    code += [(_LD, 0, 0, _ARG + 20), (_JEQ, 0, 1, 0), (_RET, 0, 0, _RET_ALLOW), refuse]
    code += [(_RET, 0, 0, _RET_ALLOW)]
    return b"".join(struct.pack("<HBBI", *line) for line in code)
