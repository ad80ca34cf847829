"""From a notebook's code cells to the source of one module: what answers the tasks, and nothing else.

A notebook is a conversation: definitions lie among plots, prints, timings and shell lines. Only definitions
are graded. They are the functions and classes that tasks ask for, and whatever those use: helpers, imports,
constants, wherever in the notebook they stand. All else is left aside, so that neither a plot at the top
level nor a cell that trains for an hour touches the verdict.

Each cell is read on its own. A syntax error in one cell costs the tasks that are written in that cell.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace

_LINE_MAGIC = re.compile(r"^(?P<indent>\s*)([%!]|\?|[\w.]+\s*=\s*[%!](?!=)|[\w.]+\?{1,2}\s*$)")
_KEEPS_BODY = re.compile(r"^%%(time|timeit|capture|prun|script python)\b")


@dataclass(frozen=True)
class CodeCell:
    """One code cell of a submission.

    Attributes:
        label: how messages call it, such as `cell conv2d`.
        task: the task whose solution cell it is, if it is one.
        untouched: it is as it was released.
    """

    label: str
    source: str
    task: str | None = None
    untouched: bool = False


@dataclass(frozen=True)
class Answers:
    """The module that a notebook comes to.

    Attributes:
        source: Python source.
        places: for each line of it, the label of its cell and the line there.
        unreadable: for each task that is written in a cell with a syntax error, what is wrong, and where.
    """

    source: str
    places: tuple[tuple[str, int], ...]
    unreadable: Mapping[str, str]

    def located(self, message: str, module: str) -> str:
        """A message with `module.py, line N` said in terms of cells."""

        def place(match: re.Match[str]) -> str:
            number = int(match[1])
            if not 1 <= number <= len(self.places):
                return match[0]
            label, line = self.places[number - 1]
            return f"{label}, line {line}"

        return re.sub(rf"\b{re.escape(module)}\.py, line (\d+)", place, message)


@dataclass(frozen=True)
class _Statement:
    """A statement at the top level of a cell, with the names that it gives, changes and needs."""

    node: ast.stmt
    cell: int
    lines: tuple[tuple[int, str], ...]
    gives: frozenset[str]
    changes: frozenset[str]
    needs: frozenset[str]
    imports: bool


@dataclass
class _Read:
    statements: list[_Statement] = field(default_factory=list)
    unreadable: dict[str, str] = field(default_factory=dict)


def answers(cells: Sequence[CodeCell], tasks: Iterable[str]) -> Answers:
    """The module that the cells of one notebook come to, in the order given."""
    tasks = tuple(tasks)
    read = _Read()
    for number, cell in enumerate(cells):
        _read(cell, number, tasks, read)
    read.statements = _without_results(read.statements, tasks)
    written = {n for s in read.statements if not cells[s.cell].untouched for n in s.gives if n in tasks}
    statements = [
        statement
        for statement in read.statements
        if not (cells[statement.cell].untouched and statement.gives & written)
    ]
    defined = {
        name for statement in statements if not cells[statement.cell].untouched for name in statement.gives
    }
    unreadable = {task: why for task, why in read.unreadable.items() if task not in defined}
    kept = _needed(statements, tasks)
    kept.sort(key=lambda s: (not _is_future(s.node), s.cell, s.node.lineno, s.node.col_offset))
    lines: list[str] = []
    places: list[tuple[str, int]] = []
    before = -1
    for statement in kept:
        if statement.cell != before and lines:
            lines.append("")
            places.append((cells[statement.cell].label, 1))
        before = statement.cell
        for number, text in statement.lines:
            lines.append(text)
            places.append((cells[statement.cell].label, number))
    return Answers("\n".join(lines) + "\n", tuple(places), unreadable)


def python(source: str) -> str:
    """A cell's text with IPython's own lines as comments; all of it if the cell is another language's.

    >>> python("%matplotlib inline\\nx = 5 % 3")
    '# %matplotlib inline\\nx = 5 % 3'
    """
    source = source.replace("\r\n", "\n").replace("\r", "\n")
    lines = source.split("\n")
    first = next((number for number, line in enumerate(lines) if line.strip()), 0)
    if lines[first].startswith("%%"):
        if not _KEEPS_BODY.match(lines[first]):
            return "\n".join(f"# {line}" for line in lines)
        lines[first] = f"# {lines[first]}"
    if _parsed("\n".join(lines)) is not None:
        return "\n".join(lines)
    return "\n".join(_without_magic(line) for line in lines)


def _without_magic(line: str) -> str:
    found = _LINE_MAGIC.match(line)
    if not found:
        return line
    # Inside a function or a loop the line may be the only one: a block must not become empty.
    return f"{found['indent']}pass  # {line.strip()}" if found["indent"] else f"# {line}"


def definitions(source: str, tasks: Iterable[str]) -> dict[str, tuple[int, int]]:
    """First and last line of each task's own function or class in a source; the last one counts."""
    tree = _parsed(python(source))
    wanted, found = set(tasks), {}
    for node in tree.body if tree is not None else []:
        if isinstance(node, ast.FunctionDef | ast.ClassDef) and node.name in wanted:
            first = min([node.lineno, *(decorator.lineno for decorator in node.decorator_list)])
            found[node.name] = (first, node.end_lineno or node.lineno)
    return found


def _parsed(source: str) -> ast.Module | None:
    try:
        return ast.parse(source)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return None


