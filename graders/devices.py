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
from .narrowing import real_number
from .sandbox.inside.device import SIMULATED
from .sandbox.trouble import Raised
from .sandbox.warm_parent import ACCELERATOR
from .subject import Module, Reply, Submission

DEVICES = "devices"  # the group of every task that knows of devices

# What a device's own errors say, and what to tell a student who gets one.
_Error = tuple[tuple[str, ...], Callable[[], str]]
_MIXTURES: tuple[_Error, ...] = (
    (("on the same device", "should be the same"), messages.mixed_devices),
    (("device type tensor to numpy", "only implemented on CPU tensors"), messages.of_the_cpu_alone),
    (("device type for generator",), messages.generator_elsewhere),
)
_NAMED: _Error = (("CUDA", "NVIDIA", "MPS"), messages.named_device)
# What a device says that has no kernel for an operation or a dtype.
MISSING_ON_A_DEVICE = (
    *("not implemented for", "Unsupported dtype", "Could not run", "not currently implemented for the MPS"),
    *("MPS framework doesn't support", "only supports dimensions whose sizes are powers of two"),
    "`driver` other than `gels` is not supported",
)


@dataclass(frozen=True)
class Place:
    """Where the tensors of a question lie, on a machine with an accelerator.

    Attributes:
        named: code that looks for CUDA by name finds the accelerator.
        moved: they lie on the accelerator, and not on the CPU beside it.
    """

    named: bool
    moved: bool

    @property
    def device(self) -> str:
        """The device, as torch calls it."""
        return ACCELERATOR if self.moved else "cpu"

    def holds(self, name: str) -> str:
        """How a call shows what lies there."""
        return f'{name}.to("{ACCELERATOR}")' if self.moved else name

    @contextmanager
    def asked(self, submission: Submission, call: str) -> Iterator[None]:
        """Questions go there. A device's error is a mismatch; the simulation's own limits pass."""
        errors = _MIXTURES if self.named else (*_MIXTURES, _NAMED)
        with submission.on(ACCELERATOR, named=self.named, moved=self.moved):
            try:
                yield
            except Raised as raised:
                for phrases, tell in errors:
                    if any(phrase in raised.message for phrase in phrases):
                        sentence = f"{tell()}\n{messages.said(raised)}"
                        told = messages.on_accelerator(sentence, beside=not self.moved)
                        raise Mismatch(call, "device", told) from None
                if not is_of_the_simulation(raised):
                    raise


# The last two are one process, so that what is kept there meets the same call elsewhere.
ACCELERATED = Place(named=False, moved=True)
CUDA, BESIDE_CUDA = Place(named=True, moved=True), Place(named=True, moved=False)
PLACES = (ACCELERATED, CUDA, BESIDE_CUDA)


def works_on_the_accelerator(
    submission: Submission,
    name: str,
    *args: Any,
    right: Callable[..., Any] | None = None,
    cotangent: Tensor | None = None,
    **kwargs: Any,
) -> None:
    """A call's result and gradients lie where its tensors do: on the accelerator, or on the CPU beside it.

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
    expected = None if right is None else right(*args, **kwargs)
    if right is not None and not _resembles(value, expected):
        raise Mismatch(call, "values", messages.wrong_on_the_cpu())
    for place in PLACES:
        with place.asked(submission, call):
            reply = submission.ask(name, *args, cotangent=cotangent, **kwargs)
            lies_there(call, reply)
            if right is not None and not _resembles(reply.value, expected):
                sentence = messages.on_accelerator(messages.other_numbers(), beside=not place.moved)
                raise Mismatch(call, "values", sentence)


def module_works_on_the_accelerator(
    submission: Submission,
    name: str,
    *args: Any,
    X: Tensor,
    shape: Sequence[int],
    cotangent: Tensor | None = None,
    **kwargs: Any,
) -> None:
    """A module of the student's computes wherever it is moved, time and again; its result has a `shape`."""
    module = submission.create(name, *args, **kwargs)
    if module is None:
        raise NotWritten
    made = messages.call(name, args, kwargs)
    here = submission.ask(module, X).value if isinstance(module, Module) else None
    if not isinstance(here, Tensor) or tuple(here.shape) != tuple(shape):
        raise Mismatch(f"{ACCELERATED.holds(made)}(X)", "values", messages.wrong_on_the_cpu())
    modules: dict[Place, Any] = {}
    for place in PLACES:
        call = f"{place.holds(made)}(X)"
        with place.asked(submission, call):
            modules[place] = module = submission.create(name, *args, **kwargs)
            if isinstance(module, Module):
                lies_there(call, submission.ask(module, X, cotangent=cotangent))
    for here, there in ((CUDA, BESIDE_CUDA), (BESIDE_CUDA, CUDA)):
        call, module = f'{here.holds(made)}.to("{there.device}")(X)', modules.get(here)
        with there.asked(submission, call):
            if isinstance(module, Module):
                module.convert(device=there.device)
                lies_there(call, submission.ask(module, X))


def is_of_the_simulation(error: Raised) -> bool:
    """Whether an error that no device's own is, and that did not come on the CPU, may be the simulation's."""
    return True


def asked_on_a_gpu(group: str, groups: Collection[str]) -> bool:
    """Whether the properties of a group are asked again on a GPU, given all the groups of its task."""
    # Effort is the same there, and a GPU's only least-squares driver wants a solution that is determined.
    return DEVICES in groups and group not in (DEVICES, "effort", "undetermined")


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
        if not isinstance(value, Tensor) or value.shape != right.shape or value.is_complex():
            return False
        scale = float(right.detach().abs().max())
        return bool(((value.detach().double() - right.detach().double()).abs() <= 1e-3 * (1 + scale)).all())
    if isinstance(right, (tuple, list)):
        same = isinstance(value, (tuple, list)) and len(value) == len(right)
        return same and all(map(_resembles, value, right))
    number = real_number(value)
    return number is not None and abs(number - right) <= 1e-3 * (1 + abs(right))


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
