"""Documented commands that take minutes or change the machine: only their form is checked."""

from __future__ import annotations

import argparse
import configparser
import contextlib
import importlib.util
import re
import shlex
import tomllib
from collections.abc import Iterator
from pathlib import Path
from unittest import mock

import exercises.__main__ as kit
from graders.__main__ import _parser
from tests.documented.shown import ROOT, TEMPLATES

_SLOW = "grades, trains or measures for minutes"
_INSTALLS = "downloads packages"
_PAGE = "opens a page that stays open; tests/course/test_formgrader.py drives it"

FORMS: dict[str, str] = {
    "apt install bubblewrap": "changes the machine",
    "apt install chromium": "changes the machine",
    "cnn-by-hand grade SUBMISSIONS --out DIR": "python -m graders under another name",
    "jupyter lab": _PAGE,
    "python -m pip install tox && python -m tox": _INSTALLS,
    "python -m pip install tox && python -m tox -e grade": _INSTALLS,
    'python -m pip install ".[course]"': _INSTALLS,
    'python -m pip install ".[grader]"': _INSTALLS,
    'python -m pip install -e ".[dev]"': _INSTALLS,
    "python -m pip install -r requirements.txt": _INSTALLS,
    "python -m pip install pre-commit && pre-commit install": _INSTALLS,
    "python -m benchmarks.devices": _SLOW,
    "python -m benchmarks.diagnosis": _SLOW,
    "python -m benchmarks.effort": _SLOW,
    "python -m benchmarks.lenet": _SLOW,
    "python -m benchmarks.nbgrader": _SLOW,
    "python -m benchmarks.sandbox": _SLOW,
    "python -m benchmarks.starts": _SLOW,
    "python docs/images/draw.py": "writes into this checkout, and needs a browser",
    "python -m exercises train": "may download the images",
    "python -m exercises train --recipe classic": _SLOW,
    "python -m graders catalogue": "writes here; tests/diagnosis/test_misconceptions.py compares it",
    "python -m graders check-exercise NAME": "tried on a real name in the walk through a new exercise",
    "python -m graders new NAME": "tried on a real name in the walk through a new exercise",
    "python -m graders course DIR": "run under another folder's name: ~/cnn-course",
    "python -m graders course DIR --demo": _SLOW,
    "python -m graders release DIR": "made once for all tests, the fixture `kit`",
    "python -m graders stubs": "writes into this checkout; tests/course/test_stubs.py compares the files",
    "python -m graders stubs --check": "tests/course/test_stubs.py compares the files",
    "tox": _SLOW,
    "tox -- tests/course/test_stubs.py": _SLOW,
    "tox -- tests/diagnosis/test_misconceptions.py": _SLOW,
    "tox -- tests/grading/test_grading.py": _SLOW,
    "tox -- tests/grading/test_platforms.py": _SLOW,
    "tox -- tests/reports tests/testing/test_told_once.py": _SLOW,
    "tox -- tests/sandbox": _SLOW,
    "tox -- tests/tasks/test_seeds.py tests/grading/test_field.py": _SLOW,
    "tox -- tests/tasks/test_seeds.py tests/tasks/test_mutants.py": _SLOW,
    "tox -- tests/test_documented.py": _SLOW,
    "tox -- tests/grading": _SLOW,
    "tox -- tests/tasks --part 3": _SLOW,
    "tox -- tests -p tests.costs": _SLOW,
    "tox -e course": _SLOW,
    "tox -e course -- DIR": _SLOW,
    "tox -e full": _SLOW,
    "tox -e gpu": _SLOW,
    "tox -e grade -- SUBMISSIONS --out DIR": _SLOW,
    "tox -e lint": _SLOW,
}
"""Commands and why they are not run."""


def wrong_with(command: str) -> str:
    """What is wrong with the form of a command; empty if nothing is."""
    return "; ".join(found for part in command.split("&&") for found in _wrong_with_one(shlex.split(part)))


