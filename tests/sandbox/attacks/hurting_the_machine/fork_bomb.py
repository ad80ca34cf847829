# task: conv2d.output_size
# expect: passed
# tiers: walls
import os

from right import syscall, unless


@unless
def output_size():
    for fork in (os.fork, os.forkpty, lambda: syscall(57), lambda: syscall(58), lambda: syscall(56, 17, 0, 0, 0, 0)):
        try:
            if fork() == 0:
                os._exit(0)
            return "forked"
        except OSError:
            continue
