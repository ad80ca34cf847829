# task: conv2d.output_size
# expect: passed
# tiers: walls
import os

from right import unless


@unless
def output_size():
    for folder in ("/", ".", "/tmp", "/proc/self/fd", "@SOLUTIONS@"):
        try:
            return os.listdir(folder)
        except OSError:
            continue
