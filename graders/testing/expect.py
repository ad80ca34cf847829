"""One helper for each kind of expectation; each says what was called, what came and what was expected.

A comparison goes from the coarse to the fine and stops at the first difference: type, shape, dtype, device,
NaN and infinity, values.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor

from graders.sandbox.errors import Raised, TimedOut
from graders.sandbox.inside.wire import Handle, Opaque, TensorFacts

from . import messages
from .module import Module
from .narrowing import real_number, same_tensor
from .reply import Reply
from .signatures import labels
from .submission import Submission


class GraderError(Exception):
    """The judge contradicts itself: never the student's fault."""


@dataclass(eq=False)
class Mismatch(AssertionError):
    """A wrong answer, as data: drawn as text or HTML elsewhere.

    Attributes:
        call: the call, small enough to read.
        aspect: `type`, `shape`, `dtype`, `device`, `values`, `gradient`, `changed input`, `state`, …
        sentence: what is wrong, in one plain sentence.
        tensors: the small case: inputs, `got` and `expected`.
        expected: the rest of that sentence, which gives away a value that was expected: `it should be 3`.
    """

    call: str
    aspect: str
    sentence: str
    tensors: dict[str, Tensor] = field(default_factory=dict)
    expected: str = ""

    def __str__(self) -> str:
        return f"{self.call}: {messages.whole(self.sentence, self.expected)}"


class NotWritten(Exception):
    """The task returned None, as a function does whose body is still to be written."""


def agrees(
    submission: Submission,
    name: str | Module,
    *args: Any,
    expected: Tensor,
    bound: Tensor,
    dtype: torch.dtype | None = None,
    context: str = "",
    **kwargs: Any,
) -> Reply:
    """Ask for `name(*args, **kwargs)` and compare the tensor that comes back.

    Args:
        submission: who is asked.
        name: a function of the exercise, or a module that `submission.create` returned.
        args: positional arguments; keyword arguments follow as they are.
        expected: the right result, float64 (or integer).
        bound: how far each element may be off.
        dtype: the dtype the result must have; None leaves it open.
        context: what happened before the call, such as the construction of the module.
    """
    reply = submission.ask(name, *args, **kwargs)
    call = messages.call(name, args, kwargs, context)
    compare(
        reply.value, expected=expected, bound=bound, dtype=dtype, call=call, shown=named(name, args, kwargs)
    )
    return reply


def affordable(
    submission: Submission, name: str, cases: Sequence[Sequence[Any]], *, seconds: float
) -> list[Reply]:
    """Calls on many tensors take little CPU time, whatever they count as effort; returns the replies.

    The time is the process's, measured from outside, so no code in it can make it look shorter. It is one
    budget for all calls. No two cases are alike, so nothing is gained by remembering a result. Each fits the
    caches of a core: on one huge tensor most of an honest answer's time goes to page faults and memory, which
    a crowded machine makes dearer, and a loop's does not. There is no second try, for which a loop could
    remember the results of the first.

    Args:
        submission: who is asked.
        name: a function of the exercise.
        cases: the arguments of each call.
        seconds: of CPU time for all of them.
    """
    until = submission.cpu_seconds() + seconds
    replies = []
    for args in cases:
        late = Mismatch(
            messages.call(name, args, {}),
            "effort",
            messages.unaffordable(len(cases), args[0].shape, seconds),
        )
        try:
            replies.append(submission.ask(name, *args, within=until - submission.cpu_seconds()))
        except TimedOut as error:
            if error.clock != "CPU" or submission.lost is not None:
                raise
            raise late from None
        if submission.cpu_seconds() >= until:  # a call may end before anybody looks at the clock
            raise late
    return replies


def compare(
    got: Any,
    *,
    expected: Tensor,
    bound: Tensor,
    call: str,
    dtype: torch.dtype | None = None,
    shown: Mapping[str, Tensor] | None = None,
    what: str = "result",
) -> None:
    """Compare one value with a tensor; raises `Mismatch` at the first difference.

    `what` names the value in the sentence: `result`, `gradient with respect to K`, `weight after the step`.
    """
    aspect = "gradient" if "gradient" in what else "values"
    tensors = dict(shown or {})
    if got is None and what == "result":
        raise NotWritten
    if not isinstance(got, Tensor):
        raise Mismatch(call, "type", messages.not_a_tensor(what, _type_name(got)), tensors)
    tensors |= {"got": got, "expected": expected}
    if got.shape != expected.shape:
        raise Mismatch(call, "shape", messages.wrong_shape(what, got.shape, expected.shape), tensors)
    if dtype is not None and got.dtype != dtype:
        raise Mismatch(call, "dtype", messages.wrong_dtype(what, got.dtype, dtype), tensors)
    if got.dtype.is_complex:
        raise Mismatch(call, "dtype", messages.wrong_dtype(what, got.dtype, expected.dtype), tensors)
    if lies_elsewhere(got):
        sentence = messages.wrong_device(what, facts(got).device, _asked_on(got))
        raise Mismatch(call, "device", sentence, tensors)
    came, right = got.double(), expected.double()
    strange = ~came.isfinite()
    if bool((strange != ~right.isfinite()).any()):
        raise Mismatch(call, aspect, messages.not_finite(what, int(strange.sum())), tensors)
    off = ~((came - right).abs() <= bound) & ~(came == right)
    if bool(off.any()):
        raise Mismatch(call, aspect, messages.wrong_values(what, int(off.sum()), off.numel()), tensors)


