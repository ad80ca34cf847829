"""One flaw, one cost: groups that test *how* a result is computed don't test again *what* it is.

A group for dtypes, layouts, side effects, effort or devices varies a plain call: float32, contiguous, on the
CPU. If the plain result is already wrong, another group has lost its points for that, so here the varied
result only has to match the student's own plain result. This applies only to a real attempt: a result of the
right form that depends on every input. Zeros of the right shape earn nothing in any group.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import torch
from torch import Tensor

from . import messages
from .expect import Mismatch, NotWritten, changes_no_setting, compare, left_alone, named
from .module import Module
from .narrowing import real_number, same_tensor
from .reply import Reply
from .submission import Submission


def consistent(
    submission: Submission,
    name: str | Module,
    *args: Any,
    expected: Tensor,
    bound: Tensor,
    dtype: torch.dtype | None = None,
    context: str = "",
    pure: bool = False,
    **kwargs: Any,
) -> Reply:
    """Like `expect.agrees`, but the result may be as wrong as it is in the plain case.

    With `pure`, the call must also leave its arguments and the global settings alone.
    """

    def judge(reply: Reply) -> None:
        shown = named(name, args, kwargs)
        compare(reply.value, expected=expected, bound=bound, dtype=dtype, call=call, shown=shown)

    call = messages.call(name, args, kwargs, context)
    reply = submission.ask(name, *args, return_arguments=pure, **kwargs)
    right_or_as_plain(submission, reply, judge, name, *args, right=expected, dtype=dtype, **kwargs)
    if pure:
        left_alone(reply, named(name, args, kwargs), call=call)
        changes_no_setting(reply, call=call)
    return reply


def consistent_reply(
    submission: Submission, reply: Reply, name: str, *args: Any, expected: Tensor, bound: Tensor
) -> None:
    """Like `consistent`, for a reply that has been received already."""
    call = messages.call(name, args, {})
    right_or_as_plain(
        submission,
        reply,
        lambda reply: compare(reply.value, expected=expected, bound=bound, call=call),
        name,
        *args,
        right=expected,
    )


def right_or_as_plain(
    submission: Submission,
    reply: Reply,
    judge: Callable[[Reply], object],
    name: str | Module,
    *args: Any,
    right: Any,
    dtype: torch.dtype | None = None,
    **kwargs: Any,
) -> None:
    """Check that the reply to a varied call is right, or wrong in the same way as the reply to the plain
    call.

    Args:
        judge: compares the reply with what is right.
        right: the right result, which tells whether the plain one is right.
        dtype: the dtype of every tensor in the result; None accepts any.
    """
    try:
        judge(reply)
    except Mismatch as mismatch:
        if mismatch.aspect not in ("values", "gradient", "type", "shape"):
            raise
        own = own_answer(submission, name, *args, right=right, **kwargs)
        if own is None:
            raise
        if not resembles(reply.value, own):
            raise Mismatch(mismatch.call, "values", messages.other_than_plain()) from None
        for tensor in _tensors(reply.value):
            if dtype is not None and tensor.dim() and tensor.dtype != dtype:
                sentence = messages.wrong_dtype("result", tensor.dtype, dtype)
                raise Mismatch(mismatch.call, "dtype", sentence) from None


def own_answer(submission: Submission, name: str | Module, *args: Any, right: Any, **kwargs: Any) -> Any:
    """The student's result of the plain call if it is wrong; None if it is right.

    Raises:
        Mismatch: it isn't a real attempt: a tensor has the wrong shape, or some input makes no difference.
    """
    args, kwargs = tuple(map(_plain, args)), {key: _plain(value) for key, value in kwargs.items()}
    if isinstance(name, Module):
        name.convert(dtype=torch.float32)
    value = submission.ask(name, *args, **kwargs).value
    if value is None:
        raise NotWritten
    if resembles(value, right):
        return None
    call = messages.call(name, args, kwargs)
    if not _has_the_form_of(right, value):
        raise Mismatch(call, "values", messages.wrong_in_the_plain_case())
    for changed_args, changed_kwargs in _changed_one_by_one(args, kwargs):
        if _identical(submission.ask(name, *changed_args, **changed_kwargs).value, value):
            raise Mismatch(call, "values", messages.wrong_in_the_plain_case())
    return value


def resembles(value: Any, right: Any) -> bool:
    """Whether two results are about the same; exact comparisons are made elsewhere.

    A thousandth of the largest value is some ten thousand roundings of float32, so rounding never makes a
    right result look wrong here. A mistake changes the small integers that properties use by much more.
    """
    if value is None or right is None:
        return value is right
    if isinstance(right, Tensor) and right.dim():
        if not isinstance(value, Tensor) or value.shape != right.shape or value.is_complex():
            return False
        came, wanted = value.detach().double(), right.detach().double()
        scale = float(wanted.abs().max()) if wanted.numel() else 0.0
        return bool(((came - wanted).abs() <= 1e-3 * (1 + scale)).all())
    if isinstance(right, (tuple, list)):
        same = isinstance(value, (tuple, list)) and len(value) == len(right)
        return same and all(map(resembles, value, right))
    got, wanted_number = real_number(value), real_number(right)
    if got is None or wanted_number is None:
        return False
    return abs(got - wanted_number) <= 1e-3 * (1 + abs(wanted_number))


def _plain(value: Any) -> Any:
    return value.detach().float().contiguous().clone() if isinstance(value, Tensor) else value


def _has_the_form_of(right: Any, value: Any) -> bool:
    """Whether the tensors are there; losses that are returned with them belong to another group."""
    if isinstance(right, Tensor) and right.dim():
        return isinstance(value, Tensor) and value.shape == right.shape
    if isinstance(right, (tuple, list)):
        tensors = [place for place, item in enumerate(right) if isinstance(item, Tensor)]
        same = isinstance(value, (tuple, list)) and len(value) == len(right)
        return same and all(_has_the_form_of(right[place], value[place]) for place in tensors)
    return real_number(value) is not None


def _changed_one_by_one(
    args: tuple[Any, ...], kwargs: dict[str, Any]
) -> Iterator[tuple[tuple[Any, ...], dict[str, Any]]]:
    for place, value in enumerate(args):
        if isinstance(value, Tensor):
            yield (*args[:place], _moved(value), *args[place + 1 :]), kwargs
    for key, value in kwargs.items():
        if isinstance(value, Tensor):
            yield args, {**kwargs, key: _moved(value)}


def _moved(value: Tensor) -> Tensor:
    """Other values, in other proportions, so that even a normalised result changes."""
    return 3 * value + 1


def _identical(one: Any, other: Any) -> bool:
    if isinstance(one, (tuple, list)) and isinstance(other, (tuple, list)):
        return len(one) == len(other) and all(map(_identical, one, other))
    if isinstance(one, Tensor) and isinstance(other, Tensor):
        return same_tensor(one, other)
    return type(one) is type(other) and bool(one == other)


def _tensors(value: Any) -> Iterator[Tensor]:
    if isinstance(value, Tensor):
        yield value
    elif isinstance(value, (tuple, list)):
        for item in value:
            yield from _tensors(item)
