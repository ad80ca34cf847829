"""Removes autograd from a process, for tasks whose gradients have to be written out.

Every kernel that records an operation, for a backward pass or in forward mode, becomes a fallthrough. So no
graph is ever built, in any thread, under any name, or in function transforms, and there is nothing to
differentiate. Operations still compute the same values, so code that doesn't use autograd isn't affected.

Source: https://docs.pytorch.org/docs/stable/library.html (`fallthrough_kernel`)
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NoReturn

import torch
from torch.autograd import forward_ad

from .by_hand import ForbiddenCall, replace_for_good

_KEYS = ("Autograd", "AutogradCPU", "AutogradCUDA", "AutogradMPS", "AutogradPrivateUse1")
# Functions that compute derivatives explain why there are none; the replaced kernels are what enforces it.
_ASKED = (
    *((torch.autograd, name) for name in ("backward", "grad")),
    *((torch.func, name) for name in ("grad", "grad_and_value", "vjp", "jvp", "jacrev", "jacfwd")),
    *((torch.func, name) for name in ("hessian", "linearize")),
    (forward_ad, "make_dual"),
)


def take_away() -> None:
    """From now on, nothing in this process can be differentiated; this can't be undone."""
    for place, name in _ASKED:
        setattr(place, name, _refusal(name))
    replace_for_good(
        (*_parts(full), key, torch.library.fallthrough_kernel)
        for key in _KEYS
        for full in torch._C._dispatch_get_registrations_for_dispatch_key(key)
        if torch._C._dispatch_has_kernel_for_dispatch_key(full, key)
    )


def _parts(full: str) -> tuple[str, str]:
    namespace, _, name = full.partition("::")
    return namespace, name


def _refusal(name: str) -> Callable[..., NoReturn]:
    def refuse(*_args: object, **_kwargs: object) -> NoReturn:
        raise ForbiddenCall(f"write this task out, without autograd ({name})")

    return refuse