def lies_elsewhere(tensor: Tensor) -> bool:
    """Whether a tensor that came back lay on another device than it was asked for."""
    return facts(tensor).device.partition(":")[0] != _asked_on(tensor)


def _asked_on(tensor: Tensor) -> str:
    return getattr(tensor, "asked_on", "cpu")


def gradients_agree(
    submission: Submission,
    name: str | Module,
    *args: Any,
    cotangent: Tensor,
    expected: Mapping[str, Tensor],
    bounds: Mapping[str, Tensor],
    context: str = "",
    **kwargs: Any,
) -> Reply:
    """Ask for the gradients of `(result * cotangent).sum()`.

    `expected` and `bounds` go by name: first every tensor argument that requires grad, in order, under a name
    for people (`X`, `K`); then, for a module, every parameter under its own name.
    """
    reply = submission.ask(name, *args, cotangent=cotangent, **kwargs)
    call = messages.call(name, args, kwargs, context)
    shown = {**named(name, args, kwargs), "upstream": cotangent}
    if reply.value is None:
        raise NotWritten
    if reply.gradients is None:
        if isinstance(reply.value, Tensor) and reply.value.shape != cotangent.shape:
            sentence = messages.wrong_shape("result", reply.value.shape, cotangent.shape)
            raise Mismatch(call, "shape", sentence, shown)
        raise Mismatch(call, "gradient", messages.no_gradient(), shown)
    names = list(expected)
    count = len(reply.gradients)
    came = dict(zip(names[:count], reply.gradients, strict=False)) | reply.parameter_gradients
    for label, right in expected.items():
        got = came.get(label)
        if got is None:
            raise Mismatch(call, "gradient", messages.no_gradient(label), shown)
        what = f"gradient with respect to {label}"
        compare(got, expected=right, bound=bounds[label], call=call, shown=shown, what=what)
    return reply


def leaves_all_alone(submission: Submission, name: str | Module, *args: Any, **kwargs: Any) -> None:
    """The call changes none of its tensor arguments, which are float64, and no global state.

    Whoever has no answer in float64 is asked in float32: that is another group's matter.
    """
    try:
        reply = submission.ask(name, *args, return_arguments=True, **kwargs)
    except Raised:
        args = tuple(value.float() if isinstance(value, Tensor) else value for value in args)
        kwargs = {key: value.float() if isinstance(value, Tensor) else value for key, value in kwargs.items()}
        reply = submission.ask(name, *args, return_arguments=True, **kwargs)
    if reply.value is None:
        raise NotWritten
    call = messages.call(name, args, kwargs)
    left_alone(reply, named(name, args, kwargs), call=call)
    changes_no_setting(reply, call=call)


def left_alone(reply: Reply, sent: Mapping[str, Tensor], *, call: str) -> None:
    """The arguments, which were asked for, are as they were sent; none has got a gradient or requires one."""
    for (label, before), after, mark in zip(sent.items(), reply.arguments, reply.marks, strict=True):
        shown = {f"{label} before": before, f"{label} after": after}
        if not same_tensor(after, before.detach()):
            raise Mismatch(call, "changed input", messages.changed_input(label), shown)
        that(not mark, call=call, aspect="changed input", sentence=messages.marked_input(label, mark))


def repeats(submission: Submission, name: str | Module, *args: Any, **kwargs: Any) -> None:
    """Two equal calls have equal results; they change neither their arguments nor any global state."""
    first = submission.ask(name, *args, return_arguments=isinstance(name, str), **kwargs)
    second = submission.ask(name, *args, **kwargs)
    without_grad = submission.ask(name, *args, no_grad=True, **kwargs)
    call = messages.call(name, args, kwargs)
    if first.value is None:
        raise NotWritten
    if not isinstance(first.value, Tensor) or not isinstance(second.value, Tensor):
        raise Mismatch(call, "type", messages.not_a_tensor("result", _type_name(first.value)))
    if not same_tensor(first.value, second.value):
        shown = {"first call": first.value, "second call": second.value}
        raise Mismatch(call, "repeated call", messages.not_repeated(), shown)
    if isinstance(name, str):
        left_alone(first, named(name, args, kwargs), call=call)
    for reply in (first, without_grad):
        changes_no_setting(reply, call=call)


def changes_no_setting(reply: Reply, *, call: str) -> None:
    """The settings of the whole program are as they were before the call."""
    changed = reply.changed_state
    that(not changed, call=call, aspect="state", sentence=messages.changed_state(changed))


def answers(submission: Submission, name: str, *args: Any, **kwargs: Any) -> None:
    """A call that has a result comes back with something, right or wrong: not every input is refused."""
    if submission.ask(name, *args, **kwargs).value is None:
        raise NotWritten


