# task: conv2d.output_size
# expect: passed
# tiers: walls
import mmap
import os

from right import syscall, unless


@unless
def output_size():
    for take in (
        lambda: os.memfd_create("a"),
        lambda: syscall(29, 0, 1 << 20, 0o1600),
        lambda: mmap.mmap(-1, 8 << 30),
        lambda: os.open("/dev/shm/a", os.O_CREAT | os.O_RDWR),
        lambda: syscall(447, 0),
    ):
        try:
            return take()
        except (OSError, ValueError, MemoryError):
            continue
