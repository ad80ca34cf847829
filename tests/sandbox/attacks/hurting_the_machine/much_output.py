# task: conv2d.output_size
# expect: failed timed_out
import sys

done = []


def output_size(*args, **kwargs):
    if not done:
        done.append(sys.stdout.write("\x1b[31mred\x07\n" * 4_000_000))
    return 0
