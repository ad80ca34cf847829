"""A submission as an ordinary object: `submission.conv2d(X, K)` takes and returns plain tensors.

Behind it a student process answers (`processes.py`).
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import Any

from torch import Tensor

from graders.sandbox.child import Answer, Found
from graders.sandbox.errors import StudentError
from graders.sandbox.inside import device as devices
from graders.sandbox.inside.loader import Part
from graders.sandbox.inside.wire import Build, Handle
from graders.sandbox.limits import Limits
from graders.sandbox.warm_parent import ACCELERATOR, WarmParent

from .module import Module
from .processes import Failure, Kind, Processes
from .reply import Reply

_MOST_TOGETHER = 64


@dataclass(frozen=True)
class Call:
    """One of many calls that are put together; the arguments are those of `Submission.ask`."""

    target: str | Module
    args: Sequence[Any]
    kwargs: Mapping[str, Any] = field(default_factory=dict)
    cotangent: Tensor | None = None


class Submission:
    """One exercise of one hand-in.

    Args:
        parent: creates the student processes.
        files: every module of the hand-in by relative path, whole or in parts.
        module: the module's name, which is the exercise's.
        imports: modules that the files import and that may be loaded for them.
        limits: the limits of each task.
        seed: the seed of the random numbers that the student's code draws.
    """

    def __init__(
        self,
        parent: WarmParent,
        files: Mapping[str, str | Sequence[Part]],
        module: str,
        imports: tuple[str, ...] = (),
        limits: Limits | None = None,
        seed: int = 0,
    ) -> None:
        self.limits = limits or Limits()
        self._processes = Processes(parent, files, module, imports, self.limits)
        self._seed = seed
        self._asked = 0
        self._kind = Kind(by_hand=False)
        self._moved = True

    def begin(self, by_hand: bool) -> None:
        """Begin a task, with a fresh budget; `by_hand` says whether torch's own kernels are refused."""
        self._kind = Kind(by_hand)
        self._processes.begin()

    @contextmanager
    def on(self, device: str, *, named: bool = False, moved: bool = True) -> Iterator[None]:
        """Within this context, the student's code gets the tensors of every call on `device`.

        Modules that are created in it are moved there. By-hand rules are enforced on the CPU and on the
        simulated device only.

        Args:
            device: `ACCELERATOR`, or a device of the machine.
            named: whether code that looks for CUDA by name finds the accelerator.
            moved: if false, tensors and modules stay on the CPU of the machine that has the device.
        """
        kind, was_moved = self._kind, self._moved
        by_hand = kind.by_hand and device == ACCELERATOR
        self._kind, self._moved = Kind(by_hand, device, named, kind.autograd), moved
        try:
            yield
        finally:
            self._kind, self._moved = kind, was_moved

    @contextmanager
    def without_autograd(self) -> Iterator[None]:
        """Within this context, every question goes to a process without autograd."""
        kind = self._kind
        self._kind = replace(kind, autograd=False)
        try:
            yield
        finally:
            self._kind = kind

    @property
    def device(self) -> str | None:
        """The device that calls currently run on, or None for the CPU."""
        return self._kind.device

    def has(self, name: str) -> str:
        """What the file defines under a name: `"callable"`, `"class"`, `"missing"` or the name of a type."""
        return str(self.question("has", name=name).value)

    def ask(
        self,
        target: str | Module,
        *args: Any,
        cotangent: Tensor | None = None,
        effort: bool = False,
        return_arguments: bool = False,
        no_grad: bool = False,
        within: float | None = None,
        **kwargs: Any,
    ) -> Reply:
        """Call a function of the exercise, or a module, and observe it.

        Args:
            target: the function's name, or the module.
            cotangent: also return the gradients of `(result * cotangent).sum()`.
            effort: count tensor operations and Python steps.
            return_arguments: return the tensor arguments as they are after the call.
            no_grad: call with autograd switched off.
            within: seconds of CPU time for this call, if the task has more than that left. A call that takes
                longer loses its process, but the task goes on.

        Raises:
            StudentError: what happened instead of an answer.
        """
        question = self._call(
            target, args, kwargs, cotangent, effort=effort, return_arguments=return_arguments, no_grad=no_grad
        )
        return self._reply(self.question("call", within, **question), target)

    def ask_each(self, calls: Iterable[Call]) -> Iterator[Reply]:
        """As `ask` for one call after the other, though many travel together.

        Each lot is twice as large as the one before. So a right answer takes few round trips, and a wrong one
        does little that nobody looks at.

        Raises:
            StudentError: what happened instead of the next answer.
        """
        rest, size = iter(calls), 1
        while lot := list(itertools.islice(rest, size)):
            questions = [self._call(*vars(each).values()) for each in lot]
            found = self._questions([{"ask": "call", **question} for question in questions])
            for each, answer in zip(lot, found, strict=False):
                if isinstance(answer, StudentError):
                    raise answer
                yield self._reply(answer, each.target)
            size = min(2 * size, _MOST_TOGETHER)

    def _call(
        self,
        target: str | Module,
        args: Sequence[Any],
        kwargs: Mapping[str, Any],
        cotangent: Tensor | None,
        **observed: bool,
    ) -> dict[str, Any]:
        self._asked += 1
        question = {
            "target": _sent(target),
            "args": _sent(tuple(args)),
            "kwargs": _sent(dict(kwargs)),
            "seed": self._seed * 1009 + self._asked,
        }
        # What is left out need not be carried a thousand times.
        question |= {name: True for name, wanted in observed.items() if wanted}
        return question if cotangent is None else {**question, "cotangent": cotangent}

    def _reply(self, answer: Answer, target: str | Module) -> Reply:
        fields = answer.fields
        title = target if isinstance(target, str) else target.title
        effort = fields.get("effort") or [0, 0]
        return Reply(
            value=self._received(fields.get("value"), title),
            arguments=fields.get("arguments") or [],
            marks=fields.get("marks") or [],
            gradients=fields.get("gradients"),
            parameter_gradients=fields.get("parameter_gradients") or {},
            effort=(effort[0], effort[1]),
            changed_state=fields.get("changed_state") or [],
            printed=answer.printed,
        )

    def create(self, name: str, *args: Any, **kwargs: Any) -> Any:
        """Call a class or a factory of the exercise; an object comes back as a `Module`."""
        return self.ask(name, *args, **kwargs).value

    def build(self, name: str, *args: Any, **kwargs: Any) -> Module:
        """A `torch.nn` module (or `Recorder`) that the sandbox creates in the student process."""
        answer = self.question("build", what=Build(name, tuple(_sent(args)), dict(_sent(kwargs))))
        module = self._received(answer.value, f"nn.{name}")
        assert isinstance(module, Module)
        return module

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_"):
            raise AttributeError(name)
        return lambda *args, **kwargs: self.ask(name, *args, **kwargs).value

    def cpu_seconds(self) -> float:
        """CPU time that the process which is asked now has used so far, measured from outside."""
        return self._processes.cpu_seconds(self._kind)

    @property
    def lost(self) -> StudentError | None:
        """The error that every further question of the task gets, once its process or budget is lost."""
        return self._processes.lost

    @property
    def failures(self) -> dict[tuple[str, int], Failure]:
        """The statements that failed when a file was loaded, by file and line."""
        return self._processes.failures

    def question(self, ask: str, within: float | None = None, /, **fields: Any) -> Answer:
        """Ask one question in the terms of the wire protocol."""
        (answer,) = self._questions([{"ask": ask, **fields}], within)
        if isinstance(answer, StudentError):
            raise answer
        return answer

    def _questions(self, questions: Sequence[dict[str, Any]], within: float | None = None) -> list[Found]:
        device = self._kind.device
        named = devices.name(device) if device is not None and self._moved else None
        put = questions if named is None else [{"device": named, **question} for question in questions]
        found = self._processes.ask_each(self._kind, put, within)
        if named is not None:
            for answer in found:
                if isinstance(answer, Answer):
                    _mark(answer.fields, named)
        return found

    def _received(self, value: Any, title: str) -> Any:
        if isinstance(value, Handle):
            return Module(self, value, title)
        return value

    def close(self) -> None:
        """End every process."""
        self._processes.close()


def _mark(value: Any, device: str) -> None:
    """Note on every tensor of an answer the device that the call ran on."""
    if isinstance(value, Tensor):
        value.asked_on = device  # type: ignore[attr-defined]
    elif isinstance(value, Mapping):
        for item in value.values():
            _mark(item, device)
    elif isinstance(value, (list, tuple)):
        for item in value:
            _mark(item, device)


def _sent(value: Any) -> Any:
    """A value with each `Module` replaced by its handle."""
    if isinstance(value, Module):
        return value.handle
    if isinstance(value, dict):
        return {key: _sent(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)) and not hasattr(value, "_fields"):
        return type(value)(_sent(item) for item in value)
    return value
