"""Answers of quite another kind than asked for fail like any other: the grader never stumbles over them."""

from __future__ import annotations

import importlib
from collections.abc import Callable
from typing import Any

import hypothesis
import pytest
import torch
from hypothesis.errors import Flaky
from torch import Tensor, nn

from graders.curriculum import Task, exercises
from graders.expect import Mismatch, NotWritten
from graders.holds import properties_of
from graders.sandbox.trouble import StudentTrouble
from graders.trusted import trusted_submission

TASKS = [task for exercise in exercises() for task in exercise.tasks]
Kernel = int | tuple[int, int]


class _Sized(nn.Module):
    """A layer as it would be right, but for what its heirs leave out; it remembers what it was made with."""

    def __init__(self, *sizes: Any, **options: Any) -> None:
        super().__init__()
        kernel = sizes[-1] if len(sizes) < 3 else sizes[2]
        pair = (kernel, kernel) if isinstance(kernel, int) else tuple(kernel)
        self.shape = pair if len(sizes) < 3 else (sizes[1], sizes[0], *pair)
        self.length = 1 if len(sizes) < 3 else sizes[1]
        self.make()

    def make(self) -> None:
        self.weight, self.bias = nn.Parameter(torch.rand(self.shape)), nn.Parameter(torch.zeros(self.length))

    def forward(self, X: Tensor) -> Any:
        return X.sum() * self.weight.sum() + self.bias


class Parameterless(_Sized):
    def make(self) -> None:
        self.weight, self.bias = torch.rand(self.shape), torch.zeros(self.length)  # type: ignore[assignment]


class WithoutBias(_Sized):
    def make(self) -> None:
        self.weight, self.bias = nn.Parameter(torch.rand(self.shape)), 0.0  # type: ignore[assignment]


class WithoutWeight(_Sized):
    def make(self) -> None:
        self.weight = torch.rand(self.shape, requires_grad=True)  # type: ignore[assignment]
        self.bias = nn.Parameter(torch.zeros(self.length))


class WithBuffers(_Sized):
    def make(self) -> None:
        self.register_buffer("weight", torch.rand(self.shape))
        self.register_buffer("bias", torch.zeros(self.length))


class OtherNames(_Sized):
    def make(self) -> None:
        self.kernel, self.b = nn.Parameter(torch.rand(self.shape)), nn.Parameter(torch.zeros(self.length))

    def forward(self, X: Tensor) -> Any:
        return X.sum() * self.kernel.sum() + self.b


class Scalars(_Sized):
    def make(self) -> None:
        self.weight, self.bias = nn.Parameter(torch.tensor(1.0)), nn.Parameter(torch.tensor(0.0))


class Frozen(_Sized):
    def make(self) -> None:
        super().make()
        self.requires_grad_(False)


class OneMore(_Sized):
    def make(self) -> None:
        super().make()
        self.scale = nn.Parameter(torch.ones(1))


class Lazy(_Sized):
    def make(self) -> None:
        self.weight, self.bias = nn.UninitializedParameter(), nn.UninitializedParameter()  # type: ignore[no-untyped-call]


class GivesNothing(_Sized):
    def forward(self, X: Tensor) -> Any:
        return None


class GivesAPair(_Sized):
    def forward(self, X: Tensor) -> Any:
        return X, X


class WithoutForward(nn.Module):
    def __init__(self, *sizes: Any, **options: Any) -> None:
        super().__init__()


class NoModule:
    def __init__(self, *sizes: Any, **options: Any) -> None:
        self.weight = torch.ones(2, 2)

    def __call__(self, X: Tensor) -> Tensor:
        return X


LAYERS = (
    *(Parameterless, WithoutBias, WithoutWeight, WithBuffers, OtherNames, Scalars, Frozen, OneMore, Lazy),
    *(GivesNothing, GivesAPair, WithoutForward, NoModule),
)


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
    "what it was given": lambda *args, **_: args[0] if args else None,
    "all that it was given": lambda *args, **_: args,
}
ODD = {**VALUES, **{layer.__name__: layer for layer in LAYERS}}


@pytest.fixture(autouse=True)
def one_thread() -> None:
    torch.set_num_threads(1)


@pytest.mark.parametrize("task", TASKS, ids=lambda task: f"{task.exercise}.{task.name}")
def test_no_odd_answer_passes_or_confuses_the_grader(task: Task) -> None:
    names = vars(importlib.import_module(f"solutions.{task.exercise}"))
    for kind, odd in ODD.items():
        replaced = {task.name: odd} if task.name != "invalid_input" else dict.fromkeys(names, odd)
        submission = trusted_submission({**names, **replaced})
        failed = 0
        for held in properties_of(task.exercise, task.name):
            test = hypothesis.seed(0)(held.test) if hasattr(held.test, "hypothesis") else held.test
            try:
                test(submission=submission)
            except (Mismatch, NotWritten, StudentTrouble, Flaky):
                failed += 1
            except Exception as error:
                error.add_note(f"{kind}, {held.test.__name__}")
                raise
        assert failed, f"{kind} passes"
