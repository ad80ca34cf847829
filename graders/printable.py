"""How text that a student had a part in is shown: names, messages and file names, wherever they go.

Every character is shown and none is obeyed. Pages, terminal, logs, comments and tables all use what stands
here, so that there is one rule:

    one_line("Eve\\n\\u202eadmin")     # 'Eve\\\\n\\\\u202eadmin', for a name
    lines("first\\nsecond\\x1b[2J")    # line breaks and tabs stay, for a message
    table_cell("=1+1")               # "'=1+1", for a spreadsheet
"""

from __future__ import annotations

_SPACES = "\N{NO-BREAK SPACE}\N{IDEOGRAPHIC SPACE}"
# What begins a formula in a spreadsheet, in the wide forms of East Asian keyboards too.
_FORMULA = "=+-@＝＋－＠"


def lines(text: str, limit: int | None = None) -> str:
    """A text of several lines; whatever else steers a terminal or turns the direction is written out."""
    return _written_out(text, limit, kept="\n\t")


def one_line(text: str, limit: int | None = None) -> str:
    """A name on one line: line breaks and tabs are written out as well."""
    return _written_out(text, limit, kept="")


def table_cell(text: str) -> str:
    """A name as the cell of a table, which no spreadsheet takes for a formula."""
    shown = one_line(text)
    return f"'{shown}" if shown.lstrip()[:1] and shown.lstrip()[0] in _FORMULA else shown


def _written_out(text: str, limit: int | None, kept: str) -> str:
    """`isprintable` is false for controls, formats, halves of characters, private and unassigned ones."""
    shown = text if limit is None else text[:limit]
    if not shown.isprintable():
        shown = "".join(
            c if c.isprintable() or c in kept else " " if c in _SPACES else ascii(c)[1:-1] for c in shown
        )
    return shown if limit is None else shown[:limit]
