"""Steps of Python, counted: one is one bytecode instruction that is executed in certain files.

A trace function counts them in Python 3.11. Later ones count nothing in a function that is traced for the
first time, but know `sys.monitoring`.

Sources: https://docs.python.org/3/library/sys.html#sys.settrace,
https://docs.python.org/3/library/sys.monitoring.html
"""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable
from types import CodeType, FrameType
from typing import Any

_TOOL = 4  # of the numbers that no kind of tool has for itself


class Traced:
    """Counts by a trace function, from `begin` to `end`, in all threads that are started meanwhile.

    Args:
        concerns: whether the instructions of a file are counted.

    Attributes:
        count: the instructions so far.
    """

    def __init__(self, concerns: Callable[[str], bool]) -> None:
        self.count = 0
        self._concerns = concerns

    def begin(self) -> None:
        """Count from here on."""
        sys.settrace(self._trace)
        threading.settrace(self._trace)

    def end(self) -> bool:
        """Count no more; returns whether nobody else has ended it before."""
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
        """Counts by monitoring, in all threads; otherwise as `Traced`."""

        def __init__(self, concerns: Callable[[str], bool]) -> None:
            self.count = 0
            self._concerns = concerns

        def begin(self) -> None:
            """Count from here on."""
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
