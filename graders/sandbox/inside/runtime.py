"""The student process: loads one submission and answers questions about what it does.

It knows no expected values and makes no decisions. Every question is a small dict with an `ask`, and every
answer a dict with an `outcome`; exceptions of the student's code are returned as text.
"""

from __future__ import annotations

import importlib
import inspect
import socket
import sys
import traceback
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import torch
from torch import nn

from . import accelerator, loader, named_device
from .effort import EffortMeter
from .stand_ins import Batches, resolve
from .wire import PREFIX, Decoder, Encoder, Handle, Opaque, Pieces, Unsent, memory, prefix

_SEED = 0x5EED
_MAX_MESSAGE = 2_000
_MAX_FRAMES = 12
_MAX_FAILURES = 20
# Taken from torch before a student's code could replace them.
_SETTINGS: dict[str, Callable[[], Any]] = {
    "default dtype": torch.get_default_dtype,
    "grad mode": torch.is_grad_enabled,
    "number of threads": torch.get_num_threads,
    "random seed": torch.default_generator.initial_seed,
}
_set_default_dtype, _set_grad_enabled = torch._C._set_default_dtype, torch._C._set_grad_enabled
_set_num_threads = torch.set_num_threads


class Runtime:
    """One loaded submission, with the objects that its answers refer to."""

    def __init__(self) -> None:
        self._labels: set[str] = set()
        self._modules: set[str] = set()
        self._finder = loader.StudentFiles({})
        self._wire: socket.socket | None = None
        self._objects: dict[int, Any] = {}
        self._module: Any = None
        self._questions: dict[str, Callable[[dict[str, Any]], dict[str, Any]]] = {
            "load": self._load,
            "has": self._has,
            "call": self._call,
            "build": self._build,
            "describe": self._describe,
            "assign": self._assign,
            "load_state": self._load_state,
            "convert": self._convert,
            "attribute": lambda q: {"value": getattr(q["object"], q["name"])},
            "fit": self._fit,
            "forget": self._forget,
        }

    # ------------------------------------------------------------------------------------ the conversation

    def serve(self, wire: socket.socket) -> None:
        """Answer questions until the grader hangs up."""
        self._wire = wire
        while True:
            head = _receive(wire, PREFIX.size)
            if head is None:
                return
            header_length, body_length = prefix(bytes(head))
            header, body = _receive(wire, header_length), _receive(wire, body_length)
            if header is None or body is None:
                return
            for answer in self.answers(bytes(header), body):
                rest = Unsent(answer)
                while rest:
                    rest.send(wire)

    def answers(self, header: bytes, body: bytearray | memoryview) -> Iterator[Pieces]:
        """The frames that answer the questions of one frame, one after the other.

        Each is to be sent before the next is made: should a question end this process, the grader has the
        answers to all before it, and knows which one it was.
        """
        decoder = Decoder(lambda request: resolve(request, self._objects), leaves=True)
        message = decoder.message(header, body)
        for question in message["questions"] if message["ask"] == "batch" else (message,):
            yield self.answer(question)

    def answer(self, question: dict[str, Any]) -> Pieces:
        """The frame that answers one question."""
        try:
            answer = {"outcome": "ok", **self._questions[question["ask"]](question)}
        except BaseException as error:  # a student may raise anything at all, even SystemExit
            answer = self._raised(error)
        self._flush()
        answer["id"] = question["id"]
        encoder = Encoder(self._keep)
        try:
            return encoder.pieces(answer)
        except Exception as error:  # a value can be anything, and may fail on any access
            short = {"outcome": "unsendable", "message": str(error)[:_MAX_MESSAGE], "id": question["id"]}
            return Encoder().pieces(short)

    def _flush(self) -> None:
        for stream in (sys.stdout, sys.stderr):
            try:
                stream.flush()
            except Exception:  # a stream that a student has replaced must not fail a task
                continue

    def _keep(self, value: Any) -> Handle | Opaque:
        kind = type(value).__name__[:80]
        own = getattr(type(value), "__module__", "") in self._own_modules()
        if not own and not isinstance(value, nn.Module):
            return Opaque(kind)
        number = len(self._objects) + 1
        self._objects[number] = value
        return Handle(number, kind)

    def _own_modules(self) -> set[str]:
        return self._modules

    def _raised(self, error: BaseException) -> dict[str, Any]:
        error = self._finder.cause_of(error)
        frames: list[tuple[str, int, str, str]] = []
        inside = isinstance(error, loader.Stopped)
        for summary in traceback.extract_tb(error.__traceback__):
            if summary.filename in self._labels:
                inside = True
                frames.append((summary.filename, summary.lineno or 0, summary.name, summary.line or ""))
        if isinstance(error, SyntaxError) and error.filename in self._labels:
            frames.append((error.filename, error.lineno or 0, "", (error.text or "").strip()))
        message = _message(error)
        kinds = [cls.__name__[:80] for cls in type(error).__mro__ if cls is not object][:10]
        short = [[f[:200], n, name[:80], line[:200]] for f, n, name, line in frames[-_MAX_FRAMES:]]
        memory = (
            isinstance(error, (MemoryError, torch.OutOfMemoryError)) or "can't allocate memory" in message
        )
        return {
            "outcome": "raised",
            "type": type(error).__name__[:80],
            "kinds": kinds,
            "message": message[:_MAX_MESSAGE],
            "frames": short,
            "inside": inside,
            "memory": memory,
        }

    # -------------------------------------------------------------------------------------- the questions

    def _load(self, question: dict[str, Any]) -> dict[str, Any]:
        modules = loader.parts_of(question["files"])
        self._modules = {path.removesuffix(".py").replace("/", ".") for path in modules}
        self._labels.update(part.label for parts in modules.values() for part in parts)
        if question.get("named_device"):
            named_device.pretend(self._labels)
        stopped = {(path, part, number): why for path, part, number, why in question.get("stopped", ())}
        announce = partial(self._announce, question["id"]) if question.get("announce") else None
        self._finder = loader.StudentFiles(modules, stopped, announce)
        self._finder.install()
        before = _global_state()
        try:
            self._module = importlib.import_module(question["module"])
        finally:
            _restore(before)
        failures = [each for failed in self._finder.failures.values() for each in failed]
        return {"failed": [_described(each) for each in failures[:_MAX_FAILURES]]}

    def _announce(self, id: int, place: loader.Place) -> None:
        """Report which statement runs next, so that it is known if it never ends."""
        assert self._wire is not None
        rest = Unsent(Encoder().pieces({"outcome": "running", "id": id, "value": list(place)}))
        while rest:
            rest.send(self._wire)

    def _has(self, question: dict[str, Any]) -> dict[str, Any]:
        missing = object()
        name = question["name"]
        found = getattr(self._module, name, missing)
        if found is missing:
            cause = self._finder.failure_of(name, f"{self._module.__name__.replace('.', '/')}.py")
            if cause is not None:
                raise cause
            return {"value": "missing"}
        if inspect.isclass(found):
            return {"value": "class"}
        return {"value": "callable" if callable(found) else type(found).__name__[:80]}

    def _call(self, question: dict[str, Any]) -> dict[str, Any]:
        target = question["target"]
        function = self._named(target) if isinstance(target, str) else target
        args, kwargs = question["args"], question["kwargs"]
        if question.get("device") is not None:
            args, kwargs = _moved(args, question["device"]), _moved(kwargs, question["device"])
        _seed(question.get("seed", _SEED))
        sent = [(tensor, tensor.requires_grad) for tensor in _tensors((args, kwargs))]
        grad_mode = torch.is_grad_enabled()
        if question.get("no_grad"):
            torch.set_grad_enabled(False)
        before = _global_state()
        meter = EffortMeter(self._labels) if question.get("effort") else None
        try:
            if meter is None:
                value = function(*args, **kwargs)
            else:
                with meter:
                    value = function(*args, **kwargs)
        finally:
            changed = _changed(before)
            _restore({**before, "grad mode": grad_mode})
        if question.get("device") is not None and isinstance(value, nn.Module) and self._is_new(value):
            _move(value, question["device"])
        answer: dict[str, Any] = {"value": value, "changed_state": changed}
        if meter is not None:
            answer["effort"] = [meter.tensor_operations, meter.python_steps]
        if question.get("return_arguments"):
            answer["arguments"] = [tensor.detach() for tensor, _ in sent]
            answer["marks"] = [_mark(*each) for each in sent]
        if question.get("cotangent") is not None:
            answer |= self._gradients(question["cotangent"], value, target, (args, kwargs))
        return answer

    def _is_new(self, value: Any) -> bool:
        return all(value is not known for known in self._objects.values())

    def _build(self, question: dict[str, Any]) -> dict[str, Any]:
        built = question["what"]
        return {"value": built if question.get("device") is None else built.to(question["device"])}

    def _named(self, name: str) -> Any:
        try:
            return getattr(self._module, name)
        except AttributeError:
            raise NotImplementedError(f"the file does not define {name}") from None

    def _gradients(self, cotangent: Any, value: Any, target: Any, arguments: Any) -> dict[str, Any]:
        if not isinstance(value, torch.Tensor) or value.shape != cotangent.shape or not value.requires_grad:
            return {"gradients": None}
        inputs = [tensor for tensor in _tensors(arguments) if tensor.requires_grad]
        module = target if isinstance(target, nn.Module) else None
        named = list(module.named_parameters()) if module is not None else []
        trained = [(name, parameter) for name, parameter in named if parameter.requires_grad]
        cotangent = cotangent.to(dtype=value.dtype, device=value.device)
        every = [*inputs, *(parameter for _, parameter in trained)]
        found = torch.autograd.grad(value, every, cotangent, allow_unused=True) if every else ()
        names = [name for name, _ in trained]
        parameters = dict(zip(names, found[len(inputs) :], strict=True))
        return {"gradients": list(found[: len(inputs)]), "parameter_gradients": parameters}

    def _describe(self, question: dict[str, Any]) -> dict[str, Any]:
        found = question["object"]
        if not isinstance(found, nn.Module):
            return {"value": {"is_module": False, "type": type(found).__name__[:80]}}
        modules = [
            [name, type(child).__name__[:80], child.training, _hooks(child), not list(child.children())]
            for name, child in found.named_modules()
        ]
        value = {
            "is_module": True,
            "type": type(found).__name__[:80],
            "training": found.training,
            "parameters": [[name, p.detach(), p.requires_grad] for name, p in found.named_parameters()],
            "identities": [id(parameter) for parameter in found.parameters()],
            "buffers": [[name, buffer] for name, buffer in found.named_buffers()],
            "state": dict(found.state_dict()),
            "modules": modules,
        }
        return {"value": value}

    def _assign(self, question: dict[str, Any]) -> dict[str, Any]:
        parameters = list(question["object"].parameters())
        tensors = question["tensors"]
        with torch.no_grad():
            for parameter, tensor in zip(parameters, tensors, strict=True):
                parameter.copy_(tensor)
        return {}

    def _load_state(self, question: dict[str, Any]) -> dict[str, Any]:
        question["object"].load_state_dict(question["state"], strict=True)
        return {}

    def _convert(self, question: dict[str, Any]) -> dict[str, Any]:
        module = question["object"]
        if question.get("dtype") is not None:
            module.to(question["dtype"])
        if question.get("training") is not None:
            module.train(question["training"])
        if question.get("to") is not None:
            with accelerator.keeping_parameters():
                _move(module, question["to"])
        return {}

    def _fit(self, question: dict[str, Any]) -> dict[str, Any]:
        """Plain training with SGD on cross-entropy, the same for all networks that are compared."""
        net = question["object"]
        optimizer = torch.optim.SGD(net.parameters(), lr=question["lr"], momentum=question["momentum"])
        _seed(question.get("seed", _SEED))
        batches = question["batches"]
        if question.get("device") is not None:
            batches = _moved(batches, question["device"])
        net.train()
        for _ in range(question["epochs"]):
            for X, y in batches:
                optimizer.zero_grad()
                nn.functional.cross_entropy(net(X), y).backward()
                optimizer.step()
        return {}

    def _forget(self, question: dict[str, Any]) -> dict[str, Any]:
        self._objects.clear()
        return {}


