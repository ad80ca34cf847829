# task: conv2d.Conv2D
# expect: crashed
from right import claim


def Conv2D(kernel_size):
    claim({"outcome": "ok", "value": {"$": "handle", "id": 2**31 - 1, "type": "Conv2D"}, "changed_state": {"$": "list", "of": []}})
