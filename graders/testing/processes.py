"""The student processes behind one submission: which one answers, what it may spend, how it is loaded.

One process serves the by-hand tasks of an exercise and one the free ones, and as many serve the questions on
the accelerator; each is started when it is first needed and again after it was lost. A task has a budget of
CPU time in each; once that is used up, or the process has died, every further question of that task gets the
same answer at once.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from graders.sandbox.child import Answer, Child, Found
from graders.sandbox.errors import Crashed, OutOfMemory, Raised, StudentError, TimedOut
from graders.sandbox.inside.loader import Part
from graders.sandbox.limits import Limits
from graders.sandbox.one_budget import make_way, stop
from graders.sandbox.warm_parent import ACCELERATOR, WarmParent

# Launching an operation on a GPU takes about ten times as long as the CPU needs to finish a small one.
_SLOWER_ON_A_DEVICE = 10


# The share of a task's CPU time that one top-level statement of a file may use.
_SHARE_OF_A_STATEMENT = 0.2
_MOST_STOPPED = 5


@dataclass(frozen=True)
class Failure:
    """A top-level statement of a file that failed while the file was being loaded.

    Attributes:
        label: its file, and in a notebook its cell.
        text: its first line.
        type, message: the exception's type and message.
    """

    label: str
    line: int
    text: str
    type: str
    message: str


@dataclass(frozen=True)
class Kind:
    """The kind of process that a question goes to."""

    by_hand: bool
    device: str | None = None
    named: bool = False
    autograd: bool = True


class Processes:
    """The processes of one submission, by what is asked of them.

    Args: as for `Submission`.
    """

    def __init__(
        self,
        parent: WarmParent,
        files: Mapping[str, str | Sequence[Part]],
        module: str,
        imports: tuple[str, ...],
        limits: Limits,
    ) -> None:
        self._parent = parent
        self._files = {path: _on_the_wire(content) for path, content in files.items()}
        self._module = module
        self._imports = imports
        self._limits = limits
        self._children: dict[Kind, Child] = {}
        self._running: Child | None = None
        self._unloadable: dict[Kind, StudentError] = {}
        self._stopped: dict[tuple[str, int, int], str] = {}
        self._spent: dict[Kind, float] = {}
        self.failures: dict[tuple[str, int], Failure] = {}
        self.lost: StudentError | None = None
        """What every further question of the task has for an answer, if it has come to that."""

    def begin(self) -> None:
        """A new task begins, with a fresh budget."""
        self.lost = None
        self._spent.clear()

    def ask(self, kind: Kind, question: Mapping[str, Any], within: float | None) -> Answer:
        """One question to the process of its kind.

        Args:
            within: seconds of CPU time for this question, where that is less than what the task has left.

        Raises:
            StudentError: what happened instead of an answer.
        """
        (found,) = self.ask_each(kind, [question], within)
        if isinstance(found, StudentError):
            raise found
        return found

    def ask_each(
        self, kind: Kind, questions: Sequence[Mapping[str, Any]], within: float | None = None
    ) -> list[Found]:
        """Questions that travel together: what became of each, up to the one that ended the process.

        Raises:
            StudentError: the module cannot be loaded.
        """
        if self.lost is not None:
            return [self.lost]
        child = self._child(kind)
        if kind not in self._spent:
            self._spent[kind], child.waited = child.cpu_seconds(), 0.0
        budget = until = self._spent[kind] + self._limits_of(kind).cpu_seconds
        if within is not None:
            until = min(budget, child.cpu_seconds() + within)
        found = child.ask_each([dict(question) for question in questions], until)
        last = found[-1]
        if isinstance(last, StudentError) and last.fatal:
            if not (isinstance(last, TimedOut) and last.clock == "CPU" and until < budget):
                self.lost = last
        elif any(isinstance(each, Raised) and _poisons(each) for each in found):
            child.end()  # no further answer of this process could be trusted
        return found

    def cpu_seconds(self, kind: Kind) -> float:
        """CPU time that the process of this kind has used so far, measured from outside."""
        return self._child(kind).cpu_seconds()

    def _limits_of(self, kind: Kind) -> Limits:
        """The limits of a task; on a real device, launching small operations takes much longer."""
        if kind.device in (None, ACCELERATOR):
            return self._limits
        return replace(self._limits, cpu_seconds=_SLOWER_ON_A_DEVICE * self._limits.cpu_seconds)

    def _child(self, kind: Kind) -> Child:
        if kind in self._unloadable:
            raise self._unloadable[kind]
        child = self._children.get(kind)
        if child is not None and child.alive:
            if child is not self._running:
                self._running = child
                make_way(child, self._children.values())
            return child
        try:
            child = self._loaded(kind)
        except StudentError as error:
            self._unloadable[kind] = error
            raise
        self._children[kind] = child
        self._spent.pop(kind, None)
        return child

    def _loaded(self, kind: Kind) -> Child:
        """A child that has loaded the module.

        Top-level statements have a separate budget. If one uses it up or ends the process, the module is
        loaded again, and the child announces each statement before it runs, which identifies the culprit.
        Then it is loaded once more without that statement.
        """
        announce = False
        while True:
            stop(self._children.values())
            child = self._parent.spawn(
                by_hand=kind.by_hand,
                autograd=kind.autograd,
                imports=self._imports,
                limits=self._limits_of(kind),
                device=kind.device,
            )
            self._running = child
            make_way(child, self._children.values())
            question = {
                "ask": "load",
                "files": self._files,
                "module": self._module,
                "named_device": kind.named,
                "stopped": [[*place, why] for place, why in self._stopped.items()],
                "announce": announce,
            }
            seconds = self._limits_of(kind).cpu_seconds * _SHARE_OF_A_STATEMENT
            try:
                answer = child.ask(question, child.cpu_seconds() + seconds, 10 * seconds)
            except StudentError as error:
                place = child.running
                child.end()
                if not error.fatal or len(self._stopped) == _MOST_STOPPED:
                    raise
                if place is not None:
                    self._stopped[place] = _ending(error, seconds)
                elif announce:
                    raise
                announce = True
            else:
                for label, line, *said in answer.fields.get("failed", ()):
                    self.failures.setdefault((label, line), Failure(label, line, *said))
                return child

    def close(self) -> None:
        """End every process."""
        for child in self._children.values():
            child.end()
        self._children.clear()


def _on_the_wire(content: str | Sequence[Part]) -> Any:
    if isinstance(content, str):
        return content
    return [[part.label, part.source, None if part.kept is None else list(part.kept)] for part in content]


def _ending(error: StudentError, seconds: float) -> str:
    """What a statement did so that it had to be stopped."""
    if isinstance(error, TimedOut):
        waited = 10 * seconds if error.clock == "wall" else seconds
        return f"was still running after {waited:g} s of {error.clock} time"
    if isinstance(error, OutOfMemory):
        return "asked for more memory than there is"
    return error.how if isinstance(error, Crashed) else "ended the process"


def _poisons(raised: Raised) -> bool:
    """Whether an error leaves the process without its device, as a failed assertion on the GPU does."""
    return raised.message.startswith("CUDA error") or raised.is_a("AcceleratorError")
