"""Answers of a completely wrong kind fail like any other wrong answer, and never confuse the grader."""

from __future__ import annotations

import importlib
from collections.abc import Callable
from random import Random
from typing import Any

import hypothesis
import pytest
import torch
from hypothesis.errors import Flaky
from torch import Tensor, nn

from graders.curriculum import Task, exercises
from graders.grading.grade import Settings, _grade_task, _safe_for_students
from graders.grading.hand_in import HandIn
from graders.grading.modules import Modules
from graders.report import Report
from graders.sandbox.errors import StudentError
from graders.testing.expect import Mismatch, NotWritten
from graders.testing.in_process import submission_in_process
from graders.testing.properties import properties_of
from tests.parts import Part
from tests.tasks.odd_layers import LAYERS

TASKS = [task for exercise in exercises() for task in exercise.tasks]


class Liar:
    """Claims to be equal to everything, and smaller and larger than everything."""

    def __eq__(self, other: object) -> bool:
        return True

    def __ne__(self, other: object) -> bool:
        return True

    def __hash__(self) -> int:
        raise ValueError("no hash")

    def __lt__(self, other: object) -> bool:
        raise ValueError("no order")

    def __float__(self) -> float:
        raise ValueError("no number")

    def __len__(self) -> int:
        return -1

    def __iter__(self) -> Any:
        raise KeyError("no items")

    def __repr__(self) -> str:
        raise ValueError("no text")

    def __getattr__(self, name: str) -> Any:
        return self


class Text(str):
    def __eq__(self, other: object) -> bool:
        return True

    __hash__ = str.__hash__


class Float(float):
    def __float__(self) -> float:
        raise ValueError("no number")


class Items(list[Any]):
    def __iter__(self) -> Any:
        raise KeyError("no items")

    def __len__(self) -> int:
        return 2


class Subclass(Tensor):
    @classmethod
    def __torch_function__(cls, *_: Any, **__: Any) -> Any:
        return True


def _giving(make: Callable[[], Any]) -> Callable[..., Any]:
    return lambda *_, **__: make()


VALUES: dict[str, Callable[..., Any]] = {
    "an int": _giving(lambda: 3),
    "a negative float": _giving(lambda: -1.5),
    "NaN": _giving(lambda: float("nan")),
    "True": _giving(lambda: True),
    "a text": _giving(lambda: "text"),
    "an empty list": _giving(list),
    "three ints": _giving(lambda: (1, 2, 3)),
    "texts": _giving(lambda: ["a", "b"]),
    "a dict": _giving(lambda: {"a": 1, 2: None}),
    "ten losses": _giving(lambda: [0.5] * 10),
    "a tensor and a loss": _giving(lambda: (torch.zeros(2, 2), 0.0)),
    "a loss and a tensor": _giving(lambda: (0.0, torch.zeros(2, 2))),
    "a pair of nothings": _giving(lambda: (None, None)),
    "an empty tensor": _giving(lambda: torch.zeros(0)),
    "a scalar tensor": _giving(lambda: torch.tensor(3.0)),
    "too many axes": _giving(lambda: torch.zeros(2, 3, 4, 5, 6)),
    "integers": _giving(lambda: torch.zeros(2, 2, dtype=torch.int64)),
    "complex numbers": _giving(lambda: torch.zeros(2, 2, dtype=torch.complex64)),
    "truth values": _giving(lambda: torch.zeros(2, 2, dtype=torch.bool)),
    "a sparse tensor": _giving(lambda: torch.eye(3).to_sparse()),
    "an array": _giving(lambda: torch.zeros(2, 2).numpy()),
    "an object": _giving(object),
    "a function": _giving(lambda: len),
    "a class": _giving(lambda: nn.Conv2d),
    "a linear layer": _giving(lambda: nn.Linear(4, 3)),
    "an empty network": _giving(nn.Sequential),
    "a network without logits": _giving(lambda: nn.Sequential(nn.Flatten(), nn.Linear(784, 3))),
    "a lazy network": _giving(lambda: nn.Sequential(nn.Flatten(), nn.LazyLinear(11))),
    "a huge int": _giving(lambda: 10**400),
    "a negative huge int": _giving(lambda: -(2**255)),
    "a complex number": _giving(lambda: 1j),
    "infinity": _giving(lambda: float("inf")),
    "bytes": _giving(lambda: b"1"),
    "a set": _giving(lambda: {1, 2}),
    "a liar": _giving(Liar),
    "liars in a list": _giving(lambda: [Liar(), Liar()]),
    "a text that equals everything": _giving(lambda: Text("max")),
    "an invalid float": _giving(lambda: Float(0.5)),
    "a list that cannot be gone through": _giving(lambda: Items([1, 2])),
    "a tensor that is a subclass": _giving(lambda: torch.ones(2, 2).as_subclass(Subclass)),
    "two numbers for one": _giving(lambda: torch.ones(2)),
    "pairs with tensors for numbers": _giving(lambda: [("Conv2d", (torch.ones(2), 6, 28, 28))] * 4),
    "a list in itself": _giving(lambda: (lambda items: items.append(items) or items)([])),  # type: ignore[func-returns-value]
    "names that are equal": _giving(lambda: {"1": torch.ones(1), 1: None}),
    "names that are none": _giving(lambda: {None: 1, (1, 2): torch.ones(2), "\ud800": 2}),
    "a quantised tensor": _giving(lambda: torch.quantize_per_tensor(torch.ones(2), 0.1, 0, torch.qint8)),
    "a tensor without memory": _giving(lambda: torch.ones(2, 2, device="meta")),
    "halves": _giving(lambda: torch.full((2, 2), float("nan"), dtype=torch.float16)),
    "an uninitialised parameter": _giving(nn.UninitializedParameter),
    "the type of numbers": _giving(lambda: torch.float32),
    "a slice": _giving(lambda: slice(None)),
    "an error": _giving(lambda: ValueError("x")),
    "what it was given": lambda *args, **_: args[0] if args else None,
    "all that it was given": lambda *args, **_: args,
}
ODD = {**VALUES, **{layer.__name__: layer for layer in LAYERS}}