def _described(failure: loader.Failure) -> list[Any]:
    kind, message = type(failure.error).__name__[:80], _message(failure.error)[:300]
    return [failure.label[:200], failure.line, failure.text[:100], kind, message]


def _message(error: BaseException) -> str:
    try:
        return str(error)
    except Exception:
        return "(its message could not be read)"


def _hooks(module: nn.Module) -> int:
    tables = (module._forward_hooks, module._forward_pre_hooks, module._backward_hooks)
    return sum(len(table) for table in tables)


def _tensors(tree: Any) -> Iterator[torch.Tensor]:
    if isinstance(tree, torch.Tensor):
        yield tree
    elif isinstance(tree, dict):
        for item in tree.values():
            yield from _tensors(item)
    elif isinstance(tree, (list, tuple)):
        for item in tree:
            yield from _tensors(item)


def _move(module: nn.Module, device: str) -> None:
    """Move a module like a part of a network, so that its own `to` isn't called."""
    nn.ModuleList([module]).to(device)


def _moved(tree: Any, device: str) -> Any:
    """The same arguments with every tensor on `device`, where those that require grad are leaves."""
    if isinstance(tree, torch.Tensor):
        return tree.detach().to(device).requires_grad_(tree.requires_grad)
    if isinstance(tree, dict):
        return {key: _moved(item, device) for key, item in tree.items()}
    if isinstance(tree, (list, tuple)):
        return type(tree)(_moved(item, device) for item in tree)
    if isinstance(tree, Batches):
        return Batches(_moved(tree.items, device))
    return tree


