# task: conv2d.output_size
# expect: crashed
import sys


def output_size(*args, **kwargs):
    sys.exit(0)
