"""What a notebook allows beside Python: magics, shell lines, prompts. Lines keep their numbers.

IPython's own transformer reads them, so whatever runs in a notebook is understood here too. It turns such a
line into a call of `get_ipython()`, which does nothing where work is graded (see `sandbox/inside/loader.py`).

Source: https://ipython.readthedocs.io/en/stable/config/inputtransforms.html
"""

from __future__ import annotations

import ast
import re
import tokenize
from functools import lru_cache
from typing import Any

MAX_TRANSFORMED = 100 << 10
"""Characters; a longer cell that is not Python is a syntax error and is not looked at line by line."""
_LONGEST_LINE = 1_000
"""Characters; Python 3.11 takes quadratic time for the tokens of some lines, so longer ones are not split."""
_LONGEST_HELP = 80
_MOST_BACKSLASHES = 20
_PYTHON_CELLS = frozenset({"time", "timeit", "capture", "prun", "python", "python3", "debug"})
_TIMED = re.compile(r"^([ \t]*)%time[ \t]+(?=\S)", re.MULTILINE)


def python(source: str) -> str:
    """The Python of a cell or file; a cell in another language comes out empty.

    >>> python("%time y = f(1)\\nx = 5 % 3")
    'y = f(1)\\nx = 5 % 3'
    """
    source = source.replace("\r\n", "\n").replace("\r", "\n")
    name, _ = cell_magic(source)
    if name:
        if name not in _PYTHON_CELLS:
            return "\n" * source.count("\n")
        source = source.replace(_first_line(source), "", 1)
    if parses(source) or len(source) > MAX_TRANSFORMED:
        return source
    return _transformed(source)


def cell_magic(source: str) -> tuple[str, list[str]]:
    """Name and arguments of a cell magic: `("bash", [])` for a cell that begins with `%%bash`."""
    name, *arguments = _first_line(source).split() or [""]
    return (name[2:], arguments) if name.startswith("%%") and len(name) > 2 else ("", [])


def written_file(source: str) -> tuple[str, str] | None:
    """Name and text of the file that a `%%writefile` cell writes; the text has the cell's line numbers."""
    name, arguments = cell_magic(source)
    files = [word.strip("'\"") for word in arguments if word not in ("-a", "--append")]
    if name not in ("writefile", "file") or len(files) != 1:
        return None
    return files[0], source.replace(_first_line(source), "", 1)


def run_files(source: str) -> list[str]:
    """The files that `%run` lines of a cell bring in."""
    lines = (line.split() for line in source.splitlines() if line.startswith("%run "))
    words = ([word.strip("'\"") for word in line[1:] if not word.startswith("-")] for line in lines)
    return [names[0] for names in words if names]


def exported_cells(source: str) -> list[tuple[int, str, str]]:
    """Line, magic and text of the cells that an export keeps as strings, as it does with `%%time` cells."""
    found = []
    for node in parsed(source).body:
        call = node.value if isinstance(node, ast.Expr) else None
        if not isinstance(call, ast.Call) or not isinstance(call.func, ast.Attribute):
            continue
        texts = [each.value for each in call.args if isinstance(each, ast.Constant)]
        if call.func.attr not in ("run_cell_magic", "run_line_magic") or len(texts) < 2:
            continue
        name, text = texts[0], texts[-1]
        if isinstance(name, str) and isinstance(text, str) and name in _PYTHON_CELLS:
            found.append((node.lineno, name, python(text)))
    return found


def parses(source: str) -> bool:
    """Whether this is Python as it stands."""
    try:
        parsed(source)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return False
    return True


@lru_cache(maxsize=4)
def parsed(source: str) -> ast.Module:
    """The syntax tree of a source, which nobody may change; a file is asked for it several times.

    Raises:
        SyntaxError, ValueError, RecursionError, MemoryError: Python cannot parse it.
    """
    return ast.parse(source)


def _first_line(source: str) -> str:
    return source.lstrip().partition("\n")[0]


