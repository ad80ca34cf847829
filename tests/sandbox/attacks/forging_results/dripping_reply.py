# task: conv2d.output_size
# expect: timed_out
# wall: 2
import struct
import time

from right import wire


def output_size(*args, **kwargs):
    sock = wire()[0]
    sock.sendall(struct.pack("<4sIQ", b"CNN1", 1000, 0))
    while True:
        sock.sendall(b" ")
        time.sleep(0.01)
