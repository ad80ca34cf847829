"""Code that works on the CPU alone is found out without a GPU: the same calls, on an accelerator.

The accelerator is simulated in student processes of its own (`sandbox/inside/accelerator.py`). One has its
tensors there; another keeps them on the CPU and lets code that looks for CUDA by name find it
(`sandbox/inside/named_device.py`). What the simulation itself cannot do is never held against a student: only
a result that lies elsewhere counts, and the errors that a real device raises too.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from torch import Tensor

from . import messages
from .expect import Mismatch, NotWritten, facts, lies_elsewhere
from .sandbox.inside.device import SIMULATED
from .sandbox.trouble import Raised
from .sandbox.warm_parent import ACCELERATOR
from .subject import Module, Reply, Submission

DEVICES = "devices"  # the group of every task that knows of devices

# What a device's own errors say, and what to tell a student who gets one.
_Error = tuple[tuple[str, ...], Callable[[], str]]
_MIXTURES: tuple[_Error, ...] = (
    (("on the same device", "should be the same"), messages.mixed_devices),
    (("device type tensor to numpy",), messages.numpy_of_accelerator),
    (("device type for generator",), messages.generator_elsewhere),
)
_NAMED: _Error = (("CUDA", "NVIDIA", "MPS"), messages.named_device)
# What a device says that has no kernel for an operation or a dtype.
MISSING_ON_A_DEVICE = (
    *("not implemented for", "Unsupported dtype", "Could not run", "not currently implemented for the MPS"),
    *("MPS framework doesn't support", "only supports dimensions whose sizes are powers of two"),
)


@dataclass(frozen=True)
class Machine:
    """A machine with an accelerator, on which a question is asked.

    Attributes:
        beside: the tensors lie on its CPU, and not on the accelerator.
    """

    beside: bool

    def holds(self, name: str) -> str:
        """How a call shows what lies there."""
        return name if self.beside else f'{name}.to("{ACCELERATOR}")'

    @contextmanager
    def asked(self, submission: Submission, call: str) -> Iterator[None]:
        """Questions go there. A device's error is a mismatch; the simulation's own limits pass."""
        errors = _MIXTURES if self.beside else (*_MIXTURES, _NAMED)
        with submission.on(ACCELERATOR, beside=self.beside):
            try:
                yield
            except Raised as raised:
                for phrases, tell in errors:
                    if any(phrase in raised.message for phrase in phrases):
                        sentence = f"{tell()} {messages.said(raised)}"
                        told = messages.on_accelerator(sentence, self.beside)
                        raise Mismatch(call, "device", told) from None
                if not is_of_the_simulation(raised):
                    raise


MACHINES = (Machine(beside=False), Machine(beside=True))


def works_on_the_accelerator(
    submission: Submission,
    name: str,
    *args: Any,
    right: Callable[..., Any] | None = None,
    cotangent: Tensor | None = None,
    **kwargs: Any,
) -> None:
    """A call with tensors on the accelerator has its result, and its gradients, there; so has the CPU beside.

    The same call on the CPU of a machine without one comes first: what fails there has nothing to do with
    devices.

    Args:
        right: the reference; an answer that is far from its own earns nothing here either. None where the
            answer is random.
    """
    value = submission.ask(name, *args, cotangent=cotangent, **kwargs).value
    if value is None:
        raise NotWritten
    call = messages.call(name, args, kwargs)
    if right is not None and not _resembles(value, right(*args, **kwargs)):
        raise Mismatch(call, "values", messages.wrong_on_the_cpu())
    for machine in MACHINES:
        with machine.asked(submission, call):
            reply = submission.ask(name, *args, cotangent=cotangent, **kwargs)
            lies_there(call, reply)


def module_works_on_the_accelerator(
    submission: Submission,
    name: str,
    *args: Any,
    X: Tensor,
    shape: Sequence[int],
    cotangent: Tensor | None = None,
    **kwargs: Any,
) -> None:
    """A module of the student's computes where it has been moved; its result has a `shape`."""
    module = submission.create(name, *args, **kwargs)
    if module is None:
        raise NotWritten
    made = messages.call(name, args, kwargs)
    here = submission.ask(module, X).value if isinstance(module, Module) else None
    if not isinstance(here, Tensor) or tuple(here.shape) != tuple(shape):
        raise Mismatch(f"{MACHINES[0].holds(made)}(X)", "values", messages.wrong_on_the_cpu())
    for machine in MACHINES:
        call = f"{machine.holds(made)}(X)"
        with machine.asked(submission, call):
            module = submission.create(name, *args, **kwargs)
            if isinstance(module, Module):
                lies_there(call, submission.ask(module, X, cotangent=cotangent))


def is_of_the_simulation(error: Raised) -> bool:
    """Whether an error that no device's own is, and that did not come on the CPU, may be the simulation's."""
    return True


def asked_on_a_gpu(group: str, groups: Collection[str]) -> bool:
    """Whether the properties of a group are asked again on a GPU, given all the groups of its task."""
    return DEVICES in groups and group not in (DEVICES, "effort")  # which a GPU would not answer otherwise


def counts_on(device: str, error: Raised) -> bool:
    """Whether an error that comes on a device and not on the CPU is the student's, not the device's own."""
    if any(phrase in error.message for phrase in MISSING_ON_A_DEVICE):
        return False
    phrases = [phrase for several, _ in (*_MIXTURES, _NAMED) for phrase in several]
    a_devices_own = any(phrase in error.message for phrase in phrases)
    return a_devices_own or (error.inside and device != SIMULATED)


def lies_there(call: str, reply: Reply) -> None:
    """Every tensor that came back, and every gradient, lies where it was asked for."""
    gradients = [(f"gradient {n}", found) for n, found in enumerate(reply.gradients or [], 1)]
    for what, tensor in (*_tensors("result", reply.value), *gradients):
        if tensor is not None and lies_elsewhere(tensor):
            raise Mismatch(call, "device", messages.left_behind(what, facts(tensor).device))


def _resembles(value: Any, right: Any) -> bool:
    """Whether an answer is about right: other properties judge it."""
    if isinstance(right, Tensor):
        if not isinstance(value, Tensor) or value.shape != right.shape:
            return False
        scale = float(right.detach().abs().max())
        return bool(((value.detach().double() - right.detach().double()).abs() <= 1e-3 * (1 + scale)).all())
    if isinstance(right, (tuple, list)):
        same = isinstance(value, (tuple, list)) and len(value) == len(right)
        return same and all(map(_resembles, value, right))
    if isinstance(value, Tensor) and value.numel() != 1:
        return False
    return isinstance(value, (float, int, Tensor)) and abs(float(value) - right) <= 1e-3 * (1 + abs(right))


def _tensors(what: str, value: Any) -> Iterator[tuple[str, Tensor]]:
    if isinstance(value, Tensor):
        yield what, value
    elif isinstance(value, Mapping):
        for key, item in value.items():
            yield from _tensors(f"{what}[{key!r}]", item)
    elif isinstance(value, (list, tuple)):
        for place, item in enumerate(value):
            # A loss among the results may be a number of the CPU as well as a tensor.
            if not (isinstance(item, Tensor) and item.dim() == 0):
                yield from _tensors(f"{what}[{place}]", item)
