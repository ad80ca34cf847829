# task: conv2d.output_size
# expect: crashed
from right import say


def output_size(*args, **kwargs):
    say(b'{"message": ' + b"[" * 500_000 + b"]" * 500_000 + b', "tensors": []}')
