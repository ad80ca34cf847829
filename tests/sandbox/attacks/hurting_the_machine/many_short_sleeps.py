# task: conv2d.output_size
# expect: timed_out
# wall: 4
import time

from right import output_size as right


def output_size(*args, **kwargs):
    time.sleep(1.5)  # below the limit for one question, far above it for all of them
    return right(*args, **kwargs)
