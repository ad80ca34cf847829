# task: conv2d.output_size
# expect: crashed
import ctypes

ctypes.string_at(1)
