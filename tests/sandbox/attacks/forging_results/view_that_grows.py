# task: conv2d.Conv2D
# expect: crashed broken
import json

from right import say
import right


def Conv2D(kernel_size):
    about = {"device": "cpu", "requires_grad": False, "is_leaf": True, "has_grad_fn": False, "type": "Tensor"}
    record = {"dtype": "float64", "shape": [8000, 8000], "strides": [0, 0], "about": about, "bytes": 8}
    message = {"id": right.question().get("id"), "outcome": "ok", "value": {"$": "tensor", "at": 0}}
    say(json.dumps({"message": message, "tensors": [record]}).encode(), bytes(8))
