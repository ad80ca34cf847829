"""Refuse torch's own convolutions and poolings, below every name they go by.

The kernels themselves are replaced, in every namespace and for every dispatch key that has one. So it
makes no difference whether a call comes through `torch.nn`, an alias, `getattr`, `torch.ops`, TorchScript,
another thread or a disabled dispatch mode. `unfold`/`fold` (im2col), padding, `einsum`, `matmul`, FFT and
indexing are other kernels and stay.
"""

from __future__ import annotations

import ctypes
import re
import sys
import warnings
from collections.abc import Callable, Collection
from dataclasses import dataclass
from typing import Any, NoReturn

import torch

# `conv…`, `…pool…` and torchvision's average pooling, but neither `convert…` nor the inverse `max_unpool`.
_FORBIDDEN = re.compile(r"conv(?!ert|_transpose_output)|(?<!un)pool|roi_align")
_KEYS = (
    *("CPU", "CUDA", "MPS", "MkldnnCPU", "QuantizedCPU", "AutogradCPU"),
    *("CompositeImplicitAutograd", "CompositeExplicitAutograd"),
)


class ForbiddenCall(RuntimeError):
    """A by-hand task called the operation that it is about."""


@dataclass(frozen=True)
class Hit:
    """One refused call: the operation, and the student's file and line."""

    operation: str
    file: str
    line: int


def forbidden_kernels() -> tuple[tuple[str, str, str], ...]:
    """Namespace, operation and dispatch key of every kernel that may not do the work."""
    found = []
    for full in torch._C._dispatch_get_all_op_names():
        namespace, _, name = full.partition("::")
        if _FORBIDDEN.search(name.split(".")[0]):
            keys = [key for key in _KEYS if torch._C._dispatch_has_kernel_for_dispatch_key(full, key)]
            found += [(namespace, name, key) for key in keys]
    return tuple(found)


class ByHand:
    """Refuses the kernels in this process and all it forks, for good, and lists what was refused.

    Attributes:
        hits: the refused calls.
        student_files: the file names whose frames are the student's.
    """

    def __init__(self) -> None:
        self.hits: list[Hit] = []
        self.student_files: Collection[str] = ()
        self._libraries: dict[str, Any] = {}
        self._replaced: set[tuple[str, str, str]] = set()

    def install(self) -> int:
        """Replace the kernels that are not yet replaced; returns how many. There is no way back."""
        new = [kernel for kernel in forbidden_kernels() if kernel not in self._replaced]
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            for namespace, name, key in new:
                if namespace not in self._libraries:
                    self._libraries[namespace] = torch._C._dispatch_library("IMPL", namespace, "")
                    # Never let it go: a library that is collected takes its kernels with it.
                    ctypes.pythonapi.Py_IncRef(ctypes.py_object(self._libraries[namespace]))
                self._libraries[namespace].impl(name, key, self._refusal(name.split(".")[0]))
        self._replaced.update(new)
        return len(new)

    def _refusal(self, operation: str) -> Callable[..., NoReturn]:
        def refuse(*_args: object, **_kwargs: object) -> NoReturn:
            file, line = self._caller()
            self.hits.append(Hit(operation, file, line))
            raise ForbiddenCall(f"this task is to be written by hand, without {operation}")

        return refuse

    def _caller(self) -> tuple[str, int]:
        frame = sys._getframe()
        while frame is not None:
            if frame.f_code.co_filename in self.student_files:
                return frame.f_code.co_filename, frame.f_lineno
            frame = frame.f_back  # type: ignore[assignment]
        return "", 0
