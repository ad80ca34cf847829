"""ONNX's node tests of our operations, with their own expected outputs.

Their results have the dtype of the inputs, so they are rounded too, and have no gradients.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator
from importlib import import_module
from typing import Any

import torch
from torch import Tensor

from tests.tasks.outside.samples import Frame, Operation, Outside, Pair, Sample


def cases_of_onnx() -> list[Any]:
    """ONNX's node tests of the three operators. Importing one of its modules creates the cases; importing all
    modules would take a quarter of a minute."""
    for name in ("averagepool", "conv", "maxpool"):
        import_module(f"onnx.backend.test.case.node.{name}")
    every = import_module("onnx.backend.test.case.node")._NodeTestCases
    wanted = (["AveragePool"], ["Conv"], ["MaxPool"])
    # A test named "expanded" writes its operator out in several nodes, and is none of one operator.
    return [case for case in every if [node.op_type for node in case.model.graph.node] in wanted]


def samples_of_onnx() -> Iterator[Sample]:
    """Those node tests, in our words."""
    value_of = import_module("onnx.helper").get_attribute_value
    numbers: Counter[str] = Counter()
    for case in cases_of_onnx():
        (node,) = case.model.graph.node
        attributes = {attribute.name: value_of(attribute) for attribute in node.attribute}
        ((given, expected),) = case.data_sets
        inputs = tuple(torch.tensor(array) for array in given)
        yield onnx_sample(
            node.op_type,
            numbers[node.op_type],
            inputs,
            [torch.tensor(array) for array in expected],
            attributes,
        )
        numbers[node.op_type] += 1


def onnx_sample(
    operator: str,
    number: int,
    inputs: tuple[Tensor, ...],
    expected: list[Tensor],
    attributes: dict[str, Any],
) -> Sample:
    """A sample from the attributes of an ONNX node."""
    operations: dict[str, Operation] = {
        "Conv": "conv2d",
        "MaxPool": "max_pool2d",
        "AveragePool": "avg_pool2d",
    }
    X, right = inputs[0], expected[0]
    flat = X.dim() == 4
    window = tuple(attributes.get("kernel_shape", inputs[-1].shape[2:]))
    stride = tuple(attributes.get("strides", (1,) * len(window)))
    dilation = tuple(attributes.get("dilations", (1,) * len(window)))
    sample = Sample(
        source=f"ONNX {operator}",
        number=number,
        operation=operations[operator],
        inputs=inputs,
        window=window,
        stride=stride,
        frame=onnx_frame(X, window, stride, attributes) if flat else (0, 0, 0, 0),
        dilation=dilation,
        groups=attributes.get("group", 1),
        right=lambda *_: right.double(),
        differentiable=False,
        roundings=2,
    )
    pools, padded = operator != "Conv", any(sample.frame)
    above, left = sample.padding or (0, 0)
    reasons = {
        Outside.AXES: not flat,
        Outside.INTEGERS: not X.is_floating_point(),
        Outside.SIDES: sample.padding is None,
        Outside.DILATION: pools and set(dilation) != {1},
        Outside.INDICES: len(expected) > 1,
        Outside.CEIL: bool(attributes.get("ceil_mode")) and not (flat and sample.sides_fit),
        Outside.WITHOUT_PADDING: operator == "AveragePool"
        and padded
        and not attributes.get("count_include_pad"),
        Outside.WIDE_PADDING: pools and (2 * above > window[0] or 2 * left > window[-1]),
    }
    outside = next((reason for reason, holds in reasons.items() if holds), None)
    return Sample(**{**vars(sample), "outside": outside})


def onnx_frame(X: Tensor, window: Pair, stride: Pair, attributes: dict[str, Any]) -> Frame:
    """The padding of a node, in numbers or by a word that means `ceil(size / stride)` results."""
    word = attributes.get("auto_pad", b"NOTSET").decode()
    if not word.startswith("SAME"):
        above, left, below, right = attributes.get("pads", (0, 0, 0, 0))
        return left, right, above, below
    rows, columns = (
        max(0, (math.ceil(n / s) - 1) * s + k - n)
        for n, k, s in zip(X.shape[2:], window, stride, strict=True)
    )
    first, last = (columns // 2, rows // 2), (columns - columns // 2, rows - rows // 2)
    if word == "SAME_LOWER":
        first, last = last, first
    return first[0], last[0], first[1], last[1]
