"""Lets student code that looks for an accelerator by name find the simulated one, whatever name it uses.

On a machine with a GPU, `torch.cuda.is_available()` is true and `X.cuda()` works. Code that uses the GPU
whenever there is one, instead of the input's device, is right on every machine except such a one, so a
separate process imitates it. Only the student's files get these answers: torch itself asks too, and would
start a driver.

Source: https://docs.pytorch.org/docs/stable/notes/extending.html (`TorchFunctionMode`).
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Container
from typing import Any

import torch
from torch.overrides import TorchFunctionMode

from .accelerator import NAME

_NAMES = ("cuda", "mps")
# What code asks next when it has found a GPU.
_ANSWERS: dict[Any, dict[str, Any]] = {
    torch.cuda: {
        "is_available": True,
        "device_count": 1,
        "current_device": 0,
        "get_device_name": "simulated",
        "synchronize": None,
        "set_device": None,
    },
    torch.backends.mps: {"is_available": True},
    torch.mps: {"device_count": 1, "synchronize": None, "empty_cache": None},
}


class Renamed(TorchFunctionMode):
    """Within this mode, `cuda` and `mps` are names of the simulated device."""

    def __torch_function__(
        self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        """Run `func` with the simulated device instead of the one that is named."""
        if func is torch.Tensor.cuda:
            return args[0].to(NAME)
        named = {**(kwargs or {})}
        if "device" in named:
            named["device"] = _renamed(named["device"])
        return func(*map(_renamed, args), **named)


def _renamed(value: Any) -> Any:
    if isinstance(value, torch.device):
        return torch.device(NAME) if value.type in _NAMES else value
    return NAME if isinstance(value, str) and value.partition(":")[0] in _NAMES else value


def pretend(files: Container[str]) -> None:
    """From now on, the code in `files` finds an accelerator under every name and can use it."""
    for place, answers in _ANSWERS.items():
        for name, answer in answers.items():
            setattr(place, name, _answering(getattr(place, name), answer, files))
    Renamed().__enter__()  # type: ignore[no-untyped-call]


def _answering(usual: Callable[..., Any], answer: Any, files: Container[str]) -> Callable[..., Any]:
    def answering(*args: Any, **kwargs: Any) -> Any:
        asked_by = sys._getframe(1).f_code.co_filename
        return answer if asked_by in files else usual(*args, **kwargs)

    return answering
