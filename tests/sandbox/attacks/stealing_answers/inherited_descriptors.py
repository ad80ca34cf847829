# task: conv2d.output_size
# expect: passed
# tiers: walls
import select

from right import unless, wire


@unless
def output_size():
    ours = {0, 1, 2, wire()[0].fileno()}
    loot = []
    for first in range(0, 4096, 60):
        poller = select.poll()
        for fd in set(range(first, first + 60)) - ours:
            poller.register(fd)
        loot += [fd for fd, event in poller.poll(0) if not event & select.POLLNVAL]
    return loot
