"""What evaluating and training are asked in exercise 5, and what many mistakes about them share."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn

from graders.diagnosis.observing import of_the_machine
from graders.sandbox.errors import Raised
from graders.testing.expect import facts

Batch = tuple[Tensor, Tensor]
Data = Iterable[Batch]
_MISSING = re.compile(r"has no (len\(\)|attribute '\w+')")
_SAID = ("multi-target not supported", "must match the size of tensor")


def about(ask: Callable[[], Any]) -> Any:
    """What came, or what the error was about."""
    try:
        return ask()
    except Raised as raised:
        if of_the_machine(raised):
            raise
        missing = _MISSING.search(raised.message)
        said = next((f": {words}" for words in _SAID if words in raised.message), "")
        return f"a {raised.type}{f', no {missing[1]}' if missing else said}"


@contextmanager
def evaluating(
    net: nn.Module, *, mode: bool | None = False, back: str = "each", grad: bool = False
) -> Iterator[None]:
    """A right evaluation but for the mode meanwhile, how it is put `back`, or gradients."""
    modes = [(module, module.training) for module in net.modules()]
    if mode is not None:
        net.train(mode)
    try:
        with torch.set_grad_enabled(grad):
            yield
    finally:
        if back == "each":
            for module, training in modes:
                module.training = training
        elif back != "never":
            net.train(modes[0][1] if back == "whole" else True)


def with_length(data: Any) -> Any:
    """The data, if they have a length."""
    len(data)
    return data


def number(value: Any) -> Any:
    """A number as a float; that of a tensor is marked."""
    if isinstance(value, Tensor) and value.dim() == 0:
        return "graph" if facts(value).has_grad_fn else "tensor", float(value)
    return float(value) if isinstance(value, (int, float)) else type(value).__name__


MODE = "In which mode is each part of the network before the call, and in which one after it?"
WHY_EVAL = "What do dropout and batch normalisation do differently in evaluation mode?"
ITERABLE = "data may be anything that a for loop goes through. What else does your code ask of it?"
