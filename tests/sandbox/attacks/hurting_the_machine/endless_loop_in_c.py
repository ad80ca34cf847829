# task: conv2d.output_size
# expect: timed_out
import re


def output_size(*args, **kwargs):
    return re.match(r"(a*)*b", "a" * 60)
