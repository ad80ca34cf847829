# task: conv2d.output_size
# expect: passed
# tiers: walls
import ctypes

from right import LIBC, syscall, unless


@unless
def output_size():
    name = ctypes.create_string_buffer(b"@SECRET_FILE@")
    for number, args in ((2, (name, 0, 0)), (257, (-100, name, 0, 0)), (437, (-100, name, ctypes.create_string_buffer(24), 24))):
        try:
            fd = syscall(number, *args) - 1
        except OSError:
            continue
        loot = ctypes.create_string_buffer(100)
        LIBC.read(fd, loot, 100)
        return loot.value
