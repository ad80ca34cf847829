"""The reference solutions on test material that nobody here wrote.

The references that judge students are judged here by others: by the inputs that torch tests its operations
and modules with, by those that its operations refuse, and by ONNX's node tests with their expected outputs. A
sample that needs more than the contract covers is left out and counted under the reason.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from functools import cache, partial
from typing import Any

import pytest
import torch
from torch import Tensor

from graders.testing.expect import compare
from graders.testing.strategies import tensor
from solutions import multichannel, pooling
from tests.tasks.outside.onnx_samples import samples_of_onnx
from tests.tasks.outside.references import (
    ON_ONE_IMAGE,
    bound_of_result,
    bounds_of_gradients,
    gradients,
    references,
)
from tests.tasks.outside.samples import Outside, Sample, leaving_no_trace
from tests.tasks.outside.torch_samples import refused_by_torch, samples_of_modules, samples_of_operations

pytestmark = pytest.mark.filterwarnings("ignore:Using padding='same' with even kernel lengths:UserWarning")

# How many samples are compared at the least. The numbers behind were measured with torch 2.15 (two dtypes
# each) and ONNX 1.23; the demands lie well below, so that another release may change its samples, but not
# empty them.
LEAST = {
    "torch conv2d": 40,  # 60 of 60
    "torch max_pool2d": 240,  # 490 of 2880
    "torch avg_pool2d": 6,  # 10 of 14
    "torch nn.Conv2d": 4,  # 8 of 8
    "torch nn.MaxPool2d": 2,  # 4 of 6
    "torch nn.AvgPool2d": 8,  # 14 of 14
    "ONNX Conv": 4,  # 6 of 6
    "ONNX MaxPool": 4,  # 5 of 19
    "ONNX AveragePool": 3,  # 4 of 20
}


@cache
def samples() -> tuple[Sample, ...]:
    """Every sample. To import torch's test material and to make them takes ten seconds."""
    with leaving_no_trace():
        return (*samples_of_operations(), *samples_of_modules(), *samples_of_onnx())


@cache
def refused() -> tuple[tuple[str, Any], ...]:
    """The calls that torch refuses, by name."""
    with leaving_no_trace():
        return tuple(refused_by_torch())


def compared() -> list[Sample]:
    return [sample for sample in samples() if sample.outside is None]


@pytest.mark.parametrize("source", LEAST)
def test_every_reference_gives_the_results_and_gradients_of_others(source: str) -> None:
    wrong = []
    for sample in (sample for sample in compared() if sample.source == source):
        try:
            compare_with_references(sample)
        except Exception as error:
            wrong.append(f"{sample.title}: {type(error).__name__}: {error}")
    assert not wrong, f"{len(wrong)} samples:\n" + "\n".join(wrong)


def compare_with_references(sample: Sample) -> None:
    dtype, exact = sample.inputs[0].dtype, tuple(value.double() for value in sample.inputs)
    right, bound = sample.right(*exact), bound_of_result(sample)
    upstream = tensor(*right.shape, seed=sample.number, values="normal", dtype=dtype)
    slopes: list[tuple[str, Tensor, Tensor]] = []
    if sample.differentiable:
        rights = gradients(sample.right, exact, upstream.double())
        slopes = list(zip(("X", "K", "bias"), rights, bounds_of_gradients(sample, upstream), strict=False))
    for name, reference in references(sample):
        call = f"{name}: {sample.title}"
        leaves = [value.clone().requires_grad_() for value in sample.inputs]
        result = reference(*leaves)
        compare(result.detach(), expected=right, bound=bound, dtype=dtype, call=call)
        found = torch.autograd.grad(result, leaves, upstream) if slopes else ()
        for (label, expected, limit), got in zip(slopes, found, strict=False):
            what = f"gradient with respect to {label}"
            compare(got, expected=expected, bound=limit, dtype=dtype, call=call, what=what)


@pytest.mark.parametrize("source", LEAST)
def test_enough_is_compared_and_the_rest_has_a_reason(source: str) -> None:
    here = [sample for sample in samples() if sample.source == source]
    reasons = Counter(sample.outside for sample in here if sample.outside)
    listing = "".join(f"\n  {count:5d} {reason.value}" for reason, count in reasons.most_common())
    count = len(here) - reasons.total()
    print(f"{source}: {count} of {len(here)} compared, left out:{listing}")
    assert count >= LEAST[source], f"only {count} of {len(here)}, left out:{listing}"


def test_no_source_is_unknown_and_no_reference_is_spared() -> None:
    assert {sample.source for sample in samples()} == set(LEAST)
    met = Counter(name for sample in compared() for name, _ in references(sample))
    # Measured: means 26, "same" 13, "valid" 38, everything else 70 and more.
    demanded = {
        *ON_ONE_IMAGE,
        *(
            "conv2d_general",
            "conv2d_general, valid",
            "conv2d_general, same",
            "conv2d_batched",
            "conv2d_im2col",
            "MultiChannelConv2d",
        ),
        *("pool2d", "pool2d_multi_channel", "MaxPool2d", "AvgPool2d"),
    }
    assert {name for name in demanded if met[name] < 6} == set(), met


# ------------------------------------------------------------------------------------------ what is refused


def refusal_of(one: Any) -> Callable[[], object] | Outside:
    """Our call that corresponds to one that torch refuses."""
    keywords = {
        key: value[0] if isinstance(value, tuple) and len(value) == 1 else value
        for key, value in one.kwargs.items()
        if key != "return_indices"
    }
    if len({value.dtype for value in (one.input, *one.args) if isinstance(value, Tensor)}) > 1:
        return Outside.MIXED
    if "divisor_override" in keywords:
        return Outside.DIVISOR
    if "kernel_size" not in keywords:
        return partial(multichannel.conv2d_general, one.input, *one.args, **keywords)
    window = keywords.pop("kernel_size")
    return lambda: [
        pooling.pool2d_multi_channel(one.input, window, mode, **keywords) for mode in ("max", "avg")
    ]


def test_what_torch_refuses_is_refused() -> None:
    for name, one in refused():
        call = refusal_of(one)
        if not isinstance(call, Outside):
            try:
                call()
            except ValueError as error:
                assert str(error), name
            else:
                pytest.fail(f"{name} is taken")


def test_enough_is_refused() -> None:
    reasons = Counter(call for _, one in refused() if isinstance(call := refusal_of(one), Outside))
    # Measured: 19 of 22.
    assert len(refused()) - reasons.total() >= 12, reasons
