"""Effort, counted and not timed: how many tensor operations, how many steps of the student's Python; and by
whom: whether autograd did some of it."""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable, Collection
from types import FrameType
from typing import Any

import torch
from torch.autograd import forward_ad
from torch.utils._python_dispatch import TorchDispatchMode

_OURS = ("<frozen", "<sandbox", "<__array_function__")


class EffortMeter(TorchDispatchMode):
    """Counts while it is entered.

    A tensor operation is one call that reaches the dispatcher; a Python step is one bytecode instruction
    executed in the student's files, or in text that they compile on the way. Both are the same on every run
    and every machine.

    Args:
        student_files: the file names whose instructions are counted.

    Attributes:
        autograd: an operation was one of a backward pass, or ran in forward mode.
    """

    def __init__(self, student_files: Collection[str]) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.tensor_operations = 0
        self.python_steps = 0
        self.autograd = False
        self._files = student_files

    @classmethod
    def _should_skip_dynamo(cls) -> bool:
        """Not to be hidden from torch's compiler: hiding it would import the compiler, which is slow."""
        return False

    def __torch_dispatch__(
        self, func: Callable[..., Any], types: Any, args: Any = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        self.tensor_operations += 1
        backward = torch._C._current_graph_task_id() != -1  # type: ignore[attr-defined]
        self.autograd |= backward or forward_ad._current_level >= 0
        return func(*args, **(kwargs or {}))

    def __enter__(self) -> EffortMeter:
        super().__enter__()  # type: ignore[no-untyped-call]
        sys.settrace(self._trace)
        threading.settrace(self._trace)
        return self

    def __exit__(self, *exception: Any) -> None:
        stopped = sys.gettrace() != self._trace
        sys.settrace(None)
        threading.settrace(None)  # type: ignore[arg-type]
        super().__exit__(*exception)  # type: ignore[no-untyped-call]
        if stopped and exception[0] is None:
            raise RuntimeError("sys.settrace was called while the steps of the code were counted")

    def _trace(self, frame: FrameType, event: str, arg: object) -> Any:
        file = frame.f_code.co_filename
        if file not in self._files and (not file.startswith("<") or file.startswith(_OURS)):
            return None
        frame.f_trace_opcodes = True
        frame.f_trace_lines = False
        self.python_steps += event == "opcode"
        return self._trace
