"""The warm parent of `nbgrader autograde`, started while this process imports torch itself."""

from __future__ import annotations

from graders.sandbox.tiers import best_tier
from graders.sandbox.warm_parent import WarmParent

_started: list[WarmParent] = []


def begin() -> None:
    """Start a warm parent without waiting for it."""
    _started.append(WarmParent(best_tier()))


def take() -> WarmParent | None:
    """The warm parent that was started, unless it has been taken already."""
    return _started.pop() if _started else None