def _wrong_with_one(words: list[str]) -> Iterator[str]:
    match words:
        case ["apt", "install", *names] if names:
            return
        case ["jupyter", "lab"]:
            yield from _no_module("jupyterlab")
        case ["python", "-m", "pip", "install", "-r", file]:
            yield from () if (TEMPLATES / file).is_file() else [f"no {file} in the kit"]
        case ["python", "-m", "pip", "install", "tox" | "pre-commit"]:
            return
        case ["pre-commit", "install"]:
            yield from () if (ROOT / ".pre-commit-config.yaml").is_file() else ["there are no hooks"]
        case ["python", "-m", "pip", "install", "-e", extra] | ["python", "-m", "pip", "install", extra]:
            extras = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["optional-dependencies"]
            named = re.fullmatch(r"\.\[(\w+)\]", extra)
            yield from () if named and named[1] in extras else [f"no extra {extra}"]
        case ["python", "-m", "tox", *rest] | ["tox", *rest]:
            yield from _wrong_with_tox(rest)
        case ["cnn-by-hand", *arguments]:
            project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
            yield from () if "cnn-by-hand" in project.get("scripts", {}) else ["no such console script"]
            yield from _refused(lambda: _parser().parse_args(arguments))
        case ["python", file] if file.endswith(".py"):
            yield from () if (ROOT / file).is_file() else [f"no {file}"]
        case ["python", "-m", "graders", *arguments]:
            yield from _refused(lambda: _parser().parse_args(arguments))
        case ["python", "-m", "exercises", "train", *arguments]:
            with mock.patch.object(kit, "_train", return_value=0):
                yield from _refused(lambda: kit.main(["train", *arguments]))
        case ["python", "-m", module]:
            yield from _no_module(module)
        case _:
            yield f"nothing is known of the form of {shlex.join(words)}"


def _wrong_with_tox(rest: list[str]) -> Iterator[str]:
    described = configparser.ConfigParser()
    described.read(ROOT / "tox.ini")
    environment = "py"
    if rest[:1] == ["-e"]:
        environment, rest = rest[1], rest[2:]
        if not described.has_section(f"testenv:{environment}"):
            yield f"no environment {environment} in tox.ini"
    arguments = rest[1:] if rest[:1] == ["--"] else []
    if environment == "grade":
        yield from _refused(lambda: _parser().parse_args(["grade", *arguments]))
    elif environment == "course":
        yield from _refused(lambda: _parser().parse_args(["course", "--demo", *(arguments or ["DIR"])]))
    else:
        paths = (argument for argument in arguments if re.match(r"tests(/|$)", argument))
        yield from (f"no {path}" for path in paths if not (ROOT / path).exists())


def _no_module(name: str) -> list[str]:
    return [] if importlib.util.find_spec(name) else [f"no module {name}"]


def _refused(parse: object) -> list[str]:
    try:
        parse()  # type: ignore[operator]
    except SystemExit as ended:
        return [] if ended.code == 0 else ["its arguments are refused"]
    return []


def option_is_known(option: str) -> bool:
    """Whether some command accepts an option with a value, written `--jobs N` or `--feedback full|case`."""
    name, _, value = option.partition(" ")
    return any(
        all(_accepts(action, each) for each in value.split("|"))
        for parser in _every_parser()
        for action in parser._actions
        if name in action.option_strings
    )


def _accepts(action: argparse.Action, value: str) -> bool:
    if not value:
        return True
    if action.nargs == 0:
        return False
    if action.choices is not None:
        return value in map(str, action.choices)
    return value.isupper() or Path(value).suffix != "" or action.type in (None, str)


def _every_parser() -> Iterator[argparse.ArgumentParser]:
    made: list[argparse.ArgumentParser] = [_parser()]
    caught = mock.patch.object(argparse.ArgumentParser, "parse_args", lambda self, *_: made.append(self))
    with caught, contextlib.suppress(AttributeError):  # nothing was parsed, so there is nothing to run
        kit.main([])
    while made:
        parser = made.pop()
        yield parser
        for action in parser._actions:
            if isinstance(action, argparse._SubParsersAction):
                made += action.choices.values()
