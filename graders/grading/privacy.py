"""What an error says of the machine that grades is left out of what its student reads.

Python and torch name files by their paths, and a student's code may print the host's name or its environment.
None of it helps with the exercise. A path that stands in the hand-in itself is the student's own and stays.

This is about text that says so plainly. Code that means to tell can spell a path in numbers; what it can
learn at all is the sandbox's matter.
"""

from __future__ import annotations

import getpass
import os
import platform
import re
import sys
import tempfile
from collections.abc import Iterable
from functools import cache
from pathlib import Path

from graders.printable import lines

_LONGEST = 4_000
_PLACE, _MACHINE, _ENVIRONMENT = "[path]", "[machine]", "[environment]"
_REST = r"[^\s'\"`,;:()\[\]{}<>|]"
# What follows is the name of a module, which helps and says nothing of the machine.
_LIBRARY = re.compile(r".*/(?:site-packages|dist-packages|python\d(?:\.\d+)?)/(.+)")
_ENVIRON = re.compile(r"environ\(\{.*?\}\)|environ\(\{.*", re.DOTALL)
_COMMON_NAMES = frozenset({"root", "user", "student", "localhost", "nobody", "admin", "ubuntu"})
_TOP = ("etc", "home", "nonexistent", "opt", "private", "root", "tmp", "usr", "var", "Users")
_OF_STUDENTS = (
    *("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS", "VECLIB_MAXIMUM_THREADS"),
    *("LD_LIBRARY_PATH", "CUDA_VISIBLE_DEVICES", "LOGNAME", "LANG", "PATH", "HOME"),
)


def for_students(text: str, own: Iterable[str] = ()) -> str:
    """Any text as a student may read it: of this machine it says nothing, and it steers nothing.

    Args:
        own: what the student handed in; a path that stands there stays.
    """
    return lines(without_machine(text[:_LONGEST], own), _LONGEST)


def without_machine(text: str, own: Iterable[str] = ()) -> str:
    """`text` without paths, host name, user name and environment of this machine."""
    sources = tuple(own)

    def place(match: re.Match[str]) -> str:
        path = match[0]
        if any(path.rstrip(".") in source for source in sources):
            return path
        if "/" not in path[1:] and path.rstrip(".") not in _top():
            return path
        library = _LIBRARY.fullmatch(path)
        return library[1] if library else _PLACE

    text = _ENVIRON.sub(_ENVIRONMENT, text)
    text = _variables().sub(_ENVIRONMENT, text)
    return _names().sub(_MACHINE, _paths().sub(place, text))


@cache
def _top() -> frozenset[str]:
    return frozenset(f"/{name}" for name in (*_TOP, *os.listdir("/")))  # noqa: PTH208 - names, not paths


@cache
def _paths() -> re.Pattern[str]:
    """Folders of this machine, whose names may have spaces, with what they hold; and all other paths."""
    places = (sys.prefix, sys.base_prefix, str(Path.home()), str(Path.cwd()), tempfile.gettempdir())
    known = sorted({place.rstrip("/") for place in places if len(place) > 1}, key=len, reverse=True)
    folders = "|".join(map(re.escape, known))
    return re.compile(rf"(?<![\w/.~-])(?:file://)?(?:(?:{folders})(?!\w){_REST}*|/(?=[^\W\d]|[.~]){_REST}+)")


@cache
def _variables() -> re.Pattern[str]:
    """`'NAME': 'value'` and `NAME=value`, for every variable of this process and of a student's."""
    names = {*_OF_STUDENTS, *(name for name in os.environ if len(name) > 3)}
    either = "|".join(map(re.escape, sorted(names, key=len, reverse=True)))
    return re.compile(rf"['\"](?:{either})['\"]: ?(?:'[^']*'|\"[^\"]*\")|\b(?:{either})=\S*")


@cache
def _names() -> re.Pattern[str]:
    """Names of the machine, of its kernel and of whoever grades, as whole words."""
    host = platform.node()
    try:
        user = getpass.getuser()
    except (OSError, KeyError, ImportError):  # a container without an entry for its user
        user = ""
    names = {host, host.partition(".")[0], user, platform.release(), platform.version(), platform.platform()}
    told = [re.escape(name) for name in names if len(name) > 1 and name.lower() not in _COMMON_NAMES]
    longest_first = "|".join(sorted(told, key=len, reverse=True))
    return re.compile(rf"(?<!\w)(?:{longest_first})(?!\w)" if told else r"(?!)")
