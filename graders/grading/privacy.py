"""Removes details of the grading machine from what students read.

Error messages of Python and torch contain file paths, and a student's code may print the host's name or its
environment. None of that helps with the exercise. A path that occurs in the hand-in itself is kept.

This handles plain text only. Code that wants to leak a path can encode it as numbers; limiting what it can
learn is the sandbox's job.
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
# The rest of such a path is the name of a module, which helps and tells nothing about the machine.
_LIBRARY = re.compile(r".*/(?:site-packages|dist-packages|python\d(?:\.\d+)?)/(.+)")
_ENVIRON = re.compile(r"environ\(\{.*?\}\)|environ\(\{.*", re.DOTALL)
_COMMON_NAMES = frozenset({"root", "user", "student", "localhost", "nobody", "admin", "ubuntu"})
_TOP = ("etc", "home", "nonexistent", "opt", "private", "root", "tmp", "usr", "var", "Users")
_OF_STUDENTS = (
    *("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS", "VECLIB_MAXIMUM_THREADS"),
    *("LD_LIBRARY_PATH", "CUDA_VISIBLE_DEVICES", "LOGNAME", "LANG", "PATH", "HOME"),
)


def for_students(text: str, own: Iterable[str] = ()) -> str:
    """A text that is safe for students: without details of this machine and without control characters.

    Args:
        own: the files the student handed in; a path that occurs in them is kept.
    """
    return lines(without_machine(text[:_LONGEST], own), _LONGEST)


def without_machine(text: str, own: Iterable[str] = ()) -> str:
    """`text` without this machine's paths, host name, user name and environment."""
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
    """Paths into known folders of this machine, whose names may have spaces in them; and all other paths."""
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
    """The names of the machine, its kernel and the user who runs the grader, as whole words."""
    host = platform.node()
    try:
        user = getpass.getuser()
    except (OSError, KeyError, ImportError):  # a container without an entry for its user
        user = ""
    names = {host, host.partition(".")[0], user, platform.release(), platform.version(), platform.platform()}
    told = [re.escape(name) for name in names if len(name) > 1 and name.lower() not in _COMMON_NAMES]
    longest_first = "|".join(sorted(told, key=len, reverse=True))
    return re.compile(rf"(?<!\w)(?:{longest_first})(?!\w)" if told else r"(?!)")
