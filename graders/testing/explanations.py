"""What an error of Python's or torch's means, in the words of somebody who has met it before.

Data: a pattern that is found in the error's message, and what is true whenever it is. The first that fits is
said. What an instructor adds here is said from then on. Some errors come from where work is graded and not
from the code; `translated` says what happened in place of Python's own words.
"""

from __future__ import annotations

import importlib.util
import re

_NO_FILES = "no file can be opened and no process started while work is graded"

EXPLANATIONS: tuple[tuple[str, str], ...] = (
    (
        r"Boolean value of Tensor with more than one value",
        "Python asks a whole tensor whether it is true. Whether there is one at all is `is not None`; "
        "whether all its numbers fit a condition is `.all()`.",
    ),
    (
        r"does not require grad and does not have a grad_fn",
        "backward() was called on a number that autograd has taken no notes of: no input requires grad, or "
        "the way to it was cut by .item(), .data, .detach(), no_grad or torch.tensor().",
    ),
    (
        r"leaf Variable that requires grad is being used in an in-place operation",
        "A tensor that requires grad is changed in place while autograd takes notes. An update is a new "
        "tensor, or stands under torch.no_grad().",
    ),
    (
        r"modified by an inplace operation",
        "Something was written into a tensor whose old values autograd still needs. Make a new one instead.",
    ),
    (
        r"backward through the graph a second time",
        "backward() runs twice through the same notes: compute the result anew before each.",
    ),
    (
        r"[Cc]an't call numpy\(\) on Tensor that requires grad",
        "NumPy would lose the gradient. Which tensor operation does the same?",
    ),
    (
        r"'NoneType' and '(float|int|Tensor)'|'(float|int|Tensor)' and 'NoneType'",
        "One of the two is None. A `.grad` is None until backward() has run, and stays so for every tensor "
        "that is computed from others: only the ones that a graph begins with get one.",
    ),
    (
        r"'NoneType' object has no attribute",
        "Something is None here: a function without `return`, or a `.grad`.",
    ),
    (
        r"to have the same dtype|expected scalar type|Input type \(.*\) and (weight|bias) type",
        "Tensors of two dtypes meet in an operation that takes only one. torch.result_type(X, K) is the one "
        "to bring them to.",
    ),
    (
        r"view size is not compatible",
        "view() needs numbers that lie side by side in memory, which those of a transposed or sliced tensor "
        "do not. reshape() copies where it must.",
    ),
    (
        r"shapes cannot be multiplied",
        "A matrix product needs as many columns on the left as rows on the right. Print both shapes in the "
        "line before.",
    ),
    (
        r"size of tensor a \(\d+\) must match the size of tensor b|expects each tensor to be equal size",
        "Two tensors of different shapes meet. Print both shapes in the line before.",
    ),
    (
        r"index \d+ is out of bounds|index out of range",
        "An index runs beyond the end. Along which axis does the loop count, and how long is that one?",
    ),
    (
        r"shape '\[.*\]' is invalid for input of size",
        "view() and reshape() keep every number, so the sizes must multiply to as many as there are.",
    ),
    (
        r"0D or 1D target tensor expected",
        "Cross-entropy takes the number of the right class for each image: y of shape (N,), as it comes.",
    ),
    (
        r"cannot assign '.*' as parameter",
        "That name belongs to a parameter of the layer. Set it once, in __init__, and as nn.Parameter.",
    ),
    (
        r"before Module\.__init__\(\) call",
        "super().__init__() has to come first in __init__.",
    ),
    (
        r"cannot unpack non-iterable int|'int' object is not (subscriptable|iterable)",
        "It is an int where the code expects a pair. The contract allows both: an int counts for both axes.",
    ),
    (
        r"rand\(\) received an invalid combination of arguments - got \(tuple, tuple",
        "A pair stands where one number is expected. The contract allows both: an int counts for both axes.",
    ),
    (
        r"Unable to open /dev/urandom",
        "Drawing a seed from the machine opens a file, which nothing here can. torch.rand needs none.",
    ),
)


def translated(message: str) -> str:
    """What happened, where Python's own words would mislead; empty where they do not.

    A library that is installed is not missing: it wants to load more of itself when nothing can be loaded any
    more. And a machine without a GPU is no mistake of CUDA's.
    """
    if re.search(r"re-initialize CUDA|No CUDA GPUs|NVIDIA driver|not compiled with CUDA", message):
        return (
            "There is no GPU where work is graded, and the code names one. The input says where to compute: "
            'X.device; or choose by torch.device("cuda" if torch.cuda.is_available() else "cpu").'
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
            f"`{name}` cannot be loaded at this point: {_NO_FILES}. Which other operation does the same "
            "without it? (num_workers=0 for a DataLoader, no torch.compile.)"
        )
    return (
        f"`{name}` was not handed in, and as a library it is not available where work is graded. Hand the "
        "file in, or write what you need of the library yourself: torch and NumPy are there."
    )


def _is_installed(name: str) -> bool:
    try:
        return importlib.util.find_spec(name) is not None
    except (ImportError, ValueError):
        return False


def explained(message: str) -> str:
    """What an error means, as a sentence; empty where nothing is known of it."""
    return next((says for pattern, says in EXPLANATIONS if re.search(pattern, message)), "")
