"""How to display text that a student can influence: names, messages and file names, wherever they appear.

Every character is shown and none has an effect. Pages, terminal, logs, comments and tables all use these
functions, so that there is one rule:

    one_line("Eve\\n\\u202eadmin")     # 'Eve\\\\n\\\\u202eadmin', for a name
    lines("first\\nsecond\\x1b[2J")    # line breaks and tabs stay, for a message
    table_cell("=1+1")               # "'=1+1", for a spreadsheet
"""

from __future__ import annotations

_SPACES = "\N{NO-BREAK SPACE}\N{IDEOGRAPHIC SPACE}"
# Characters that begin a formula in a spreadsheet, including the full-width forms of East Asian keyboards.
_FORMULA = "=+-@＝＋－＠"


def lines(text: str, limit: int | None = None) -> str:
    """A text of several lines; control characters and changes of direction are written out."""
    return _written_out(text, limit, kept="\n\t")


def one_line(text: str, limit: int | None = None) -> str:
    """A name on one line: line breaks and tabs are written out as well."""
    return _written_out(text, limit, kept="")


def table_cell(text: str) -> str:
    """A name as the cell of a table that no spreadsheet takes for a formula."""
    shown = one_line(text)
    return f"'{shown}" if shown.lstrip()[:1] and shown.lstrip()[0] in _FORMULA else shown


def _written_out(text: str, limit: int | None, kept: str) -> str:
    """`isprintable` is false for control, format, surrogate, private-use and unassigned characters."""
    shown = text if limit is None else text[:limit]
    if not shown.isprintable():
        shown = "".join(
            c if c.isprintable() or c in kept else " " if c in _SPACES else ascii(c)[1:-1] for c in shown
        )
    return shown if limit is None else shown[:limit]
