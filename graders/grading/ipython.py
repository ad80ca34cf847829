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
    for transform in (leading_indent, *prompts):
        lines = list(transform(lines))
    try:
        for _ in range(len(lines)):
            changed, after = manager.do_one_token_transform(lines)
            if not changed:
                break
            lines = _same_length(lines, after)
    except (SyntaxError, RecursionError, ValueError, IndexError, tokenize.TokenError):
        return source  # Python's own message about it is the better one
    return "".join(lines).removesuffix("\n")


def _same_length(before: list[str], after: list[str]) -> list[str]:
    """`after`, with empty lines where a command that went on over several lines became one."""
    lost = len(before) - len(after)
    pairs = enumerate(zip(before, after, strict=False))
    changed = next((number for number, (old, new) in pairs if old != new), len(after) - 1)
    return [*after[: changed + 1], *["\n"] * lost, *after[changed + 1 :]]
