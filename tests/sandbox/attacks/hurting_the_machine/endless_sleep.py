# task: conv2d.output_size
# expect: timed_out
# wall: 2
import time


def output_size(*args, **kwargs):
    time.sleep(10**6)