@pytest.fixture(autouse=True)
def one_thread() -> None:
    torch.set_num_threads(1)


@pytest.mark.parametrize("task", TASKS, ids=lambda task: f"{task.exercise}.{task.name}")
def test_no_odd_answer_passes_or_confuses_the_grader(task: Task, part: Part) -> None:
    names = vars(importlib.import_module(f"solutions.{task.exercise}"))
    # Another part for each task, so that every kind is tried somewhere.
    for kind in (kind for kind in ODD if part.of([f"{task.name} {kind}"])):
        odd = ODD[kind]
        replaced = {task.name: odd} if task.name != "invalid_input" else dict.fromkeys(names, odd)
        submission = submission_in_process({**names, **replaced})
        failed = 0
        for held in properties_of(task.exercise, task.name):
            test = hypothesis.seed(0)(held.test) if hasattr(held.test, "hypothesis") else held.test
            try:
                test(submission=submission)
            except (Mismatch, NotWritten, StudentError, Flaky):
                failed += 1
            except Exception as error:
                error.add_note(f"{kind}, {held.test.__name__}, {part}")
                raise
        assert failed, f"{kind} passes, {part}"


@pytest.mark.parametrize("task", TASKS, ids=lambda task: f"{task.exercise}.{task.name}")
def test_an_odd_answer_goes_all_the_way_to_a_report(task: Task, part: Part) -> None:
    names = vars(importlib.import_module(f"solutions.{task.exercise}"))
    for kind in Random(task.name).sample(sorted(ODD), 6 if part.is_all else 2):
        replaced = {task.name: ODD[kind]} if task.name != "invalid_input" else dict.fromkeys(names, ODD[kind])
        submission = submission_in_process({**names, **replaced})
        result = _grade_task(task, submission, Settings(), Modules())
        assert result.outcome not in ("passed", "grader_error"), f"{kind}: {result.message}"
        report = Report("lin", 0, "strict", "cpu", {}, (_safe_for_students(result, HandIn("lin")),))
        assert Report.from_json(report.to_json()) == report


# ------------------------------------------------------------------------------------ what is left behind


def _networks(values: tuple[Any, ...]) -> list[nn.Module]:
    return [value for value in values if isinstance(value, nn.Module)]


def _write_over(net: nn.Module) -> None:
    for module in net.modules():
        if hasattr(module, "calls"):
            module.calls = {"training": torch.ones(2)}  # type: ignore[assignment]


def _complex_parameter(net: nn.Module) -> None:
    for module in net.modules():
        if "weight" in module._parameters:
            module.weight = nn.Parameter(torch.ones(2, dtype=torch.complex64))


MEDDLING: dict[str, Callable[[nn.Module], Any]] = {
    "adds a layer": lambda net: net.add_module("more", nn.Linear(2, 2)),
    "adds a parameter": lambda net: net.register_parameter("more", nn.Parameter(torch.ones(1))),
    "adds a buffer": lambda net: net.register_buffer("more", torch.ones(2)),
    "takes all layers away": lambda net: net._modules.clear(),
    "takes the parameters away": lambda net: [m._parameters.clear() for m in net.modules()],
    "takes the buffers away": lambda net: [m._buffers.clear() for m in net.modules()],
    "makes them complex": _complex_parameter,
    "makes them halves": lambda net: net.half(),
    "moves it away": lambda net: net.to("meta"),
    "writes over the record": _write_over,
    "hides its state": lambda net: setattr(net, "state_dict", lambda *_, **__: {"x": torch.ones(2)}),
    "hides its parameters": lambda net: setattr(net, "named_parameters", lambda *_, **__: iter(())),
    "makes it raise": lambda net: net.register_forward_pre_hook(lambda *_: 1 / 0),
    "is in no mode": lambda net: setattr(net, "training", "maybe"),
    "forgets what it is": lambda net: setattr(net, "__class__", nn.Identity),
}


@pytest.mark.parametrize("task", [t for t in TASKS if t.exercise == "lenet"], ids=lambda task: task.name)
def test_meddling_with_a_network_is_not_a_grader_error(task: Task, part: Part) -> None:
    names = vars(importlib.import_module("solutions.lenet"))
    right = names[task.name]
    for kind in (kind for kind in MEDDLING if part.of([f"{task.name} {kind}"])):
        meddle = MEDDLING[kind]

        def meddled(*args: Any, _meddle: Any = meddle, **kwargs: Any) -> Any:
            value = right(*args, **kwargs)
            for net in _networks((*args, *kwargs.values(), value)):
                _meddle(net)
            return value

        submission = submission_in_process({**names, task.name: meddled})
        for held in properties_of(task.exercise, task.name):
            test = hypothesis.seed(0)(held.test) if hasattr(held.test, "hypothesis") else held.test
            try:
                test(submission=submission)
            except (Mismatch, NotWritten, StudentError, Flaky):
                continue
            except Exception as error:
                error.add_note(f"{kind}, {held.test.__name__}")
                raise