def _read(cell: CodeCell, number: int, tasks: tuple[str, ...], read: _Read) -> None:
    source = python(cell.source)
    try:
        tree = ast.parse(source)
        found = [_statement(node, number, source) for node in tree.body]
    except SyntaxError as error:
        text = f" in `{error.text.strip()[:80]}`" if error.text and error.text.strip() else ""
        why = f"{cell.label}, line {error.lineno}: syntax error: {error.msg}{text}"
    except (ValueError, RecursionError, MemoryError) as error:
        why = f"{cell.label}: cannot be read as Python: {error or type(error).__name__}"
    else:
        read.statements += found
        return
    here = {match[2] for match in re.finditer(r"^(def|class)\s+(\w+)", source, re.MULTILINE)} & set(tasks)
    for task in here | ({cell.task} if cell.task in tasks else set()):
        read.unreadable[str(task)] = why


def _statement(node: ast.stmt, cell: int, source: str) -> _Statement:
    gives: set[str] = set()
    changes: set[str] = set()
    needs: set[str] = set()
    for inner in ast.walk(node):
        if isinstance(inner, ast.Name):
            (needs if isinstance(inner.ctx, ast.Load) else gives).add(inner.id)
        elif isinstance(inner, ast.Attribute | ast.Subscript) and not isinstance(inner.ctx, ast.Load):
            changes.update(_root(inner))
        elif isinstance(inner, ast.Expr):
            changes.update(_receiver(inner.value))
    if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
        gives = {node.name}  # names bound inside are its own
        changes = set()
    elif isinstance(node, ast.Import | ast.ImportFrom):
        gives = {(alias.asname or alias.name).partition(".")[0] for alias in node.names}
    elif isinstance(node, ast.Expr):
        gives = set()
    else:
        for inner in ast.walk(node):
            if isinstance(inner, ast.FunctionDef | ast.ClassDef):
                gives.add(inner.name)
            elif isinstance(inner, ast.Import | ast.ImportFrom):
                gives.update((alias.asname or alias.name).partition(".")[0] for alias in inner.names)
    if isinstance(node, ast.AugAssign):
        changes |= gives
    if _guard(node):
        gives, changes = set(), set()
    plain = isinstance(node, ast.Import | ast.ImportFrom)
    lines = _lines(node, source)
    return _Statement(node, cell, lines, frozenset(gives), frozenset(changes), frozenset(needs), plain)


def _lines(node: ast.stmt, source: str) -> tuple[tuple[int, str], ...]:
    """The numbered lines of a statement; one that shares its line with another is written anew."""
    texts = source.split("\n")
    decorators = getattr(node, "decorator_list", [])
    first = min([node.lineno, *(decorator.lineno for decorator in decorators)])
    last = node.end_lineno or node.lineno
    rest = texts[last - 1].encode()[node.end_col_offset or 0 :].decode(errors="replace").strip()
    if node.col_offset == 0 and (not rest or rest.startswith("#")):
        return tuple((number, texts[number - 1]) for number in range(first, last + 1))
    return tuple((first, line) for line in ast.unparse(node).split("\n"))


def _receiver(node: ast.expr) -> set[str]:
    """`table` in `table.append(1)`, which changes it; nothing for any other expression."""
    called = node.func if isinstance(node, ast.Call) else None
    return _root(called) if isinstance(called, ast.Attribute) else set()


def _root(node: ast.expr) -> set[str]:
    while isinstance(node, ast.Attribute | ast.Subscript):
        node = node.value
    return {node.id} if isinstance(node, ast.Name) else set()


def _guard(node: ast.stmt) -> bool:
    """Whether a statement is `if __name__ == "__main__":`."""
    return isinstance(node, ast.If) and "__name__" in {
        n.id for n in ast.walk(node.test) if isinstance(n, ast.Name)
    }


def _is_future(node: ast.stmt) -> bool:
    return isinstance(node, ast.ImportFrom) and node.module == "__future__"


def _without_results(statements: list[_Statement], tasks: tuple[str, ...]) -> list[_Statement]:
    """The statements, where `accuracy = accuracy(net, data)` is no other definition of the task."""
    functions = ast.FunctionDef | ast.ClassDef
    defined = {s.node.name for s in statements if isinstance(s.node, functions) and s.node.name in tasks}

    def cleared(statement: _Statement) -> _Statement:
        node = statement.node
        alias = isinstance(node, ast.Assign) and isinstance(node.value, ast.Name | ast.Attribute | ast.Lambda)
        if isinstance(node, functions | ast.Import | ast.ImportFrom) or alias:
            return statement
        return replace(statement, gives=statement.gives - defined)

    return [cleared(statement) for statement in statements]


def _needed(statements: list[_Statement], tasks: tuple[str, ...]) -> list[_Statement]:
    """The statements that give a task's name or a name that a kept statement needs."""
    imported = {name for statement in statements if statement.imports for name in statement.gives}
    wanted, done = list(tasks), set(tasks)
    kept: dict[int, _Statement] = {}
    for index, statement in enumerate(statements):
        if _is_future(statement.node) or "*" in statement.gives:
            kept[index] = statement
    while wanted:
        name = wanted.pop()
        for index, statement in enumerate(statements):
            changed = name in statement.changes and name not in imported
            if index not in kept and (name in statement.gives or changed):
                kept[index] = statement
                wanted += statement.needs - done
                done |= statement.needs
    return list(kept.values())
