# task: conv2d.output_size
# expect: passed
# tiers: walls
import ctypes

from right import syscall, unless


@unless
def output_size():
    handle = ctypes.create_string_buffer(b"\x80\0\0\0\0\0\0\0", 136)
    mount = ctypes.c_int()
    syscall(303, -100, ctypes.create_string_buffer(b"@SECRET_FILE@"), handle, ctypes.byref(mount), 0)
    return handle.raw