def _transformed(source: str) -> str:
    from IPython.core.inputtransformer2 import TransformerManager, leading_indent

    manager: Any = TransformerManager()  # type: ignore[no-untyped-call]
    prompts = manager.cleanup_transforms[2:]  # `>>>` and `In [1]:`, as pasted examples have them
    lines = _TIMED.sub(r"\1", source + "\n").splitlines(keepends=True)
    short = all(map(_is_quick, lines))
    for transform in (leading_indent, *prompts) if short else (leading_indent,):
        lines = list(transform(lines))
    # IPython reads the whole cell anew after each command that it finds, which takes quadratic time. Here it
    # is given one logical line after the other, and what follows a command is read from there.
    done: list[str] = []
    looked_at = 0
    while len(done) < len(lines):
        first = len(done)
        command = _command(lines, first)
        size = command or _logical_line(lines, first)
        looked_at += size
        if looked_at > 4 * len(lines) + 1_000:  # brackets that never close, line after line
            return source
        piece = lines[first : first + size]
        try:
            after = _changed(manager, piece, command > 0)
        except (SyntaxError, RecursionError, ValueError, IndexError, tokenize.TokenError):
            return source  # Python's own message about it is the better one
        done += piece if after == piece else _up_to_the_change(piece, after)
    return "".join(done).removesuffix("\n")


def _command(lines: list[str], first: int) -> int:
    """How many lines a command such as `!pip install x` takes, whatever brackets it has; else 0."""
    if lines[first].lstrip()[:1] not in tuple("%!?,;/"):
        return 0
    last = first
    while lines[last].endswith("\\\n") and last + 1 < len(lines):
        last += 1
    return last + 1 - first


def _logical_line(lines: list[str], first: int) -> int:
    """How many lines belong to the statement that begins in one of them."""
    following = iter(range(first, len(lines)))
    open_brackets = 0

    def readline() -> str:
        line = lines[next(following)]
        return line if _is_quick(line) else "\n"

    try:
        for token in tokenize.generate_tokens(readline):
            if token.type == tokenize.NEWLINE or (token.type == tokenize.NL and not open_brackets):
                return token.start[0]
            if token.type == tokenize.OP:
                opened = (token.string in "([{") - (token.string in ")]}")
                open_brackets = max(0, open_brackets + opened)
    except tokenize.TokenError as error:
        if "multi-line" not in error.args[0] and "triple-quoted" not in error.args[0]:
            return 1
    except SyntaxError:
        return 1
    return len(lines) - first  # it never ends


def _is_quick(line: str) -> bool:
    """Whether the tokenizer is quick with it: quotes after backslashes make it begin anew and anew."""
    return len(line) <= _LONGEST_LINE and line.count("\\") <= _MOST_BACKSLASHES


def _changed(manager: Any, piece: list[str], command: bool) -> list[str]:
    """A logical line with the first thing in it that is IPython's as Python."""
    from IPython.core.inputtransformer2 import EscapedCommand

    text = "".join(piece).rstrip()
    if text.endswith("?"):
        # The pattern that finds what is asked about takes quadratic time.
        return list(manager.do_one_token_transform(piece)[1]) if len(text) <= _LONGEST_HELP else piece
    if command:
        indent = len(piece[0]) - len(piece[0].lstrip())
        escaped: Any = EscapedCommand((1, indent))  # type: ignore[no-untyped-call]
        return list(escaped.transform(piece))
    if all(map(_is_quick, piece)) and ("%" in piece[0] or "!" in piece[0]):
        return list(manager.do_one_token_transform(piece)[1])
    return piece


def _up_to_the_change(before: list[str], after: list[str]) -> list[str]:
    """The lines up to the one that changed, with empty ones where a command of several lines became one."""
    lost = len(before) - len(after)
    pairs = enumerate(zip(before, after, strict=False))
    changed = next((number for number, (old, new) in pairs if old != new), len(after) - 1)
    return [*after[: changed + 1], *["\n"] * lost]
