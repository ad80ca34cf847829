# task: conv2d.output_size
# expect: passed
# tiers: walls
import atexit
import weakref

from right import output_size


def mark():
    with open("@SCRATCH@/@MARKER@", "w") as file:
        file.write("still here")


class Late:
    def __del__(self):
        mark()


atexit.register(mark)
late = Late()
weakref.finalize(late, mark)
