# task: conv2d.output_size
# expect: crashed
from right import claim


def output_size(*args, **kwargs):
    infinite = {"$": "float", "is": "inf"}
    hit = {"$": "list", "of": [{"$": "list", "of": ["conv2d", "conv2d.py", infinite]}]}
    claim({"outcome": "ok", "value": 1, "forbidden": hit}, then_stop=True)
