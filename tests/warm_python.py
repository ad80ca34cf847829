"""Starts of `python -m …` from a process that has imported what takes seconds: the same, but sooner."""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType

_SERVER = """
import atexit, gc, importlib, json, os, runpy, sys, threading, traceback
for name in sys.argv[1:]:
    importlib.import_module(name)
gc.freeze()
for line in sys.stdin:
    asked = json.loads(line)
    if (child := os.fork()) == 0:
        for number, name in ((0, os.devnull), (1, asked["stdout"]), (2, asked["stderr"])):
            os.dup2(os.open(name, os.O_RDWR), number)
        os.chdir(asked["cwd"])
        os.environ.clear()
        os.environ.update(asked["environment"])
        sys.argv = asked["arguments"]
        status = 0
        try:
            runpy.run_module(asked["module"], run_name="__main__", alter_sys=True)
        except SystemExit as ended:
            status = ended.code or 0
        except BaseException:
            traceback.print_exc()
            status = 1
        threading._shutdown()
        atexit._run_exitfuncs()
        sys.stdout.flush()
        os._exit(status)  # to clear away all of torch would take a second
    print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), flush=True)
"""


class WarmPython:
    """A Python that has imported some modules, and runs others in copies of itself."""

    def __init__(self, imported: Sequence[str], environment: Mapping[str, str]) -> None:
        """Start it.

        Args:
            imported: what every copy has imported already. What is under test must not be among it.
            environment: what is read when these are imported must be in it already.
        """
        self._process = subprocess.Popen(
            [sys.executable, "-c", _SERVER, *imported],
            cwd="/",
            env=dict(environment),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def run(
        self, module: str, *arguments: str, cwd: Path, environment: Mapping[str, str]
    ) -> subprocess.CompletedProcess[str]:
        """`python -m MODULE …` in a folder."""
        assert self._process.stdin is not None and self._process.stdout is not None
        with tempfile.TemporaryDirectory() as folder:
            said = {name: Path(folder) / name for name in ("stdout", "stderr")}
            for path in said.values():
                path.touch()
            asked = {
                **{name: str(path) for name, path in said.items()},
                **{"module": module, "arguments": [module, *arguments], "cwd": str(cwd)},
                "environment": dict(environment),
            }
            print(json.dumps(asked), file=self._process.stdin, flush=True)
            status = int(self._process.stdout.readline())
            texts = {name: path.read_text(encoding="utf-8") for name, path in said.items()}
        return subprocess.CompletedProcess([module, *arguments], status, texts["stdout"], texts["stderr"])

    def __enter__(self) -> WarmPython:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        assert self._process.stdin is not None
        self._process.stdin.close()
        self._process.wait(timeout=60)
