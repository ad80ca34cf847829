# task: conv2d.output_size
# expect: timed_out crashed
import signal


def output_size(*args, **kwargs):
    signal.raise_signal(signal.SIGXCPU)
