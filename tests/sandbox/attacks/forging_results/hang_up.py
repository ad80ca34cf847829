# task: conv2d.output_size
# expect: crashed
from right import wire


def output_size(*args, **kwargs):
    wire()[0].close()
    return 0
