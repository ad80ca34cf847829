# task: conv2d.output_size
# expect: crashed broken
import os

SIZE = os._exit(0)


def output_size(*args, **kwargs):
    return SIZE
