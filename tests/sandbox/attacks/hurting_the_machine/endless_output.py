# task: conv2d.output_size
# expect: timed_out
import os


def output_size(*args, **kwargs):
    while True:
        os.write(1, b"\x1b[31mred " * 8000)
