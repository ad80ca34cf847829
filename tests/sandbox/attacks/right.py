"""Right answers for the tasks that the attacks are handed in for, and what several attacks need."""

import ctypes

import torch

LIBC = ctypes.CDLL(None, use_errno=True)


def conv2d(X, K):
    h, w = K.shape
    rows = []
    for i in range(X.shape[0] - h + 1):
        row = [(X[i : i + h, j : j + w] * K).sum() for j in range(X.shape[1] - w + 1)]
        rows.append(torch.stack(row))
    return torch.stack(rows)


def unfolded(X, K):
    return (X.unfold(0, K.shape[0], 1).unfold(1, K.shape[1], 1) * K).sum((-2, -1))


def output_size(n, kernel, stride=1, padding=0, dilation=1):
    span = dilation * (kernel - 1) + 1
    if min(n, kernel, stride, dilation) < 1 or padding < 0 or n + 2 * padding < span:
        raise ValueError(f"no output for n={n}, kernel={kernel}, stride={stride}, padding={padding}, dilation={dilation}")
    return (n + 2 * padding - span) // stride + 1


def unless(attack):
    """A right `output_size` that turns wrong, and shows the loot, if the attack works."""
    loot = []

    def attacked(*args, **kwargs):
        if not loot:
            try:
                loot.append(attack())
            except BaseException as error:
                loot.append(None)
                print("refused:", repr(error)[:200])
        if loot[0]:
            raise ArithmeticError(f"it worked: {loot[0]!r}")
        return output_size(*args, **kwargs)

    return attacked


def syscall(number, *args):
    """A system call by number, past the C library; raises OSError."""
    result = LIBC.syscall(ctypes.c_long(number), *(ctypes.c_long(a) if isinstance(a, int) else a for a in args))
    if result < 0:
        raise OSError(ctypes.get_errno(), f"system call {number}")
    return result + 1  # never zero: it worked


def wire():
    """The socket on which this process talks to the grader, found on the stack, and the frames' language."""
    import sys

    import sandbox.wire as language

    for frame in sys._current_frames().values():
        while frame is not None:
            if hasattr(frame.f_locals.get("wire"), "sendall"):
                return frame.f_locals["wire"], language
            frame = frame.f_back
    raise LookupError("no wire")


def question():
    """The question that this process is just answering, found on the stack."""
    import sys

    frame = sys._getframe()
    while frame is not None:
        if isinstance(frame.f_locals.get("question"), dict) and "id" in frame.f_locals["question"]:
            return frame.f_locals["question"]
        frame = frame.f_back
    return {}


def say(header, body=b"", then_stop=True):
    """Send a frame of our own making, in place of the runtime."""
    import os
    import struct

    raw = struct.pack("<4sIQ", b"CNN1", len(header), len(body)) + header + body
    wire()[0].sendall(raw)
    if then_stop:
        import time

        time.sleep(0.3)
        os._exit(0)


def claim(fields, then_stop=False):
    """Answer the present question with claims; the runtime's own answer follows and is one too many."""
    import json

    say(json.dumps({"message": {"id": question().get("id"), **fields}, "tensors": []}).encode(), b"", then_stop)
