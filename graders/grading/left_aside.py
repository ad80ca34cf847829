"""Remarks about the parts of a file that don't count, each with its place."""

from __future__ import annotations

import ast
import sys
from collections.abc import Collection, Sequence

from graders.testing.remarks import Remark

from .definitions import Reading, Statement, is_text, origins_of

MAX_REMARKS = 40
_LONGEST = 60
_SET_UP = ("matplotlib", "load_ext", "reload_ext", "autoreload", "config", "pylab", "pinfo", "pinfo2")
_USUAL = frozenset({"torch", "torchvision", "numpy", "matplotlib", ""}) | sys.stdlib_module_names


def remarks(reading: Reading, kept: Collection[int]) -> list[Remark]:
    """The remarks about the statements whose `order` is not among those kept."""
    lines = [unit.source.split("\n") for unit in reading.units]
    found: list[Remark] = []
    aside: list[Statement] = []
    for statement in reading.statements:
        if statement.order in kept or reading.units[statement.unit].provided:
            continue
        rebound = sorted(name for name in statement.names.binds & reading.tasks if reading.binding(name))
        if rebound:
            found += _of_aside(reading, lines, aside)
            aside = []
            found.append(_of_rebinding(reading, statement, rebound[0]))
        elif aside and (aside[-1].unit, aside[-1].number + 1) == (statement.unit, statement.number):
            aside.append(statement)
        else:
            found += _of_aside(reading, lines, aside)
            aside = [statement]
    found += _of_aside(reading, lines, aside)
    if len(found) > MAX_REMARKS:
        file, rest = found[0].file, len(found) - MAX_REMARKS
        found = [*found[:MAX_REMARKS], Remark(file, "", f"{rest} more remarks like these are not shown")]
    return found


def _of_rebinding(reading: Reading, statement: Statement, task: str) -> Remark:
    counts = reading.binding(task)[0]
    there = reading.units[counts.unit].place(counts.first)
    verb = "defined" if task in statement.names.defines else "assigned"
    message = f"`{task}` is also {verb} here, but the definition in {there} is the one that counts"
    return _remark(reading, statement, message)


def _of_aside(reading: Reading, lines: Sequence[Sequence[str]], aside: Sequence[Statement]) -> list[Remark]:
    telling = [s for s in aside if not any(quiet(s.node) for quiet in _QUIET)]
    if not telling:
        return []
    first, last = telling[0], telling[-1]
    line = _as_written(first.node, lines[first.unit][first.first - 1].strip())
    shown = line if len(line) <= _LONGEST else f"{line[:_LONGEST]}…"
    return [_remark(reading, first, f"no answer uses this, so it was not run: `{shown}`", last.last)]


def _remark(reading: Reading, statement: Statement, message: str, last: int | None = None) -> Remark:
    unit = reading.units[statement.unit]
    return Remark(unit.file, unit.place(statement.first, last), message)


def _imports_the_usual(node: ast.stmt) -> bool:
    """Whether this imports only what every file imports, which deserves no remark."""
    return isinstance(node, ast.Import | ast.ImportFrom) and origins_of(node) <= _USUAL


def _own_command(node: ast.stmt) -> tuple[str, ...]:
    """What a notebook command calls, and its text arguments: `("system", "ls")` for `!ls`."""
    call = node.value if isinstance(node, ast.Expr) else None
    function = call.func if isinstance(call, ast.Call) else None
    origin = function.value if isinstance(function, ast.Attribute) else None
    if not isinstance(origin, ast.Call) or getattr(origin.func, "id", "") != "get_ipython":
        return ()
    assert isinstance(call, ast.Call) and isinstance(function, ast.Attribute)
    return (function.attr, *(str(each.value) for each in call.args if isinstance(each, ast.Constant)))


def _as_written(node: ast.stmt, line: str) -> str:
    """A line as its student wrote it: `!ls`, which IPython turns into `get_ipython().system('ls')`."""
    match _own_command(node):
        case ["system" | "getoutput", text]:
            return f"!{text}"
        case ["run_line_magic", name, text]:
            return f"%{name} {text}".rstrip()
    return line


def _sets_the_notebook_up(node: ast.stmt) -> bool:
    """Whether this is a line such as `%matplotlib inline`, which deserves no remark either."""
    return _own_command(node)[1:2] in [(name,) for name in _SET_UP]


_QUIET = (is_text, _imports_the_usual, _sets_the_notebook_up)
