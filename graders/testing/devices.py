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

from graders.sandbox import warm_parent
from graders.sandbox.errors import Raised
from graders.sandbox.inside.device import SIMULATED

from . import messages
from .expect import Mismatch, NotWritten, facts, lies_elsewhere
from .module import Module
from .own_answers import own_answer, resembles
from .reply import Reply
from .submission import Submission

ACCELERATOR = warm_parent.ACCELERATOR

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


@dataclass(frozen=True)
class Call:
    """One call to ask on an accelerator.

    Attributes:
        cotangent: ask for the gradients of `(result * cotangent).sum()` as well.
        is_random: its numbers are drawn, and compared with nothing.
    """

    args: tuple[Any, ...]
    kwargs: Mapping[str, Any]
    cotangent: Tensor | None = None
    is_random: bool = False


def called(*args: Any, cotangent: Tensor | None = None, is_random: bool = False, **kwargs: Any) -> Call:
    """A `Call` as one would write it."""
    return Call(args, kwargs, cotangent, is_random)


def works_on_the_accelerator(
    submission: Submission, name: str, *calls: Call, right: Callable[..., Any]
) -> None:
    """Results and gradients lie where the tensors do: on the accelerator, or on the CPU beside it.

    Each call is asked on the CPU of a machine without an accelerator first. What fails there has nothing to
    do with devices, and is asked no further; but some call must succeed. An answer that is wrong there must
    be as wrong on the accelerator.

    Args:
        right: the reference.
    """
    expected = [_answer_on_the_cpu(submission, name, call, right) for call in calls]
    # What is drawn tells nothing of whether the answer is one.
    judged = [found for call, found in zip(calls, expected, strict=True) if not call.is_random]
    why_not = [found for found in judged if isinstance(found, Exception)]
    if len(why_not) == len(judged):
        raise why_not[0]
    for call, wanted in zip(calls, expected, strict=True):
        if not isinstance(wanted, Exception):
            _works_there(submission, name, call, wanted)


def _answer_on_the_cpu(submission: Submission, name: str, call: Call, right: Callable[..., Any]) -> Any:
    """What the accelerator must give: what is right, or the student's own answer; or why it is not asked."""
    try:
        value = submission.ask(name, *call.args, cotangent=call.cotangent, **call.kwargs).value
        if value is None:
            return NotWritten()
        if call.is_random:
            return None
        wanted = right(*call.args, **call.kwargs)
        if resembles(value, wanted):
            return wanted
        own = own_answer(submission, name, *call.args, right=wanted, **call.kwargs)
    except (Raised, Mismatch, NotWritten) as error:
        return error
    if own is not None and resembles(value, own):
        return own
    return Mismatch(messages.call(name, call.args, call.kwargs), "values", messages.wrong_on_the_cpu())


def _works_there(submission: Submission, name: str, call: Call, wanted: Any) -> None:
    title = messages.call(name, call.args, call.kwargs)
    for place in PLACES:
        with place.asked(submission, title):
            reply = submission.ask(name, *call.args, cotangent=call.cotangent, **call.kwargs)
            lies_there(title, reply)
            if not call.is_random and not resembles(reply.value, wanted):
                sentence = messages.on_accelerator(messages.other_numbers(), beside=not place.moved)
                raise Mismatch(title, "values", sentence)


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


def _tensors(what: str, value: Any) -> Iterator[tuple[str, Tensor]]:
    if isinstance(value, Tensor):
        if value.dim():  # a number may be one of the CPU as well
            yield what, value
    elif isinstance(value, Mapping):
        for key, item in value.items():
            yield from _tensors(f"{what}[{key!r}]", item)
    elif isinstance(value, (list, tuple)):
        for place, item in enumerate(value):
            yield from _tensors(f"{what}[{place}]", item)