def refuses(
    submission: Submission, name: str, *args: Any, naming: Sequence[object], context: str = "", **kwargs: Any
) -> None:
    """The call raises ValueError, with a message that names at least one of `naming`.

    A shape `(2, 3)` is named by its text, with or without spaces, or by all of its numbers.
    """
    call = messages.call(name, args, kwargs, context)
    try:
        answer = submission.ask(name, *args, **kwargs).value
    except Raised as raised:
        if raised.is_a("NotImplementedError"):
            raise
        if not raised.is_a("ValueError"):
            raise Mismatch(call, "error", messages.wrong_error(raised.type, raised.message)) from None
        if not any(_names(raised.message, item) for item in naming):
            raise Mismatch(call, "error", messages.unclear_error(raised.message, naming)) from None
        return
    raise Mismatch(call, "error", messages.no_error(_shown_in_short(answer)))


def written_out(name: str) -> Callable[[Callable[[Submission], None]], Callable[[Submission], None]]:
    """Mark a property of the task `name` whose questions are put where nothing can be differentiated."""

    def mark(test: Callable[[Submission], None]) -> Callable[[Submission], None]:
        @functools.wraps(test)
        def without_autograd(submission: Submission) -> None:
            try:
                with submission.without_autograd():
                    test(submission)
            except Raised as raised:
                if not raised.is_a("ForbiddenCall"):
                    raise
                raise Mismatch(f"{name}(grad_Y, …)", "by hand", messages.autograd_used()) from None

        return without_autograd

    return mark


def number(
    got: Any,
    expected: float,
    *,
    call: str,
    tolerance: float = 0.0,
    what: str = "result",
    may_carry_a_graph: bool = False,
) -> float:
    """A number of any make within `tolerance` of `expected`; returns it.

    A Python number, a NumPy scalar (which comes over the wire as a Python number) or a 0-d tensor without a
    graph; a truth value is none of them. The graph may be another group's matter.
    """
    if got is None and what == "result":
        raise NotWritten
    value = real_number(got)
    if value is None:
        raise _not_plain(call, "type", what, got, expected)
    if not abs(value - expected) <= tolerance:
        raise _not_plain(call, "values", what, value, expected)
    if not may_carry_a_graph and isinstance(got, Tensor) and carries_a_graph(got):
        raise Mismatch(call, "type", messages.graph_kept(what))
    return float(value)


def carries_a_graph(tensor: Tensor) -> bool:
    """Whether a tensor that came back is part of a graph, or would begin one."""
    about = facts(tensor)
    return about.has_grad_fn or about.requires_grad


def _not_plain(call: str, aspect: str, what: str, got: Any, expected: object) -> Mismatch:
    sentence = messages.wrong_plain(what, in_words(got))
    return Mismatch(call, aspect, sentence, expected=messages.should_be(expected))


def that(
    condition: bool, *, call: str, aspect: str, sentence: str, expected: str = "", **tensors: Tensor
) -> None:
    """A condition that none of the other helpers is about.

    `sentence` says what is wrong; whatever gives a value away that was expected stands in `expected`.
    """
    if not condition:
        raise Mismatch(call, aspect, sentence, dict(tensors), expected)


def references_agree(ours: Tensor, torchs: Tensor, bound: Tensor) -> None:
    """The reference and torch agree, or nobody is judged by either.

    Raises:
        GraderError: they do not.
    """
    if ours.shape != torchs.shape or not bool(((ours.double() - torchs.double()).abs() <= bound).all()):
        raise GraderError("the reference solution and torch disagree")


def facts(tensor: Tensor) -> TensorFacts:
    """What the student process said of a tensor besides its numbers."""
    return getattr(tensor, "facts", None) or TensorFacts()


def named(name: Any, args: Sequence[Any], kwargs: Mapping[str, Any]) -> dict[str, Tensor]:
    """The tensors among the arguments under the names of the contract."""
    every = {**dict(zip(labels(name, len(args)), args, strict=True)), **kwargs}
    return {label: value for label, value in every.items() if isinstance(value, Tensor)}


def _names(message: str, item: object) -> bool:
    plain = message.replace(" ", "")
    if str(item).replace(" ", "") in plain:
        return True
    numbers = item if isinstance(item, (tuple, list)) else [item]
    return bool(numbers) and all(str(number) in plain for number in numbers)


def _type_name(value: Any) -> str:
    if isinstance(value, (Opaque, Handle, Module)):
        return value.type
    return type(value).__name__


def in_words(value: Any) -> object:
    """A value that prints as its student knows it: an object of theirs by the name of its type."""
    if isinstance(value, (list, tuple)):
        return type(value)(in_words(item) for item in value)
    if isinstance(value, dict):
        return {key: in_words(item) for key, item in value.items()}
    return _Theirs(value.type) if isinstance(value, (Opaque, Handle, Module)) else value


def _shown_in_short(value: Any) -> str:
    if isinstance(value, Tensor):
        return f"a tensor of shape {messages.shape(value.shape)}"
    return repr(in_words(value))[:80]


@dataclass(frozen=True)
class _Theirs:
    type: str

    def __repr__(self) -> str:
        return f"an object of type {self.type}"