def _seed(number: int) -> None:
    # Not `torch.manual_seed`, which stores a stack trace for each device that hasn't been started.
    torch.default_generator.manual_seed(number)
    if torch.cuda.is_initialized():
        torch.cuda.manual_seed(number)


def _global_state() -> dict[str, Any]:
    return {name: read() for name, read in _SETTINGS.items()}


def _mark(argument: torch.Tensor, required_grad: bool) -> str:
    """What autograd recorded about an argument during a call."""
    if argument.requires_grad != required_grad:
        return "requires grad" if argument.requires_grad else "no longer requires grad"
    return "has a .grad" if argument.is_leaf and argument.grad is not None else ""


def _changed(before: dict[str, Any]) -> list[str]:
    after = _global_state()
    return [
        f"{name}: {before[name]} -> {after[name]}"[:200] for name in before if before[name] != after[name]
    ]


def _restore(state: dict[str, Any]) -> None:
    _set_default_dtype(state["default dtype"])
    _set_grad_enabled(state["grad mode"])
    if _SETTINGS["number of threads"]() != state["number of threads"]:
        _set_num_threads(state["number of threads"])


def _receive(wire: socket.socket, count: int) -> memoryview | None:
    data = memory(count)
    rest = data
    while rest:
        got = wire.recv_into(rest)
        if got == 0:
            return None
        rest = rest[got:]
    return data
