# task: conv2d.output_size
# expect: crashed
import os


def output_size(*args, **kwargs):
    os.kill(os.getpid(), 9)
