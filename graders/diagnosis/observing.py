"""Questions to a submission, and whether two things that were seen are the same behaviour."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace
from typing import Any

import torch
from torch import Tensor

from graders.sandbox.errors import Raised, StudentError
from graders.sandbox.inside.wire import Handle, Opaque
from graders.testing.module import Module
from graders.testing.reply import Reply
from graders.testing.submission import Submission

from .mistakes import Probe

# What an error says that comes from the sandbox or a device, and from no slip.
_OF_THE_MACHINE = ("/dev/urandom", "CUDA")


def of_the_machine(raised: Raised) -> bool:
    """Whether an error tells of the sandbox or of a device: it is never the same as another one."""
    return any(words in raised.message for words in _OF_THE_MACHINE)


def observe(submission: Submission, probe: Probe) -> Any:
    """What a submission shows at one probe: values, or what it raises."""
    try:
        return probe(submission)
    except StudentError as error:
        return error


def no_answer(seen: Any) -> bool:
    """Whether what was seen at a probe is an error, or words for one."""
    words = seen[0] if isinstance(seen, tuple) and seen else seen
    return isinstance(words, (StudentError, str))


def same(one: Any, other: Any) -> bool:
    """Whether two observations are the same behaviour.

    Both come from running a probe: on the student's answer, and on a known one (`other`). The same mistake
    can be written in many ways, so what depends on the writing is ignored, such as rounding and the wording
    of errors. Everything else must match, because a coincidence would give a false diagnosis.
    """
    # Neither effort nor output nor changed settings: they tell how the code is written, not what it computes.
    if isinstance(one, Reply) and isinstance(other, Reply):
        pairs: Iterable[tuple[Any, Any]] = (
            (one.value, other.value),
            (one.arguments, other.arguments),
            (one.gradients, other.gradients),
            (one.parameter_gradients, other.parameter_gradients),
        )
        return all(same(a, b) for a, b in pairs)
    if isinstance(one, Tensor) and isinstance(other, Tensor):
        # A wrong dtype, or a result that is cut off from its graph, is a mistake of its own.
        if one.shape != other.shape or one.dtype != other.dtype:
            return False
        facts = [getattr(tensor, "facts", None) for tensor in (one, other)]
        if facts[0] is not None and facts[1] is not None and facts[0].requires_grad != facts[1].requires_grad:
            return False
        a, b = one.detach().double(), other.detach().double()
        # Probes use small integers wherever possible, so different mistakes give results that are far apart,
        # and 10⁻⁴ of the largest value absorbs rounding and nothing else. It is relative to the largest value
        # and not to each one, because terms that cancel leave an error of the size of the terms. 10⁻¹² is for
        # results that are zero everywhere.
        finite = b[b.isfinite()]
        scale = float(finite.abs().max()) if finite.numel() else 0.0
        return torch.allclose(a, b, rtol=0, atol=1e-4 * scale + 1e-12, equal_nan=True)
    # A float is a loss or a rate, whose terms have one sign: nothing cancels, and 10⁻⁵ of the value is eighty
    # times the machine epsilon of float32. The last line lets NaN equal NaN.
    if isinstance(one, float) and isinstance(other, float):
        return (
            one == other
            or abs(one - other) <= 1e-5 * max(abs(one), abs(other))
            or (one != one and other != other)
        )
    # The message and the line of an error depend on how the code is written; its class is part of the
    # mistake.
    # The message and the line of an error depend on how the code is written; its class is part of the
    # mistake.
    if isinstance(one, Raised) and isinstance(other, Raised):
        return one.type == other.type and not of_the_machine(one) and not of_the_machine(other)
    if isinstance(one, (list, tuple)) and isinstance(other, (list, tuple)):
        return type(one) is type(other) and len(one) == len(other) and all(map(same, one, other))
    if isinstance(one, dict) and isinstance(other, dict):
        return list(one) == list(other) and all(same(one[key], other[key]) for key in one)
    # Objects stay in their processes, so all that can be compared is that both are objects.
    if isinstance(one, (Handle, Opaque, Module)) and isinstance(other, (Handle, Opaque, Module)):
        return type(one) is type(other)
    return type(one) is type(other) and bool(one == other)


def plain(reply: Reply) -> Reply:
    """A reply without what the contract leaves open or what does not matter for the cause."""
    value = reply.value
    if isinstance(value, Opaque):
        value = f"a {value.type}"
    if isinstance(value, list):
        value = ("list", _numbers(value))
    return replace(reply, value=value, effort=(0, 0), changed_state=[], printed="")


def _numbers(tree: Any) -> Any:
    """Nested lists with every tensor of one element as the number in it."""
    if isinstance(tree, list):
        return [_numbers(item) for item in tree]
    return float(tree) if isinstance(tree, Tensor) and tree.dim() == 0 else tree


def calls(name: str, *args: Any, **kwargs: Any) -> Probe:
    """What a function of the exercise answers to one call, its tensors after the call included."""

    def probe(submission: Submission) -> Any:
        return plain(submission.ask(name, *args, return_arguments=True, **kwargs))

    return probe


def value_of(name: str, *args: Any, **kwargs: Any) -> Probe:
    """The plain value of one call."""
    return lambda submission: plain(submission.ask(name, *args, **kwargs)).value


# What torch says of `if tensor:`.
TRUTH = "Boolean value of Tensor"


def telling(probe: Probe, *phrases: str | tuple[str, ...]) -> Probe:
    """The same probe, but an error counts by the one of `phrases` that its message has, if any.

    A tuple of phrases is one thing said in several ways.
    """
    several = [(phrase,) if isinstance(phrase, str) else phrase for phrase in phrases]

    def asked(submission: Submission) -> Any:
        try:
            return probe(submission)
        except Raised as raised:
            if of_the_machine(raised):
                raise
            about = next((ways[0] for ways in several if any(way in raised.message for way in ways)), "")
            return ("raised", raised.type, about)

    return asked


def settled(probe: Probe) -> Probe:
    """The same probe, but no result is no result: whether it is an error, of which kind, or an empty tensor
    depends on how the same slip was written down.
    """

    def asked(submission: Submission) -> Any:
        try:
            seen = probe(submission)
        except Raised as raised:
            if of_the_machine(raised):
                raise
            if TRUTH in raised.message:
                return "a tensor was asked whether it is true"
            if raised.type in ("RuntimeError", "ValueError", "IndexError"):
                return "no result"
            raise
        value = seen.value if isinstance(seen, Reply) else seen
        return "no result" if isinstance(value, Tensor) and not value.numel() else seen

    return asked


def counted(function: Callable[..., Any]) -> Callable[..., Any]:
    """The same function, with its Python steps counted as those of a student are."""
    function.__code__ = function.__code__.replace(co_filename="<misconception>")
    return function


def effort(name: str, right: Callable[..., Any], *questions: tuple[Tensor, Tensor]) -> Probe:
    """Whether tensor operations and Python steps grow from question to question, if the answers are right.

    If they are not, the effort says nothing of the cause.
    """

    def probe(submission: Submission) -> Any:
        efforts = []
        for X, K in questions:
            reply = submission.ask(name, X, K, effort=True)
            wanted = right(X, K)
            if not isinstance(reply.value, Tensor) or not same(reply.value.detach().clone(), wanted):
                return "not right"
            efforts.append(reply.effort)
        # By the measure of the properties.
        return tuple(max(counts) > min(counts) + 4 for counts in zip(*efforts, strict=True))

    return settled(probe)
