"""Refuse to search the process for objects that nobody has handed out.

The garbage collector knows every function, and would lead from the frame of a refused call to the function
that refused it, which could then be given other code. An audit hook cannot be taken out again, and the
interpreter runs it untraced. This one uses nothing but its own constants and defaults.

Source: https://docs.python.org/3/library/audit_events.html
"""

from __future__ import annotations

import sys

_SEARCHES = frozenset({"gc.get_objects", "gc.get_referrers", "gc.get_referents"})


def refuse_search() -> None:
    """From here on `gc` finds nothing in this process; it still collects."""

    def hook(
        event: str,
        _args: object,
        _searches: frozenset[str] = _SEARCHES,
        _error: type[BaseException] = PermissionError,
    ) -> None:
        if event in _searches:
            raise _error("the objects of this process cannot be listed during grading")

    sys.addaudithook(hook)
