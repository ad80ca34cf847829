# task: conv2d.output_size
# expect: crashed broken
import ctypes

SIZE = ctypes.string_at(1)


def output_size(*args, **kwargs):
    return SIZE
