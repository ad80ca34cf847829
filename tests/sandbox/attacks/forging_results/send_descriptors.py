# task: conv2d.output_size
# expect: crashed failed
import socket

from right import wire


def output_size(*args, **kwargs):
    sock = wire()[0]
    for _ in range(20):
        socket.send_fds(sock, [b"x"], [sock.fileno()] * 20)
    return 0
