# task: conv2d.output_size
# expect: crashed
import os


def output_size(*args, **kwargs):
    os.closerange(0, 64)
    return 1
