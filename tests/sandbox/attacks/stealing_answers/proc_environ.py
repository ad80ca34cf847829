# task: conv2d.output_size
# expect: passed
# tiers: walls
import os

from right import unless


@unless
def output_size():
    loot = []
    for who in ("self", "1", str(os.getppid()), "@GRADER_PID@"):
        for what in ("environ", "cmdline", "maps", "status", "mem"):
            try:
                with open(f"/proc/{who}/{what}", "rb") as file:
                    loot.append((who, what, file.read(100)))
            except OSError:
                continue
    return loot
