# task: conv2d.output_size
# expect: crashed
# tiers: walls
from right import syscall


def output_size(*args, **kwargs):
    syscall(0x40000000 + 39)
    return 0
