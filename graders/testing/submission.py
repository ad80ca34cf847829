"""A submission as an ordinary object: `submission.conv2d(X, K)` takes and returns plain tensors.

The calls are answered by student processes: one for the by-hand tasks of an exercise, one for the other
tasks, and as many again for calls on the accelerator. Each is started when it is first needed, and again
after it was lost. A task has a budget of CPU time in each process. Once it is used up, or the process has
died, every further call of that task fails at once in the same way.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import Any

import torch
from torch import Tensor

from graders.sandbox.child import Answer, Child
from graders.sandbox.errors import Crashed, OutOfMemory, Raised, StudentError, TimedOut
from graders.sandbox.inside import device as devices
from graders.sandbox.inside.loader import Part
from graders.sandbox.inside.wire import Build, ClassOf, Handle, Stream
from graders.sandbox.one_budget import make_way, stop
from graders.sandbox.warm_parent import ACCELERATOR, Limits, WarmParent

from .narrowing import Entries, broken, records

__all__ = ["Build", "ClassOf", "Module", "Reply", "Stream", "Submission"]


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
class Reply:
    """What one call returned, and what was observed.

    Attributes:
        value: the result: plain tensors, numbers, strings, lists, tuples, dicts; a `Module` for an object.
        arguments: the tensor arguments after the call, if requested.
        marks: for each of these, what autograd has newly recorded about it; empty if nothing.
        gradients: those of the tensor arguments that require grad, if a cotangent was given; None if the
            result isn't part of a graph.
        parameter_gradients: those of a module's parameters, by name.
        effort: the number of tensor operations and Python steps, if requested.
        changed_state: global settings that the call changed.
        printed: what the code printed.
    """

    value: Any
    arguments: list[Tensor] = field(default_factory=list)
    marks: list[str] = field(default_factory=list)
    gradients: list[Tensor | None] | None = None
    parameter_gradients: dict[str, Tensor | None] = field(default_factory=dict)
    effort: tuple[int, int] = (0, 0)
    changed_state: list[str] = field(default_factory=list)
    printed: str = ""


@dataclass(frozen=True)
class Description:
    """A module's contents, as it reports them."""

    type: str
    training: bool
    parameters: list[tuple[str, Tensor]]
    identities: list[int]
    """A number for each parameter object; different objects have different numbers."""
    trainable: dict[str, bool]
    buffers: list[tuple[str, Tensor]]
    state: Entries
    modules: list[tuple[str, str, bool, int, bool]]
    """Name, class name, training mode, number of hooks, whether it is a leaf."""


class Module:
    """An object that lives in the student process."""

    def __init__(self, submission: Submission, handle: Handle, title: str) -> None:
        self._submission = submission
        self.handle = handle
        self.title = title

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        return self._submission.ask(self, *args, **kwargs).value

    @property
    def type(self) -> str:
        """The name of its class."""
        return self.handle.type

    def is_module(self) -> bool:
        """Whether it is a `torch.nn.Module`."""
        return bool(self._question("describe")["is_module"])

    def describe(self) -> Description:
        """Parameters, buffers, submodules and modes as they are now.

        Raises:
            Raised: it isn't a module.
        """
        found = self._question("describe")
        if not found["is_module"]:
            raise broken("TypeError", f"an object of type {found['type']} is not a torch.nn.Module")
        return Description(
            type=found["type"],
            training=found["training"],
            parameters=[(name, tensor) for name, tensor, _ in found["parameters"]],
            identities=found["identities"],
            trainable={name: trainable for name, _, trainable in found["parameters"]},
            buffers=[(name, tensor) for name, tensor in found["buffers"]],
            state=Entries(found["state"]),
            modules=[
                (name, kind, training, hooks, leaf) for name, kind, training, hooks, leaf in found["modules"]
            ],
        )

    def assign(self, tensors: Sequence[Tensor]) -> None:
        """Set the parameters, in the module's own order."""
        self._question("assign", tensors=list(tensors))

    def load_state(self, state: Mapping[str, Tensor]) -> None:
        """`load_state_dict`, strictly."""
        self._question("load_state", state=dict(state))

    def convert(
        self, dtype: torch.dtype | None = None, training: bool | None = None, device: str | None = None
    ) -> Module:
        """`.to(dtype)`, `.train(training)`, `.to(device)`; returns the module."""
        self._question("convert", dtype=dtype, training=training, to=device)
        return self

    def attribute(self, name: str) -> Any:
        """One attribute."""
        return self._question("attribute", name=name)

    def calls(self) -> list[dict[str, bool]]:
        """What a `Recorder` noted about each call: training mode, and whether gradients were tracked."""
        return records(self.attribute("calls"))

    def fit(
        self, batches: Sequence[tuple[Tensor, Tensor]], *, epochs: int, lr: float, momentum: float = 0.0
    ) -> None:
        """Train it with plain SGD on cross-entropy, in the sandbox's own loop."""
        self._question("fit", batches=list(batches), epochs=epochs, lr=lr, momentum=momentum)

    def _question(self, ask: str, **fields: Any) -> Any:
        return self._submission.question(ask, object=self.handle, **fields).value


