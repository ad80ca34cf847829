# task: conv2d.output_size
# expect: crashed timed_out out_of_memory
import struct

from right import wire


def output_size(*args, **kwargs):
    sock = wire()[0]
    sock.sendall(struct.pack("<4sIQ", b"CNN1", 64, 60 << 20) + b"x" * 64)
    while True:
        sock.sendall(bytes(1 << 16))
