"""What a grader can pass to a student's function: torch's own modules, streams of batches, recorders."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import torch
from torch import nn

from .wire import Build, ClassOf, Handle, Stream, WireError


class Recorder(nn.Module):
    """Returns its input and records each call: grad mode, training mode, device, dtype, shape."""

    def __init__(self) -> None:
        super().__init__()
        self.calls: list[dict[str, Any]] = []

    def forward(self, X: torch.Tensor) -> torch.Tensor:
        self.calls.append(
            {
                "grad_enabled": torch.is_grad_enabled(),
                "training": self.training,
                "device": str(X.device),
                "dtype": X.dtype,
                "shape": tuple(X.shape),
            }
        )
        return X


class Batches:
    """An iterable of batches that can be iterated over repeatedly; it counts how often that happens."""

    def __init__(self, items: tuple[Any, ...]) -> None:
        self.items = items
        self.passes = 0

    def __iter__(self) -> Iterator[Any]:
        self.passes += 1
        return iter(self.items)


_OWN: dict[str, Any] = {"Recorder": Recorder}


def resolve(request: Handle | Build | ClassOf | Stream, objects: dict[int, Any]) -> Any:
    """The object in this process that a grader's request stands for."""
    if isinstance(request, Handle):
        if request.id not in objects:
            raise WireError(f"no object {request.id}")
        return objects[request.id]
    if isinstance(request, Stream):
        return Batches(request.items)
    cls = _OWN.get(request.name) or getattr(nn, request.name)
    if isinstance(request, ClassOf):
        return type(f"Given{request.name}", (cls,), {}) if request.spy else cls
    return cls(*request.args, **request.kwargs)
