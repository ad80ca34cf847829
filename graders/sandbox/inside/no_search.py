"""Prevents code from searching the process for objects that it hasn't been given.

The garbage collector knows every function. From the frame of a refused call it would lead to the function
that refused it, whose code could then be replaced. An audit hook can't be removed, and the interpreter runs
it without tracing. This one uses nothing but its own constants and defaults.

Source: https://docs.python.org/3/library/audit_events.html
"""

from __future__ import annotations

import sys

_SEARCHES = frozenset({"gc.get_objects", "gc.get_referrers", "gc.get_referents"})


def refuse_search() -> None:
    """From now on, `gc` finds no objects in this process; it still collects them."""

    def hook(
        event: str,
        _args: object,
        _searches: frozenset[str] = _SEARCHES,
        _error: type[BaseException] = PermissionError,
    ) -> None:
        if event in _searches:
            raise _error("the objects of this process cannot be listed during grading")

    sys.addaudithook(hook)
