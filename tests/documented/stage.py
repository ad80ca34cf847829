"""A temporary home directory in which documented commands are typed one after the other."""

from __future__ import annotations

import contextlib
import io
import os
import shlex
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from graders.__main__ import main
from tests.documented.shown import ROOT
from tests.warm_python import WarmPython


@dataclass(frozen=True)
class Typed:
    """One command as a document writes it, and how to see that it worked.

    Attributes:
        command: the text in the document, without the comment.
        says: a text that it must print; showing its help isn't enough.
        leaves: a file or folder that it must create, as a pattern below the working folder.
        add: options that make it cheap, for the test only.
        status: the exit status.
        covers: other documented commands that are typed along with this one, to save their time.
    """

    command: str
    says: str = ""
    leaves: str = ""
    add: str = ""
    status: int = 0
    covers: tuple[str, ...] = ()


Step = Typed | Callable[["Stage"], None]


@dataclass
class Stage:
    """A home directory with a working directory in it.

    Attributes:
        values: the values of the documents' placeholders, such as `DIR`.
        exported: variables that were exported; a process that runs already doesn't see them.
        nbgrader: what runs `nbgrader …`.
    """

    home: Path
    cwd: Path
    nbgrader: WarmPython
    values: dict[str, str] = field(default_factory=dict)
    exported: dict[str, str] = field(default_factory=dict)

    def play(self, steps: Sequence[Step]) -> None:
        """Run the steps; if one fails, fail with everything that was printed."""
        for step in steps:
            if isinstance(step, Typed):
                self._type(step)
            else:
                step(self)

    def _type(self, step: Typed) -> None:
        words = [self.values.get(word, word) for word in f"{step.command} {step.add}".split()]
        unknown = [word for word in words if word.isupper() and word.isalpha()]
        assert not unknown, f"{step.command}: nothing stands for {unknown}"
        command = " ".join(words)
        for short, real in self.values.items():
            command = command.replace(short, real) if short.startswith("/") else command
        status, said = self._run(command)
        assert status == step.status, f"{command}: exit status {status}\n{said}"
        assert step.says in " ".join(said.split()), f"{command}: does not say {step.says!r}\n{said}"
        if step.leaves:
            assert list(self.cwd.glob(step.leaves)), f"{command}: no {step.leaves} in {self.cwd}\n{said}"

    def _run(self, command: str) -> tuple[int, str]:
        with _environment(self._environment()):
            if command.startswith("cd "):
                self.cwd = Path(os.path.expandvars(command[3:])).expanduser()
                return (0, "") if self.cwd.is_dir() else (1, f"{self.cwd} is no folder")
            if command.startswith("export "):
                name, _, value = command.removeprefix("export ").partition("=")
                self.exported[name] = str(Path(os.path.expandvars(value)).expanduser())
                return (0, "")
            if command.startswith("python -m graders ") and self.cwd == ROOT and not self.exported:
                return self._run_here(shlex.split(command)[3:])
        if command.startswith("nbgrader "):
            arguments = shlex.split(command)[1:]
            ran = self.nbgrader.run("nbgrader", *arguments, cwd=self.cwd, environment=self._environment())
            return ran.returncode, ran.stdout + ran.stderr
        done = subprocess.run(
            ["bash", "-c", command],
            cwd=self.cwd,
            env=self._environment(),
            capture_output=True,
            text=True,
            timeout=900,
            check=False,
        )
        return done.returncode, done.stdout + done.stderr

    def _run_here(self, arguments: Sequence[str]) -> tuple[int, str]:
        """Run our own command in this process, which has already loaded torch."""
        said = io.StringIO()
        expanded = [os.path.expandvars(os.path.expanduser(word)) for word in arguments]  # noqa: PTH111 - as bash
        with (
            contextlib.chdir(self.cwd),
            contextlib.redirect_stdout(said),
            contextlib.redirect_stderr(said),
        ):
            try:
                status = main(expanded)
            except SystemExit as ended:
                status = int(ended.code or 0)
        return status, said.getvalue()

    def _environment(self) -> dict[str, str]:
        """A person's shell: this Python's programs first, and no path to this repository."""
        dropped = ("PYTHONPATH", "PYTEST", "COLUMNS", "JUPYTER")
        kept = {key: value for key, value in os.environ.items() if not key.startswith(dropped)}
        path = os.pathsep.join([str(Path(sys.executable).parent), kept.get("PATH", "")])
        own = {"PATH": path, "HOME": str(self.home), "OMP_NUM_THREADS": "1"}
        return kept | own | self.exported


@contextlib.contextmanager
def _environment(values: Mapping[str, str]):  # type: ignore[no-untyped-def]
    before = dict(os.environ)
    os.environ.clear()
    os.environ.update(values)
    try:
        yield
    finally:
        os.environ.clear()
        os.environ.update(before)
