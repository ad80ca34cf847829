# task: conv2d.output_size
# expect: passed
# tiers: walls
import os
import time

from right import unless


@unless
def output_size():
    if os.fork() == 0:
        os.setsid()
        if os.fork() == 0:
            time.sleep(60)
        os._exit(0)
    return "a daemon"
