# task: conv2d.output_size
# expect: crashed
import struct

from right import wire


def output_size(*args, **kwargs):
    wire()[0].sendall(struct.pack("<4sIQ", b"CNN1", 2**32 - 1, 2**64 - 1))
    return 0
