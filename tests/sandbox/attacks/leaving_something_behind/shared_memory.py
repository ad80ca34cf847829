# task: conv2d.output_size
# expect: passed
# tiers: walls
from right import syscall, unless


@unless
def output_size():
    from multiprocessing import shared_memory

    for make in (
        lambda: shared_memory.SharedMemory("@MARKER@", create=True, size=4096),
        lambda: syscall(29, 4242, 4096, 0o1600),
        lambda: syscall(68, 4242, 0o1600),
        lambda: syscall(64, 4242, 1, 0o1600),
    ):
        try:
            return make()
        except (OSError, ImportError):
            continue
