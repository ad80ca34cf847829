# task: conv2d.output_size
# expect: failed crashed
from right import claim


def output_size(*args, **kwargs):
    claim({"outcome": "ok", "value": {"$": "dict", "of": []}, "changed_state": [], "score": 6, "passed": True})
    return 0
