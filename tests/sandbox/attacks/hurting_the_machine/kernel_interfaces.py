# task: conv2d.output_size
# expect: passed
# tiers: walls
import ctypes

from right import syscall, unless


@unless
def output_size():
    room = ctypes.create_string_buffer(256)
    calls = {
        "unshare user": (272, 0x10000000),
        "unshare mount": (272, 0x00020000),
        "clone3": (435, room, 88),
        "setns": (308, 0, 0),
        "io_uring": (425, 8, room),
        "bpf": (321, 0, room, 64),
        "keyctl": (250, 0, -3, 0),
        "add_key": (248, ctypes.create_string_buffer(b"user"), ctypes.create_string_buffer(b"a"), room, 1, -3),
        "perf": (298, room, 0, -1, -1, 0),
        "userfaultfd": (323, 1),
        "mount": (165, room, room, room, 0, 0),
        "chroot": (161, ctypes.create_string_buffer(b"/")),
        "pivot_root": (155, room, room),
        "reboot": (169, 0, 0, 0),
        "sethostname": (170, room, 1),
        "settimeofday": (164, 0, 0),
        "init_module": (175, room, 1, room),
        "kexec": (246, 0, 0, 0, 0),
        "personality": (135, 0xFFFFFFFF),
        "prctl": (157, 38, 1, 0, 0, 0),
        "seccomp": (317, 2, 0, room),
        "setuid": (105, 0),
        "ioperm": (173, 0x80, 1, 1),
        "quotactl": (179, 0, 0, 0, 0),
        "fanotify": (300, 0, 0),
        "inotify": (294, 0),
        "epoll": (291, 0),
        "landlock": (444, 0, 0, 1),
        "ioctl TIOCSTI": (16, 0, 0x5412, room),
        "fcntl F_SETOWN": (72, 1, 8, 1),
        "x32 getpid": (0x40000000 + 1000, 0),
    }
    worked = []
    for name, (number, *args) in calls.items():
        if number >= 0x40000000:
            continue
        try:
            syscall(number, *args)
            worked.append(name)
        except OSError as error:
            if error.errno not in (1, 38):  # EPERM, ENOSYS: anything else came from the kernel's own code
                worked.append((name, error.errno))
    return worked
