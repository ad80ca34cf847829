"""Turns what notebooks allow besides Python (magics, shell lines, prompts) into Python; line numbers stay.

IPython's own transformer reads them, so whatever runs in a notebook is understood here too. It turns such a
line into a call of `get_ipython()`, which does nothing during grading (see `sandbox/inside/loader.py`).

Source: https://ipython.readthedocs.io/en/stable/config/inputtransforms.html
"""

from __future__ import annotations

import ast
import re
import tokenize
from functools import lru_cache
from typing import Any

MAX_TRANSFORMED = 100 << 10
"""Characters; a longer cell that isn't Python counts as a syntax error and isn't examined line by line."""
_LONGEST_LINE = 1_000
"""Characters; Python 3.11 needs quadratic time to tokenize some lines, so longer ones aren't tokenized."""
_LONGEST_HELP = 80
_MOST_BACKSLASHES = 20
_PYTHON_CELLS = frozenset({"time", "timeit", "capture", "prun", "python", "python3", "debug"})
_TIMED = re.compile(r"^([ \t]*)%time[ \t]+(?=\S)", re.MULTILINE)


def python(source: str) -> str:
    """The Python code of a cell or file; a cell in another language becomes empty.

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
    """Name and text of the file that a `%%writefile` cell writes; line numbers are the cell's."""
    name, arguments = cell_magic(source)
    files = [word.strip("'\"") for word in arguments if word not in ("-a", "--append")]
    if name not in ("writefile", "file") or len(files) != 1:
        return None
    return files[0], source.replace(_first_line(source), "", 1)


def run_files(source: str) -> list[str]:
    """The files that the `%run` lines of a cell run."""
    lines = (line.split() for line in source.splitlines() if line.startswith("%run "))
    words = ([word.strip("'\"") for word in line[1:] if not word.startswith("-")] for line in lines)
    return [names[0] for names in words if names]


def exported_cells(source: str) -> list[tuple[int, str, str]]:
    """Line, magic and text of the cells that an export stores as strings, such as `%%time` cells."""
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
    """Whether this is valid Python as it is."""
    try:
        parsed(source)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return False
    return True


@lru_cache(maxsize=4)
def parsed(source: str) -> ast.Module:
    """The syntax tree of a source. It is cached, because a file's tree is needed several times; don't change
    it.

    Raises:
        SyntaxError, ValueError, RecursionError, MemoryError: Python cannot parse it.
    """
    return ast.parse(source)


def _first_line(source: str) -> str:
    return source.lstrip().partition("\n")[0]


def _transformed(source: str) -> str:
    from IPython.core.inputtransformer2 import TransformerManager, leading_indent

    manager: Any = TransformerManager()  # type: ignore[no-untyped-call]
    prompts = manager.cleanup_transforms[2:]  # `>>>` and `In [1]:`, as in pasted examples
    lines = _TIMED.sub(r"\1", source + "\n").splitlines(keepends=True)
    short = all(map(_is_quick, lines))
    for transform in (leading_indent, *prompts) if short else (leading_indent,):
        lines = list(transform(lines))
    # IPython rereads the whole cell after each command that it finds, which takes quadratic time. So it gets
    # one logical line at a time.
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
            return source  # Python's own error message is better than ours
        done += piece if after == piece else _up_to_the_change(piece, after)
    return "".join(done).removesuffix("\n")


def _command(lines: list[str], first: int) -> int:
    """The number of lines of a command such as `!pip install x`, whatever brackets are in it; otherwise 0."""
    if lines[first].lstrip()[:1] not in tuple("%!?,;/"):
        return 0
    last = first
    while lines[last].endswith("\\\n") and last + 1 < len(lines):
        last += 1
    return last + 1 - first


def _logical_line(lines: list[str], first: int) -> int:
    """The number of lines of the statement that begins at line `first`."""
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
    return len(lines) - first  # the statement never ends


def _is_quick(line: str) -> bool:
    """Whether the tokenizer is quick with it: quotes after backslashes make it start over again and again."""
    return len(line) <= _LONGEST_LINE and line.count("\\") <= _MOST_BACKSLASHES


def _changed(manager: Any, piece: list[str], command: bool) -> list[str]:
    """A logical line with the first piece of IPython syntax in it turned into Python."""
    from IPython.core.inputtransformer2 import EscapedCommand

    text = "".join(piece).rstrip()
    if text.endswith("?"):
        # IPython's pattern for help requests takes quadratic time.
        return list(manager.do_one_token_transform(piece)[1]) if len(text) <= _LONGEST_HELP else piece
    if command:
        indent = len(piece[0]) - len(piece[0].lstrip())
        escaped: Any = EscapedCommand((1, indent))  # type: ignore[no-untyped-call]
        return list(escaped.transform(piece))
    if all(map(_is_quick, piece)) and ("%" in piece[0] or "!" in piece[0]):
        return list(manager.do_one_token_transform(piece)[1])
    return piece


def _up_to_the_change(before: list[str], after: list[str]) -> list[str]:
    """The lines up to the changed one, padded with empty ones if a command of several lines became one."""
    lost = len(before) - len(after)
    pairs = enumerate(zip(before, after, strict=False))
    changed = next((number for number, (old, new) in pairs if old != new), len(after) - 1)
    return [*after[: changed + 1], *["\n"] * lost]
