"""The properties of a task that follow from its facts."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import hypothesis.strategies as st
import torch
from hypothesis import given as drawn
from torch import Tensor

from .devices import called, works_on_the_accelerator
from .expect import gradients_agree, leaves_all_alone, repeats
from .operation import Operation, given
from .own_answers import consistent
from .strategies import HALVES, LAYOUTS, VALUES, Values, seeds, tensor
from .submission import Submission
from .together import each_agrees

Test = Callable[..., None]


def of_values(op: Operation) -> Iterator[Test]:
    """Results in float32: of every kind, of every size and setting, at random, with defaults left out."""

    def test_values_of_every_kind(submission: Submission) -> None:
        each_agrees(submission, op.task, op.kinds)

    def test_every_size_and_setting(submission: Submission) -> None:
        each_agrees(submission, op.task, op.sweep)

    @drawn(place=st.integers(0, len(op.rows) - 1), values=st.sampled_from(VALUES), seed=seeds())
    def test_random_questions(submission: Submission, place: int, values: Values, seed: int) -> None:
        row = op.rows[place]
        each_agrees(
            submission, op.task, [op.agreed(op.case(row, op.tensors(row, seed, values=values), seed))]
        )

    yield from (test_values_of_every_kind, test_every_size_and_setting, test_random_questions)


def of_gradients(op: Operation) -> Iterator[Test]:
    """Autograd reaches every tensor, for an upstream gradient that is not all ones, and past zeros."""

    def test_gradients_for_a_random_upstream(submission: Submission) -> None:
        for one in op.pulls:
            expected: dict[str, Any] = {"expected": one.expected, "bounds": one.bounds}
            gradients_agree(submission, op.task, *one.args, cotangent=one.upstream, **expected, **one.kwargs)

    yield test_gradients_for_a_random_upstream


def of_dtypes(op: Operation) -> Iterator[Test]:
    """The result has the result type of all tensors, and the precision of the coarsest."""

    def test_the_result_type_of_all_arguments(submission: Submission) -> None:
        one, two = torch.float32, torch.float64
        count = len(op.shapes(**op.typical))
        mixtures = [(two,) * count, (one,) * count]
        for place in range(count if count > 1 else 0):
            for kind, others in ((two, one), (one, two), (torch.int64, one))[: 3 if place else 2]:
                mixtures.append(tuple(kind if place == n else others for n in range(count)))
        mixtures += [(half,) * count for half in (HALVES if submission.device else ())]
        for seed, dtypes in enumerate(mixtures):
            tensors = [
                _of_dtype(plain, dtype)
                for plain, dtype in zip(op.tensors(op.typical, seed, values="normal"), dtypes, strict=True)
            ]
            _consistent(op, submission, tensors, seed, dtype=_result_type(tensors))

    yield test_the_result_type_of_all_arguments


def of_layouts(op: Operation) -> Iterator[Test]:
    """Views are ordinary inputs."""

    def test_views_are_ordinary_inputs(submission: Submission) -> None:
        for seed, layout in enumerate(LAYOUTS):
            _consistent(op, submission, op.tensors(op.typical, seed, layout=layout), seed)

    yield test_views_are_ordinary_inputs


def of_side_effects(op: Operation) -> Iterator[Test]:
    """Nothing is changed, neither an argument nor a setting of the program, and nothing is kept."""

    def test_arguments_and_settings_stay_as_they_were(submission: Submission) -> None:
        tensors = op.tensors(op.typical, 3)
        args, kwargs = given(op.options(**op.typical), 0)
        _consistent(op, submission, tensors, 0)
        repeats(submission, op.task, *tensors, *args, **kwargs)
        leaves_all_alone(submission, op.task, *(one.double() for one in tensors), *args, **kwargs)

    yield test_arguments_and_settings_stay_as_they_were


def of_devices(op: Operation) -> Iterator[Test]:
    """The result lies where the tensors do."""

    def test_on_an_accelerator(submission: Submission) -> None:
        options = op.options(**op.small)
        tensors, (args, kwargs) = op.tensors(op.small, 5), given(options, 0)
        upstream = tensor(*op.oracle(*tensors, **options).shape, seed=6)
        leaves = [one.clone().requires_grad_() for one in tensors]
        calls = [called(*leaves, *args, cotangent=upstream, **kwargs)]
        if len(tensors) > 1:
            calls.append(called(tensors[0], *(one.long() for one in tensors[1:]), *args, **kwargs))
        # Where all tensors are of one shape, a slice of one is the whole of it.
        for row in [row for row in op.rows if len({*op.shapes(**row).values()}) == 1 < len(tensors)][-1:]:
            args, kwargs = given(op.options(**row), 0)
            calls.append(called(*op.tensors(row, 7), *args, **kwargs))
        works_on_the_accelerator(submission, op.task, *calls, right=op.reference)

    yield test_on_an_accelerator


ASPECTS: dict[str, Callable[[Operation], Iterator[Test]]] = {
    "values": of_values,
    "gradients": of_gradients,
    "dtypes": of_dtypes,
    "layouts": of_layouts,
    "side effects": of_side_effects,
    "devices": of_devices,
}


def derived(op: Operation) -> Iterator[tuple[str, Test]]:
    """Each property that follows from the facts of an operation, with its group."""
    for name, group in op.groups.items():
        for aspect in group.aspects:
            yield from ((name, test) for test in ASPECTS[aspect](op))


def _consistent(op: Operation, submission: Submission, tensors: list[Tensor], way: int, **asked: Any) -> None:
    case = op.case(op.typical, tensors, way)
    consistent(
        submission, op.task, *case.args, expected=case.expected, bound=case.bound, **asked, **case.kwargs
    )


def _of_dtype(plain: Tensor, dtype: torch.dtype) -> Tensor:
    """The same numbers in another type; where that is of whole numbers, none of them zero."""
    if dtype.is_floating_point:
        return plain.to(dtype)
    return (plain.abs().ceil() * plain.sign()).to(dtype)


def _result_type(tensors: list[Tensor]) -> torch.dtype:
    found = tensors[0].dtype
    for one in tensors[1:]:
        found = torch.promote_types(found, torch.result_type(tensors[0], one))
    return found
