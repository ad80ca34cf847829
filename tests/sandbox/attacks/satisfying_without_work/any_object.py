# task: conv2d.output_size
# expect: failed
from unittest import mock


def output_size(*args, **kwargs):
    return mock.ANY
