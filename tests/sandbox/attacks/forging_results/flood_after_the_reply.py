# task: conv2d.output_size
# expect: crashed
import threading
import time

from right import output_size as right
from right import wire


sock = wire()[0]


def flood():
    while True:
        sock.sendall(b"CNN1" + bytes(1000))
        time.sleep(0.001)


STARTED = threading.Thread(target=flood, daemon=True).start()


def output_size(*args, **kwargs):
    return STARTED or right(*args, **kwargs)
