# task: conv2d.output_size
# expect: crashed
import json

from right import question, say


def output_size(*args, **kwargs):
    about = {"device": "cpu", "requires_grad": False, "is_leaf": True, "has_grad_fn": False, "type": "Tensor"}
    record = {"dtype": "float32", "shape": [2], "about": about, "bytes": 8}
    tensor, none = {"$": "tensor", "at": 0}, {"$": "list", "of": []}
    message = {"id": question().get("id"), "outcome": "raised", "type": "E", "kinds": none, "message": "", "frames": none}
    message |= {"inside": tensor, "memory": tensor}
    say(json.dumps({"message": message, "tensors": [record]}).encode(), bytes(8))
