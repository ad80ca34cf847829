# task: conv2d.output_size
# expect: timed_out
# wall: 2
import os
import signal


def output_size(*args, **kwargs):
    os.kill(os.getpid(), signal.SIGSTOP)
