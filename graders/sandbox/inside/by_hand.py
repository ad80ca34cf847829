"""Refuses torch's own convolutions and poolings, whatever name they are called by.

The kernels themselves are replaced, in every namespace and for every dispatch key that has one. So it makes
no difference whether a call comes through `torch.nn`, an alias, `getattr`, `torch.ops`, TorchScript, another
thread or a disabled dispatch mode. `unfold`/`fold` (im2col), padding, `einsum`, `matmul`, FFT and indexing
use other kernels, which stay.

Nothing here can be undone from Python. The object that could put the kernels back has no name and no
referrer, and the garbage collector doesn't know it. Before it raises, each refusal notifies the grader
through a pipe that can be written to but not read, so no list in this process has to be trusted.
"""

from __future__ import annotations

import ctypes
import os
import re
import sys
import warnings
from collections.abc import Callable, Iterable
from types import FrameType
from typing import Any, NoReturn

import torch

NOTICES = 0
"""The descriptor on which refusals notify the grader; a student process has no input to read from it."""

# `conv…`, `…pool…` and torchvision's average pooling, but neither `convert…` nor the inverse `max_unpool`.
_FORBIDDEN = re.compile(r"conv(?!ert|_transpose_output)|(?<!un)pool|roi_align")
_KEYS = (
    *("CPU", "CUDA", "MPS", "MkldnnCPU", "QuantizedCPU", "AutogradCPU"),
    *("CompositeImplicitAutograd", "CompositeExplicitAutograd"),
)

Kernel = tuple[str, str, str]
"""Namespace, operation and dispatch key."""


class ForbiddenCall(RuntimeError):
    """A task called an operation that it may not use."""


def forbidden_kernels() -> frozenset[Kernel]:
    """Every kernel that a by-hand task may not use."""
    found = []
    for full in torch._C._dispatch_get_all_op_names():
        namespace, _, name = full.partition("::")
        if _FORBIDDEN.search(name.split(".")[0]):
            keys = [key for key in _KEYS if torch._C._dispatch_has_kernel_for_dispatch_key(full, key)]
            found += [(namespace, name, key) for key in keys]
    return frozenset(found)


def refuse(already: frozenset[Kernel] = frozenset()) -> frozenset[Kernel]:
    """Refuse the kernels in this process and its future forks, permanently.

    Args:
        already: kernels that have been refused before.

    Returns:
        All kernels that are refused now.
    """
    new = forbidden_kernels() - already
    names = sorted({name.split(".")[0] for _, name, _ in new})
    refusals = {name: _refusal(name) for name in names}
    replace_for_good((*kernel, refusals[kernel[1].split(".")[0]]) for kernel in new)
    return already | new


def replace_for_good(kernels: Iterable[tuple[str, str, str, Any]]) -> None:
    """Replace each kernel with another function; this can't be undone.

    Args:
        kernels: namespace, operation, dispatch key and the new function of each.
    """
    libraries: dict[str, Any] = {}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for namespace, name, key, function in kernels:
            if namespace not in libraries:
                libraries[namespace] = torch._C._dispatch_library("IMPL", namespace, "")
                # A library's kernels disappear with it, so it must stay alive. The extra reference does that
                # without an owner: once `libraries` is gone, no Python object refers to it.
                ctypes.pythonapi.Py_IncRef(ctypes.py_object(libraries[namespace]))
            libraries[namespace].impl(name, key, function)


def _refusal(operation: str) -> Callable[..., NoReturn]:
    # Everything it needs is in its defaults, because student code could replace anything looked up by name. A
    # traceback exposes its frame, which contains nothing that student code could use.
    def refuse(
        *_args: object,
        _operation: bytes = operation.encode(),
        _message: str = f"write this task by hand, without {operation}",
        _frame: Callable[[], FrameType | None] = sys._getframe,
        _text: type[str] = str,
        _write: Callable[[int, bytes], int] = os.write,
        _to: int = NOTICES,
        _full: type[BaseException] = BlockingIOError,
        _failed: type[BaseException] = OSError,
        _exit: Callable[[int], NoReturn] = os._exit,
        _error: type[BaseException] = ForbiddenCall,
        **_kwargs: object,
    ) -> NoReturn:
        place, frame = b" 0", _frame()
        while frame is not None:
            file = _text.encode(frame.f_code.co_filename, "utf-8", "replace")
            if file[:1] not in (b"/", b"<"):  # only the student's files have relative paths
                place = b"%s %d" % (file[:200].hex().encode(), frame.f_lineno)
                break
            frame = frame.f_back
        try:
            _write(_to, b"%s %s\n" % (_operation, place))
        except _full:
            pass  # the pipe is full, so the grader has been notified many times already
        except _failed:
            _exit(1)
        raise _error(_message)

    return refuse
