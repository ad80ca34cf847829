# task: conv2d.output_size
# expect: crashed broken out_of_memory
import sys

sys.setrecursionlimit(2**30)


class Endless:
    def __getattr__(self, name):
        return getattr(self, name + "x")


def output_size(*args, **kwargs):
    return Endless().a
