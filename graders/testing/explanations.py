"""What the errors of Python and torch mean, explained by somebody who has met them before.

Each entry is a regular expression to find in the error's message, and an explanation that is true whenever it
is found. The first match is shown, and instructors can add entries. Some errors are caused by the sandbox and
not by the student's code; for these, `translated` replaces Python's own message.
"""

from __future__ import annotations

import importlib.util
import re

_NO_FILES = "no file can be opened and no process can be started during grading"

EXPLANATIONS: tuple[tuple[str, str], ...] = (
    (
        r"Boolean value of Tensor with more than one value",
        "`if`, `and`, `or` or `not` needs one truth value, but a tensor has many. To test whether there is a "
        "tensor at all, write `is not None`; to test whether all its values meet a condition, use `.all()`.",
    ),
    (
        r"does not require grad and does not have a grad_fn",
        "backward() was called on a tensor that isn't part of a computation graph: no input requires grad, "
        "or the graph was cut by .item(), .data, .detach(), no_grad or torch.tensor().",
    ),
    (
        r"leaf Variable that requires grad is being used in an in-place operation",
        "A tensor that requires grad is changed in place while autograd records. Create a new tensor for the "
        "update, or do it under torch.no_grad().",
    ),
    (
        r"modified by an inplace operation",
        "The code writes into a tensor whose old values autograd still needs. Create a new tensor instead.",
    ),
    (
        r"backward through the graph a second time",
        "backward() ran twice through the same computation graph. Recompute the result before each call.",
    ),
    (
        r"[Cc]an't call numpy\(\) on Tensor that requires grad",
        "A detour through NumPy would lose the gradient. Which tensor operation does the same?",
    ),
    (
        r"'NoneType' and '(float|int|Tensor)'|'(float|int|Tensor)' and 'NoneType'",
        "One of the two is None. A `.grad` is None until backward() has run, and it stays None for every "
        "tensor that is computed from others: only leaf tensors get a gradient.",
    ),
    (
        r"'NoneType' object has no attribute",
        "Something here is None: perhaps the result of a function without `return`, or a `.grad`.",
    ),
    (
        r"to have the same dtype|expected scalar type|Input type \(.*\) and (weight|bias) type",
        "The operation needs tensors of one dtype but gets two. Convert both to torch.result_type(X, K).",
    ),
    (
        r"view size is not compatible",
        "view() needs values that are contiguous in memory, and those of a transposed or sliced tensor "
        "aren't. reshape() copies them where it has to.",
    ),
    (
        r"shapes cannot be multiplied",
        "A matrix product needs as many columns on the left as rows on the right. Print both shapes just "
        "before this line.",
    ),
    (
        r"size of tensor a \(\d+\) must match the size of tensor b|expects each tensor to be equal size",
        "The shapes of two tensors don't fit together. Print both just before this line.",
    ),
    (
        r"index \d+ is out of bounds|index out of range",
        "An index runs past the end. Which axis does it run along, and how long is that axis?",
    ),
    (
        r"shape '\[.*\]' is invalid for input of size",
        "view() and reshape() keep every value, so the product of the sizes must be the number of values.",
    ),
    (
        r"0D or 1D target tensor expected",
        "Cross-entropy takes the index of the right class for each image: y with shape (N,), as it is.",
    ),
    (
        r"cannot assign '.*' as parameter",
        "That name belongs to a parameter of the layer. Set it once, in __init__, as an nn.Parameter.",
    ),
    (
        r"before Module\.__init__\(\) call",
        "Call super().__init__() first in __init__.",
    ),
    (
        r"cannot unpack non-iterable int|'int' object is not (subscriptable|iterable)",
        "The code expects a pair but gets an int. The task allows both: an int applies to both axes.",
    ),
    (
        r"rand\(\) received an invalid combination of arguments - got \(tuple, tuple",
        "The code expects an int but gets a pair. The task allows both: an int applies to both axes.",
    ),
    (
        r"Unable to open /dev/urandom",
        "Asking the operating system for a random seed opens a file, which isn't possible during grading. "
        "torch.rand doesn't need one.",
    ),
)


def translated(message: str) -> str:
    """What happened, where Python's own message would mislead; empty where it doesn't.

    An installed library isn't missing when an import fails: it tries to load more of itself at a point where
    the sandbox lets nothing be loaded any more. And CUDA isn't to blame for a machine without a GPU.
    """
    if re.search(r"re-initialize CUDA|No CUDA GPUs|NVIDIA driver|not compiled with CUDA", message):
        return (
            "The code names a GPU, and there is none during grading. Compute on the input's device, "
            'X.device, or choose one with torch.device("cuda" if torch.cuda.is_available() else "cpu").'
        )
    if re.search(
        r"\[Errno 1\] Operation not permitted|\[Errno 13\] Permission denied|Failed to find font", message
    ):
        return f"{_NO_FILES[0].upper()}{_NO_FILES[1:]}."
    found = re.search(r"No module named '([\w.]+)'", message)
    if found is None:
        return ""
    name = found[1]
    if _is_installed(name.partition(".")[0]):
        return (
            f"`{name}` can't be loaded at this point: {_NO_FILES}. Which operation does the same without it? "
            "(Use num_workers=0 for a DataLoader, and no torch.compile.)"
        )
    return (
        f"`{name}` wasn't handed in, and no library of that name is available during grading. If it is your "
        "file, hand it in too; if it is a library, write what you need yourself: torch and NumPy are there."
    )


def _is_installed(name: str) -> bool:
    try:
        return importlib.util.find_spec(name) is not None
    except (ImportError, ValueError):
        return False


def explained(message: str) -> str:
    """What an error means, in a sentence or two; empty if it isn't known."""
    return next((says for pattern, says in EXPLANATIONS if re.search(pattern, message)), "")
