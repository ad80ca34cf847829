# task: conv2d.output_size
# expect: crashed broken
import json
import struct

from right import wire

header = json.dumps({"message": {"outcome": "ok", "value": 3, "changed_state": [], "id": 5}, "tensors": []}).encode()
SENT = wire()[0].sendall((struct.pack("<4sIQ", b"CNN1", len(header), 0) + header) * 50)


def output_size(*args, **kwargs):
    return SENT or 0
