"""Counts Python steps: bytecode instructions that are executed in certain files.

In Python 3.11 a trace function counts them. In later versions, a trace function misses the instructions of a
function that is traced for the first time, but there is `sys.monitoring`.

Sources: https://docs.python.org/3/library/sys.html#sys.settrace,
https://docs.python.org/3/library/sys.monitoring.html
"""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable
from types import CodeType, FrameType
from typing import Any

_TOOL = 4  # an id that isn't reserved for any kind of tool


class Traced:
    """Counts with a trace function, from `begin` to `end`, also in threads that are started in between.

    Args:
        concerns: says whether the instructions of a file are counted.

    Attributes:
        count: the number of instructions so far.
    """

    def __init__(self, concerns: Callable[[str], bool]) -> None:
        self.count = 0
        self._concerns = concerns

    def begin(self) -> None:
        """Start counting."""
        sys.settrace(self._trace)
        threading.settrace(self._trace)

    def end(self) -> bool:
        """Stop counting; returns whether nothing else had stopped it before."""
        undisturbed = sys.gettrace() == self._trace
        sys.settrace(None)
        threading.settrace(None)  # type: ignore[arg-type]
        return undisturbed

    def _trace(self, frame: FrameType, event: str, arg: object) -> Any:
        if not self._concerns(frame.f_code.co_filename):
            return None
        frame.f_trace_opcodes = True
        frame.f_trace_lines = False
        self.count += event == "opcode"
        return self._trace


if sys.version_info >= (3, 12):
    _EVENT = sys.monitoring.events.INSTRUCTION

    class Monitored:
        """Counts with `sys.monitoring`, in all threads; otherwise like `Traced`."""

        def __init__(self, concerns: Callable[[str], bool]) -> None:
            self.count = 0
            self._concerns = concerns

        def begin(self) -> None:
            """Start counting."""
            sys.monitoring.use_tool_id(_TOOL, "effort")
            sys.monitoring.register_callback(_TOOL, _EVENT, self._step)
            sys.monitoring.restart_events()
            sys.monitoring.set_events(_TOOL, _EVENT)

        def end(self) -> bool:
            """Count no more; returns whether nobody else has ended it before."""
            if sys.monitoring.get_tool(_TOOL) != "effort":
                return False
            asked = sys.monitoring.get_events(_TOOL) == _EVENT
            ours = sys.monitoring.register_callback(_TOOL, _EVENT, None) == self._step
            sys.monitoring.set_events(_TOOL, 0)
            sys.monitoring.free_tool_id(_TOOL)
            return asked and ours

        def _step(self, code: CodeType, offset: int) -> Any:
            if not self._concerns(code.co_filename):
                return sys.monitoring.DISABLE  # at this place, until the next beginning
            self.count += 1
            return None

    Counter: type[Traced] | type[Monitored] = Monitored
else:
    Counter = Traced
