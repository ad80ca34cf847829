# task: conv2d.output_size
# expect: crashed failed
from right import claim
from right import output_size as right


def output_size(*args, **kwargs):
    claim({"outcome": "ok", "value": right(*args, **kwargs), "changed_state": []})
    return right(*args, **kwargs)
