# task: conv2d.output_size
# expect: passed
# tiers: walls
import os

from right import syscall, unless


@unless
def output_size():
    for pid in (@GRADER_PID@, os.getppid()):
        for request in (16, 0x4206):  # attach, seize
            try:
                return syscall(101, request, pid, 0, 0)
            except OSError:
                continue
    return syscall(101, 0, 0, 0, 0)
