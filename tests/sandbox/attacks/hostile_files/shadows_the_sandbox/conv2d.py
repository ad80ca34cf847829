# task: conv2d.output_size
# expect: crashed broken failed
import sandbox.wire


def output_size(*args, **kwargs):
    return 0
