# task: conv2d.output_size
# expect: timed_out
import signal

for number in range(1, 65):
    try:
        signal.signal(number, signal.SIG_IGN)
    except (OSError, ValueError):
        continue


def output_size(*args, **kwargs):
    while True:
        pass
