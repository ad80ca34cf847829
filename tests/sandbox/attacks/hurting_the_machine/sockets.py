# task: conv2d.output_size
# expect: passed
# tiers: walls
import socket

from right import unless


@unless
def output_size():
    for family in (socket.AF_INET, socket.AF_INET6, socket.AF_UNIX, socket.AF_NETLINK, socket.AF_PACKET):
        for kind in (socket.SOCK_STREAM, socket.SOCK_DGRAM, socket.SOCK_RAW):
            try:
                return socket.socket(family, kind)
            except OSError:
                continue
    return socket.socketpair()
