"""Take autograd away from a process, for tasks whose gradients are to be written out.

Every kernel that records an operation, for a backward pass or in forward mode, is passed over. So no graph
comes to be, in any thread, by any name and in function transforms too, and there is nothing that could be
walked back. Operations compute what they always do; a loop written by hand notices nothing.

Source: https://docs.pytorch.org/docs/stable/library.html (`fallthrough_kernel`)
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NoReturn

import torch
from torch.autograd import forward_ad

from .by_hand import ForbiddenCall, replace_for_good

_KEYS = ("Autograd", "AutogradCPU", "AutogradCUDA", "AutogradMPS", "AutogradPrivateUse1")
# Who asks for a derivative is told why there is none; it is the kernels that make sure.
_ASKED = (
    *((torch.autograd, name) for name in ("backward", "grad")),
    *((torch.func, name) for name in ("grad", "grad_and_value", "vjp", "jvp", "jacrev", "jacfwd")),
    *((torch.func, name) for name in ("hessian", "linearize")),
    (forward_ad, "make_dual"),
)


def take_away() -> None:
    """From here on nothing in this process is differentiated; there is no way back."""
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
