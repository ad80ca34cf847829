"""The terminal, and text for it that is shown as it is."""

from __future__ import annotations

from rich.console import Console
from rich.markup import escape

from graders.printable import lines, one_line


def new_console() -> Console:
    """The console; a log file or a pipe, which has no width, gets room for the whole table."""
    found = Console()
    return found if found.is_terminal else Console(width=max(found.width, 132))


def plain(text: str) -> str:
    """A message with its brackets escaped, so that they aren't taken for markup."""
    return escape(lines(text))


def plain_name(text: str) -> str:
    """The same for a name, on one line."""
    return escape(one_line(text))