@dataclass(frozen=True)
class _Kind:
    """The kind of process that a question goes to."""

    by_hand: bool
    device: str | None = None
    named: bool = False
    autograd: bool = True


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
        self._parent = parent
        self._files = {path: _on_the_wire(content) for path, content in files.items()}
        self._module = module
        self._imports = imports
        self.limits = limits or Limits()
        self._seed = seed
        self._asked = 0
        self._children: dict[_Kind, Child] = {}
        self._running: Child | None = None
        self._unloadable: dict[_Kind, StudentError] = {}
        self._stopped: dict[tuple[str, int, int], str] = {}
        self.failures: dict[tuple[str, int], Failure] = {}
        self._kind = _Kind(by_hand=False)
        self._moved = True
        self._spent: dict[_Kind, float] = {}
        self._lost: StudentError | None = None

    def begin(self, by_hand: bool) -> None:
        """Begin a task, with a fresh budget; `by_hand` says whether torch's own kernels are refused."""
        self._kind = _Kind(by_hand)
        self._lost = None
        self._spent.clear()

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
        self._kind, self._moved = _Kind(by_hand, device, named, kind.autograd), moved
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
        self._asked += 1
        answer = self.question(
            "call",
            within,
            target=_sent(target),
            args=_sent(args),
            kwargs=_sent(kwargs),
            cotangent=cotangent,
            effort=effort,
            return_arguments=return_arguments,
            no_grad=no_grad,
            seed=self._seed * 1009 + self._asked,
        )
        fields = answer.fields
        title = target if isinstance(target, str) else target.title
        effort_counts = fields.get("effort") or [0, 0]
        return Reply(
            value=self._received(fields.get("value"), title),
            arguments=fields.get("arguments") or [],
            marks=fields.get("marks") or [],
            gradients=fields.get("gradients"),
            parameter_gradients=fields.get("parameter_gradients") or {},
            effort=(effort_counts[0], effort_counts[1]),
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

    @property
    def lost(self) -> StudentError | None:
        """The error that every further question of the task gets, once its process or budget is lost."""
        return self._lost

    def question(self, ask: str, within: float | None = None, /, **fields: Any) -> Answer:
        """Ask one question in the terms of the wire protocol."""
        if self._lost is not None:
            raise self._lost
        child, device = self._child(), self._kind.device
        if self._kind not in self._spent:
            self._spent[self._kind], child.waited = child.cpu_seconds(), 0.0
        named = devices.name(device) if device is not None and self._moved else None
        budget = until = self._spent[self._kind] + self._limits().cpu_seconds
        if within is not None:
            until = min(budget, child.cpu_seconds() + within)
        try:
            answer = child.ask({"ask": ask, "device": named, **fields}, until)
        except StudentError as error:
            if isinstance(error, TimedOut) and error.clock == "CPU" and until < budget:
                raise
            if error.fatal:
                self._lost = error
            elif isinstance(error, Raised) and _poisons(error):
                child.end()  # no further answer of this process could be trusted
            raise
        if named is not None:
            _mark(answer.fields, named)
        return answer

    def _limits(self) -> Limits:
        """The limits of a task; on a real device, launching small operations takes much longer."""
        if self._kind.device in (None, ACCELERATOR):
            return self.limits
        return replace(self.limits, cpu_seconds=_SLOWER_ON_A_DEVICE * self.limits.cpu_seconds)

    def _child(self) -> Child:
        kind = self._kind
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

    def _loaded(self, kind: _Kind) -> Child:
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
                limits=self._limits(),
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
            seconds = self._limits().cpu_seconds * _SHARE_OF_A_STATEMENT
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

    def _received(self, value: Any, title: str) -> Any:
        if isinstance(value, Handle):
            return Module(self, value, title)
        return value

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
