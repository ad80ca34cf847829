"""Finds code that works only on the CPU without needing a GPU: the same calls on a simulated accelerator.

The accelerator is simulated in separate student processes (`sandbox/inside/accelerator.py`). In one, tensors
are on the accelerator; in another, code that looks for CUDA by name finds it as well
(`sandbox/inside/named_device.py`), and tensors are either there or on the CPU. The limits of the simulation
never count against a student: only a result on the wrong device does, and errors that a real device raises
too.
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

DEVICES = "devices"  # the name of this group, in every task that has one

# Phrases in the errors of devices, and the sentence for a student who gets one.
_Error = tuple[tuple[str, ...], Callable[[], str]]
_MIXTURES: tuple[_Error, ...] = (
    (("on the same device", "should be the same"), messages.mixed_devices),
    (("device type tensor to numpy", "only implemented on CPU tensors"), messages.of_the_cpu_alone),
    (("device type for generator",), messages.generator_elsewhere),
)
_NAMED: _Error = (("CUDA", "NVIDIA", "MPS"), messages.named_device)
# What a device says if it has no kernel for an operation or a dtype.
MISSING_ON_A_DEVICE = (
    *("not implemented for", "Unsupported dtype", "Could not run", "not currently implemented for the MPS"),
    *("MPS framework doesn't support", "only supports dimensions whose sizes are powers of two"),
    "`driver` other than `gels` is not supported",
)


@dataclass(frozen=True)
class Place:
    """Where the tensors of a call are, on a machine with an accelerator.

    Attributes:
        named: whether code that looks for CUDA by name finds the accelerator.
        moved: whether the tensors are on the accelerator rather than on the machine's CPU.
    """

    named: bool
    moved: bool

    @property
    def device(self) -> str:
        """The device's name in torch."""
        return ACCELERATOR if self.moved else "cpu"

    def holds(self, name: str) -> str:
        """How a message writes an object that is there."""
        return f'{name}.to("{ACCELERATOR}")' if self.moved else name

    @contextmanager
    def asked(self, submission: Submission, call: str) -> Iterator[None]:
        """Meanwhile calls run there; a device's error is a mismatch, limits of the simulation are not."""
        errors = _MIXTURES if self.named else (*_MIXTURES, _NAMED)
        with submission.on(ACCELERATOR, named=self.named, moved=self.moved):
            try:
                yield
            except Raised as raised:
                for phrases, tell in errors:
                    if any(phrase in raised.message for phrase in phrases):
                        sentence = f"{tell()}\n{messages.raised_where(raised)}"
                        told = messages.on_accelerator(sentence, beside=not self.moved)
                        raise Mismatch(call, "device", told) from None
                if not is_of_the_simulation(raised):
                    raise


# The last two share a process, so that a tensor cached on one device meets a call on the other.
ACCELERATED = Place(named=False, moved=True)
CUDA, BESIDE_CUDA = Place(named=True, moved=True), Place(named=True, moved=False)
PLACES = (ACCELERATED, CUDA, BESIDE_CUDA)


@dataclass(frozen=True)
class Call:
    """One call to test on an accelerator.

    Attributes:
        cotangent: also compute the gradients of `(result * cotangent).sum()`.
        is_random: the result is drawn at random, so its values aren't compared.
    """

    args: tuple[Any, ...]
    kwargs: Mapping[str, Any]
    cotangent: Tensor | None = None
    is_random: bool = False


def called(*args: Any, cotangent: Tensor | None = None, is_random: bool = False, **kwargs: Any) -> Call:
    """A `Call` with its arguments written like those of an ordinary call."""
    return Call(args, kwargs, cotangent, is_random)


def works_on_the_accelerator(
    submission: Submission, name: str, *calls: Call, right: Callable[..., Any]
) -> None:
    """Check that results and gradients are where the input is: on the accelerator, or on the machine's CPU.

    Each call first runs on a machine without an accelerator. A call that fails there has nothing to do with
    devices and isn't tested further, but some call must succeed. A result that is wrong there must be wrong
    in the same way on the accelerator.

    Args:
        right: the reference.
    """
    expected = [_answer_on_the_cpu(submission, name, call, right) for call in calls]
    # A random result doesn't tell whether it is a real attempt.
    judged = [found for call, found in zip(calls, expected, strict=True) if not call.is_random]
    why_not = [found for found in judged if isinstance(found, Exception)]
    if len(why_not) == len(judged):
        raise why_not[0]
    for call, wanted in zip(calls, expected, strict=True):
        if not isinstance(wanted, Exception):
            _works_there(submission, name, call, wanted)


def _answer_on_the_cpu(submission: Submission, name: str, call: Call, right: Callable[..., Any]) -> Any:
    """The result the accelerator must give (the right one, or the student's own), or why it isn't tested."""
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
    """Check that a student's module works wherever it is moved, again and again; its result has `shape`."""
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
    """Whether an error may be the simulation's: no real device raises it, and it didn't occur on the CPU."""
    return True


def asked_on_a_gpu(group: str, groups: Collection[str]) -> bool:
    """Whether the properties of a group run again on a GPU, given all the groups of its task."""
    # Effort is the same there, and a GPU's only least-squares driver needs a unique solution.
    return DEVICES in groups and group not in (DEVICES, "effort", "undetermined")


def counts_on(device: str, error: Raised) -> bool:
    """Whether an error that occurs on a device but not on the CPU is the student's and not the device's."""
    if any(phrase in error.message for phrase in MISSING_ON_A_DEVICE):
        return False
    phrases = [phrase for several, _ in (*_MIXTURES, _NAMED) for phrase in several]
    a_devices_own = any(phrase in error.message for phrase in phrases)
    return a_devices_own or (error.inside and device != SIMULATED)


def lies_there(call: str, reply: Reply) -> None:
    """Check that every returned tensor and every gradient is on the device of the call."""
    gradients = [(f"gradient {n}", found) for n, found in enumerate(reply.gradients or [], 1)]
    for what, tensor in (*_tensors("result", reply.value), *gradients):
        if tensor is not None and lies_elsewhere(tensor):
            raise Mismatch(call, "device", messages.left_behind(what, facts(tensor).device))


def _tensors(what: str, value: Any) -> Iterator[tuple[str, Tensor]]:
    if isinstance(value, Tensor):
        if value.dim():  # a 0-d tensor is a number, which may be on the CPU
            yield what, value
    elif isinstance(value, Mapping):
        for key, item in value.items():
            yield from _tensors(f"{what}[{key!r}]", item)
    elif isinstance(value, (list, tuple)):
        for place, item in enumerate(value):
            yield from _tensors(f"{what}[{place}]", item)
