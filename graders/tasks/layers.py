"""A layer as a pipeline of named steps: read the arguments, make ready, keep, forward."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import torch
from torch import Tensor, nn

from graders.diagnosis.pipeline import Call, Slip, right, step, together
from graders.testing.module import Module


class Layer(Call):
    """How a class of layers is written. A subclass says `arguments`, what to `keep`, and `forward`."""

    bases: tuple[type, ...] = (nn.Module,)
    slip: Slip = staticmethod(right)
    called: bool = False
    """Whether it has a `__call__` of its own."""

    @step
    def arguments(self) -> Mapping[str, Any]:
        """The names of the arguments in order, with their defaults."""
        raise NotImplementedError

    @step
    def ready(self) -> Callable[[Any], None]:
        """What makes the module ready to keep something."""
        return nn.Module.__init__

    @step
    def keep(self) -> Callable[..., None]:
        """Keeps what forward needs on the module: `keep(module, **arguments)`."""
        raise NotImplementedError

    @step
    def forward(self) -> Callable[[Any, Any], Any]:
        """Answers a call: `forward(module, X)`."""
        raise NotImplementedError


def inside(slip: Slip) -> Slip:
    """A slip in the function that the layer calls."""
    return lambda layer: layer.but(slip=together(slip, layer.slip))


def class_of(name: str, layer: Layer) -> type[Any]:
    """The class that is written so."""

    def __init__(self: Any, *args: Any, **named: Any) -> None:
        if len(args) > len(layer.arguments) or not set(named) <= set(layer.arguments):
            raise TypeError("unexpected argument")
        if layer.bases:
            layer.ready(self)
        layer.keep(self, **{**layer.arguments, **dict(zip(layer.arguments, args, strict=False)), **named})

    def forward(self: Any, X: Any) -> Any:
        Y = layer.forward(self, X)
        for change in layer.afterwards:
            Y = change(Y)
        return Y

    methods = {"__init__": __init__, "forward": forward}
    return type(name, layer.bases, {**methods, **({"__call__": forward} if layer.called else {})})


NO_INIT = "Module.__init__"
"""What an error says where `super().__init__()` was not called."""


def draws_weights_anew(layer: Module, X: Tensor, labels: dict[str, str]) -> bool:
    """Whether each call leaves another weight behind, and answers by it."""
    seen = []
    for _ in range(2):
        answer = layer(X.detach())
        weight = next((w for name, w in layer.describe().parameters if labels.get(name) == "weight"), None)
        if weight is None or not isinstance(answer, Tensor):
            return False
        seen.append((weight, answer))
    (one, first), (other, second) = seen
    return not torch.equal(one, other) and not torch.equal(first.detach(), second.detach())
