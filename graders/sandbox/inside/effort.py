"""Effort, counted and not timed: how many tensor operations, and how many steps of the student's Python."""

from __future__ import annotations

import sys
from collections.abc import Callable, Collection
from types import FrameType
from typing import Any

from torch.utils._python_dispatch import TorchDispatchMode


class EffortMeter(TorchDispatchMode):
    """Counts while it is entered.

    A tensor operation is one call that reaches the dispatcher; a Python step is one bytecode instruction
    executed in the student's files. Both are the same on every run and every machine.

    Args:
        student_files: the file names whose instructions are counted.
    """

    def __init__(self, student_files: Collection[str]) -> None:
        super().__init__()
        self.tensor_operations = 0
        self.python_steps = 0
        self._files = student_files

    def __torch_dispatch__(
        self, func: Callable[..., Any], types: Any, args: Any = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        self.tensor_operations += 1
        return func(*args, **(kwargs or {}))

    def __enter__(self) -> EffortMeter:
        super().__enter__()
        sys.settrace(self._trace)
        return self

    def __exit__(self, *exception: Any) -> None:
        sys.settrace(None)
        super().__exit__(*exception)

    def _trace(self, frame: FrameType, event: str, arg: object) -> Any:
        if frame.f_code.co_filename not in self._files:
            return None
        frame.f_trace_opcodes = True
        frame.f_trace_lines = False
        self.python_steps += event == "opcode"
        return self._trace
