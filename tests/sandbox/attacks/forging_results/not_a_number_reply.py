# task: conv2d.output_size
# expect: crashed
from right import say


def output_size(*args, **kwargs):
    say(b'{"message": {"outcome": "ok", "value": NaN, "id": 1}, "tensors": []}')
