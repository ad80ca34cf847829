# task: conv2d.output_size
# expect: crashed
import ctypes


def output_size(*args, **kwargs):
    return ctypes.string_at(0)
