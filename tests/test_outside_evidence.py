"""The reference solutions on material that nobody here wrote.

What judges students is judged here by others: by the inputs that torch tries its own operations and modules
with, by the node tests of ONNX with their own expected outputs, and by numerical differentiation. Each sample
is put to every reference that can carry it; one that asks for more than the contract knows is left out, and
counted under the reason why.
"""

from __future__ import annotations

import math
import os
import warnings
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from enum import StrEnum
from functools import partial
from importlib import import_module
from typing import Any, Literal
from unittest import mock

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torch.autograd import gradcheck, gradgradcheck
from torch.func import functional_call
from torch.nn import functional as F

from graders import pooling_cases, poolings, tolerance
from graders.expect import compare
from graders.strategies import tensor
from solutions import conv2d as single
from solutions import lenet, multichannel, pooling

pytestmark = pytest.mark.filterwarnings("ignore:Using padding='same' with even kernel lengths:UserWarning")

DTYPES = (torch.float32, torch.float64)

Pair = tuple[int, int]
Frame = tuple[int, int, int, int]
Operation = Literal["conv2d", "max_pool2d", "avg_pool2d"]


class Outside(StrEnum):
    """Why a sample is out of reach of the contract."""

    AXES = "not two-dimensional"
    INTEGERS = "no floating dtype"
    MIXED = "mixed dtypes, which the contract allows and torch refuses"
    PADDING_MODE = "padding with something else than zeros"
    SIDES = "another padding on one side than on the other"
    WIDE_PADDING = "pooling padding above half the window"
    DILATION = "a pooling window with gaps"
    CEIL = "ceil_mode, where it adds a window that sticks out"
    INDICES = "asks for the places of the maxima too"
    WITHOUT_PADDING = "means that leave the padding out"
    DIVISOR = "a divisor, which the contract does not know"


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


@dataclass(frozen=True, kw_only=True)
class Sample:
    """One call of theirs, in our words.

    Attributes:
        source: a key of `LEAST`.
        number: its place in the source.
        inputs: `X` for pooling; `X`, `weight` and perhaps `bias` for a convolution.
        window: height and width of the kernel or of the pooling window.
        frame: padding left, right, above and below, as `F.pad` takes it.
        right: from the inputs in float64 to the right result.
        differentiable: whether `right` has gradients; ONNX gives numbers alone.
        roundings: on how many sides results are rounded to the dtype of the inputs: on ours, or on both.
        outside: why it is left out, if it is.
    """

    source: str
    number: int
    operation: Operation
    inputs: tuple[Tensor, ...]
    window: Pair
    stride: Pair
    frame: Frame
    dilation: Pair = (1, 1)
    groups: int = 1
    right: Callable[..., Tensor]
    differentiable: bool = True
    roundings: int = 1
    outside: Outside | None = None

    @property
    def title(self) -> str:
        """What is asked, as the name of a test."""
        names = ("X", "weight", "bias")
        shapes = (f"{name} {_times(value.shape)}" for name, value in zip(names, self.inputs, strict=False))
        window = () if self.operation == "conv2d" else (f"window {_times(self.window)}",)
        options = (f"stride {_times(self.stride)}", f"frame {_times(self.frame)}")
        more = (
            f"dilation {_times(self.dilation)}" * (self.dilation != (1, 1)),
            f"groups {self.groups}" * (self.groups != 1),
            str(self.inputs[0].dtype).removeprefix("torch."),
        )
        return ", ".join(filter(None, (f"{self.source} {self.number}", *shapes, *window, *options, *more)))

    @property
    def padding(self) -> Pair | None:
        """Height and width of the padding, where opposite sides have the same."""
        left, right, above, below = self.frame
        return (above, left) if (above, left) == (below, right) else None

    @property
    def sides_fit(self) -> bool:
        """Whether the last window ends where the padded image ends, so that no remainder is left."""
        left, right, above, below = self.frame
        padded = zip(self.inputs[0].shape[-2:], (above + below, left + right), strict=True)
        return all(
            (n + extra - k) % s == 0
            for (n, extra), k, s in zip(padded, self.window, self.stride, strict=True)
        )


def _times(sizes: tuple[int, ...]) -> str:
    return "x".join(map(str, sizes))


def _pair(value: Any) -> Pair:
    """torch takes a number, a sequence of one, or a sequence of two."""
    if isinstance(value, int):
        return value, value
    first, *rest = value
    return (first, *rest) if rest else (first, first)


# ------------------------------------------------------------------------------------------ torch's samples


@contextmanager
def leaving_no_trace() -> Iterator[None]:
    """Loading test material sets seeds, environment variables and warning filters, and freezes
    `torch.backends`; the tests after this file shall not notice."""
    numpy_state = np.random.get_state()
    with (
        mock.patch.dict(os.environ),
        mock.patch.object(torch.backends, "disable_global_flags"),
        warnings.catch_warnings(),
        torch.random.fork_rng(devices=[]),
    ):
        warnings.simplefilter("ignore")
        torch.manual_seed(0)
        yield
    np.random.set_state(numpy_state)


def convolution_sample(
    X: Tensor,
    weight: Tensor,
    bias: Tensor | None = None,
    stride: Any = 1,
    padding: Any = 0,
    dilation: Any = 1,
    groups: int = 1,
    **given: Any,
) -> Sample:
    """A sample from the arguments of `F.conv2d`; `padding="same"` puts the odd zero behind."""
    kernel, gaps = (weight.shape[2], weight.shape[3]), _pair(dilation)
    if padding == "same":
        rows, columns = (d * (k - 1) for d, k in zip(gaps, kernel, strict=True))
        frame = (columns // 2, columns - columns // 2, rows // 2, rows - rows // 2)
    else:
        above, left = (0, 0) if padding == "valid" else _pair(padding)
        frame = (left, left, above, above)
    return Sample(
        operation="conv2d",
        inputs=(X, weight) if bias is None else (X, weight, bias),
        window=kernel,
        stride=_pair(stride),
        frame=frame,
        dilation=gaps,
        groups=groups,
        **given,
    )


def max_pooling_sample(
    X: Tensor,
    kernel_size: Any,
    stride: Any = None,
    padding: Any = 0,
    dilation: Any = 1,
    ceil_mode: bool = False,
    return_indices: bool = False,
    **given: Any,
) -> Sample:
    """A sample from the arguments of `F.max_pool2d`."""
    reasons = {
        Outside.DILATION: _pair(dilation) != (1, 1),
        Outside.INDICES: return_indices,
    }
    return pooling_sample("max_pool2d", X, kernel_size, stride, padding, ceil_mode, reasons, **given)


def mean_pooling_sample(
    X: Tensor,
    kernel_size: Any,
    stride: Any = None,
    padding: Any = 0,
    ceil_mode: bool = False,
    count_include_pad: bool = True,
    divisor_override: int | None = None,
    *,
    right: Callable[..., Tensor],
    **given: Any,
) -> Sample:
    """A sample from the arguments of `F.avg_pool2d`; a divisor of their own is taken out of the result."""
    bare = divisor_override is None and not count_include_pad and _pair(padding) != (0, 0)
    share = 1.0 if divisor_override is None else divisor_override / math.prod(_pair(kernel_size))
    return pooling_sample(
        "avg_pool2d",
        X,
        kernel_size,
        stride,
        padding,
        ceil_mode,
        {Outside.WITHOUT_PADDING: bare},
        right=lambda images: right(images) * share,
        **given,
    )


def pooling_sample(
    operation: Operation,
    X: Tensor,
    kernel_size: Any,
    stride: Any,
    padding: Any,
    ceil_mode: bool,
    reasons: dict[Outside, bool],
    **given: Any,
) -> Sample:
    """What maxima and means have in common; `reasons` and some more can put the sample out of reach."""
    window, (above, left) = _pair(kernel_size), _pair(padding)
    steps = window if stride is None or stride == () else _pair(stride)
    frame = (left, left, above, above)
    whole = Sample(operation=operation, inputs=(X,), window=window, stride=steps, frame=frame, **given)
    wide = 2 * above > window[0] or 2 * left > window[1]
    every = {**reasons, Outside.WIDE_PADDING: wide, Outside.CEIL: ceil_mode and not whole.sides_fit}
    outside = next((reason for reason, holds in every.items() if holds), None)
    return Sample(**{**vars(whole), "outside": outside})


MAKERS: dict[str, Callable[..., Sample]] = {
    "conv2d": convolution_sample,
    "max_pool2d": max_pooling_sample,
    "avg_pool2d": mean_pooling_sample,
}


def operations_of_torch() -> list[Any]:
    """The entries of torch's own catalogue that are our operations."""
    catalogue = import_module("torch.testing._internal.common_methods_invocations").op_db
    return [entry for entry in catalogue if entry.name.removeprefix("nn.functional.") in MAKERS]


def samples_of_operations() -> Iterator[Sample]:
    """What torch tries its operations with."""
    for entry in operations_of_torch():
        name = entry.name.removeprefix("nn.functional.")
        every = [one for d in DTYPES for one in entry.sample_inputs("cpu", d, requires_grad=True)]
        for number, one in enumerate(every):
            tensors = [value.detach() for value in one.args if isinstance(value, Tensor)]
            settings = one.args[len(tensors) :]
            right = partial(_called, entry.op, len(tensors), settings, one.kwargs)
            yield MAKERS[name](
                one.input.detach(),
                *tensors,
                *settings,
                **one.kwargs,
                source=f"torch {name}",
                number=number,
                right=right,
            )


def _called(
    op: Callable[..., Any], count: int, settings: tuple[Any, ...], keywords: dict[str, Any], *inputs: Tensor
) -> Tensor:
    """torch's operation on other tensors: `count` of them beside X, the settings as they were."""
    X, *more = inputs
    assert len(more) == count
    result = op(X, *more, *settings, **keywords)
    assert isinstance(result, Tensor)
    return result


def samples_of_modules() -> Iterator[Sample]:
    """What torch tries its modules with, at parameters drawn by torch."""
    catalogue = import_module("torch.testing._internal.common_modules").module_db
    kinds = {nn.Conv2d: "conv2d", nn.MaxPool2d: "max_pool2d", nn.AvgPool2d: "avg_pool2d"}
    for entry in catalogue:
        if entry.module_cls not in kinds:
            continue
        every = [(dtype, one) for dtype in DTYPES for one in inputs_of_module(entry, dtype)]
        for number, (dtype, one) in enumerate(every):
            built = one.constructor_input
            module = entry.module_cls(*built.args, **built.kwargs).to(dtype)
            (X,) = one.forward_input.args
            known: dict[str, Any] = {"source": f"torch nn.{entry.module_cls.__name__}", "number": number}
            if isinstance(module, nn.Conv2d):
                names = [name for name, _ in module.named_parameters()]
                yield convolution_sample(
                    X.detach(),
                    module.weight.detach(),
                    None if module.bias is None else module.bias.detach(),
                    module.stride,
                    module.padding,
                    module.dilation,
                    module.groups,
                    right=partial(_of_module, module, names),
                    outside=None if module.padding_mode == "zeros" else Outside.PADDING_MODE,
                    **known,
                )
            else:
                make = MAKERS[kinds[entry.module_cls]]
                yield make(X.detach(), *built.args, **built.kwargs, right=module, **known)


def inputs_of_module(entry: Any, dtype: torch.dtype) -> list[Any]:
    """The inputs of one entry of torch's catalogue of modules."""
    found = entry.module_inputs_func(entry, device="cpu", dtype=dtype, requires_grad=True, training=True)
    return list(found)


def _of_module(module: nn.Module, names: list[str], X: Tensor, *parameters: Tensor) -> Tensor:
    result = functional_call(module, dict(zip(names, parameters, strict=True)), (X,))
    assert isinstance(result, Tensor)
    return result


# ------------------------------------------------------------------------------------------- ONNX's samples


def cases_of_onnx() -> list[Any]:
    """ONNX's node tests of the three operators. Importing a module of theirs makes its cases; all modules
    together would take a quarter of a minute."""
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
    """The padding that a node asks for in numbers, or by a word: one result for each stride, begun."""
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


with leaving_no_trace():
    SAMPLES = (*samples_of_operations(), *samples_of_modules(), *samples_of_onnx())
    REFUSED = [
        (f"{entry.name.removeprefix('nn.functional.')} {number}", refused.sample_input)
        for entry in operations_of_torch()
        for number, refused in enumerate(entry.error_inputs("cpu"))
    ]
COMPARED = [sample for sample in SAMPLES if sample.outside is None]


# ----------------------------------------------------------- every reference as the operation of the sample


def on_single_planes(conv2d: Callable[[Tensor, Tensor], Tensor]) -> Callable[[Tensor, Tensor], Tensor]:
    """All output channels of one image, out of convolutions of one channel each."""

    def convolution(image: Tensor, kernels: Tensor) -> Tensor:
        planes = [[conv2d(X, K) for X, K in zip(image, kernel, strict=True)] for kernel in kernels.unbind()]
        return torch.stack([torch.stack(each).sum(0) for each in planes])

    return convolution


def on_all_input_channels(image: Tensor, kernels: Tensor) -> Tensor:
    """All output channels of one image, one after the other."""
    return torch.stack([multichannel.conv2d_multi_in(image, kernel) for kernel in kernels])


def on_single_pixels(image: Tensor, kernels: Tensor) -> Tensor:
    """A convolution is a sum of convolutions by one pixel of the kernel, each of an image moved along."""
    (kh, kw), (H, W) = kernels.shape[2:], image.shape[1:]
    return torch.stack(
        [
            multichannel.conv2d_1x1(
                image[:, a : a + H - kh + 1, b : b + W - kw + 1], kernels[:, :, a : a + 1, b : b + 1]
            )
            for a in range(kh)
            for b in range(kw)
        ]
    ).sum(0)


def by_matrix(X: Tensor, K: Tensor) -> Tensor:
    """`conv2d` by the matrix of the kernel."""
    (H, W), (kh, kw) = X.shape, K.shape
    return (single.conv2d_matrix(K, (H, W)) @ X.flatten()).reshape(H - kh + 1, W - kw + 1)


ON_ONE_IMAGE: dict[str, Callable[[Tensor, Tensor], Tensor]] = {
    "conv2d": on_single_planes(single.conv2d),
    "conv2d_vectorized": on_single_planes(single.conv2d_vectorized),
    "conv2d_matrix": on_single_planes(by_matrix),
    "conv2d_multi_in": on_all_input_channels,
    "conv2d_multi_in_out": multichannel.conv2d_multi_in_out,
    "conv2d_1x1": on_single_pixels,
}


def in_groups(sample: Sample, convolution: Callable[..., Tensor]) -> Callable[..., Tensor]:
    """The sample's convolution by one that knows batches, bias, stride and padding, but no more.

    Groups are convolutions side by side, and dilation is zeros in the kernel.
    """

    def general(X: Tensor, weight: Tensor, bias: Tensor | None = None) -> Tensor:
        (dh, dw), count = sample.dilation, sample.groups
        extents = (d * (k - 1) + 1 for d, k in zip(sample.dilation, sample.window, strict=True))
        spread = weight.new_zeros(*weight.shape[:2], *extents)
        spread[..., ::dh, ::dw] = weight
        images = X if X.dim() == 4 else X[None]
        biases = [None] * count if bias is None else bias.chunk(count)
        parts = zip(images.chunk(count, dim=1), spread.chunk(count), biases, strict=True)
        Y = torch.cat([convolution(*part) for part in parts], dim=1)
        return Y if X.dim() == 4 else Y[0]

    return general


def on_each_image(sample: Sample, on_one_image: Callable[[Tensor, Tensor], Tensor]) -> Callable[..., Tensor]:
    """A batch, one image after the other: zeros around it are padding, results left away stride."""
    sh, sw = sample.stride

    def convolution(X: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
        images = F.pad(X, sample.frame)
        Y = torch.stack([on_one_image(image, weight) for image in images])[..., ::sh, ::sw]
        return Y if bias is None else Y + bias[:, None, None]

    return convolution


def by_layer(sample: Sample, padding: Pair) -> Callable[..., Tensor]:
    """`MultiChannelConv2d` with the given numbers in place of its own."""

    def convolution(X: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
        (out, channels), kernel = weight.shape[:2], (weight.shape[2], weight.shape[3])
        layer = multichannel.MultiChannelConv2d(
            channels, out, kernel, sample.stride, padding, bias=bias is not None
        )
        parameters = {"weight": weight} if bias is None else {"weight": weight, "bias": bias}
        result = functional_call(layer, parameters, (X,))
        assert isinstance(result, Tensor)
        return result

    return convolution


def convolutions(sample: Sample) -> Iterator[tuple[str, Callable[..., Tensor]]]:
    """Every reference that is the convolution of the sample, by itself or with a little help."""
    padding = sample.padding
    general = partial(
        multichannel.conv2d_general, stride=sample.stride, dilation=sample.dilation, groups=sample.groups
    )
    if padding is not None:
        options: dict[str, Any] = {"stride": sample.stride, "padding": padding}
        yield "conv2d_general", partial(general, padding=padding)
        yield "conv2d_batched", in_groups(sample, partial(multichannel.conv2d_batched, **options))
        yield "conv2d_im2col", in_groups(sample, partial(multichannel.conv2d_im2col, **options))
        yield "MultiChannelConv2d", in_groups(sample, by_layer(sample, padding))
    if padding == (0, 0):
        yield "conv2d_general, valid", partial(general, padding="valid")
    if sample.stride == (1, 1) and sample.frame == _same(sample):
        yield "conv2d_general, same", partial(general, padding="same")
    for name, on_one_image in ON_ONE_IMAGE.items():
        yield name, in_groups(sample, on_each_image(sample, on_one_image))


def _same(sample: Sample) -> Frame:
    """The padding that keeps the size, the odd one behind."""
    rows, columns = (d * (k - 1) for d, k in zip(sample.dilation, sample.window, strict=True))
    return columns // 2, columns - columns // 2, rows // 2, rows - rows // 2


def poolings_of(sample: Sample) -> Iterator[tuple[str, Callable[..., Tensor]]]:
    """Every reference that is the pooling of the sample."""
    window, stride, padding = sample.window, sample.stride, sample.padding
    assert padding is not None
    mode = "max" if sample.operation == "max_pool2d" else "avg"
    layer = pooling.MaxPool2d if mode == "max" else pooling.AvgPool2d
    every = partial(pooling.pool2d_multi_channel, pool_size=window, mode=mode, stride=stride, padding=padding)

    def on_single_planes(X: Tensor) -> Tensor:
        planes = [
            pooling.pool2d(plane, window, mode, stride, padding) for plane in X.reshape(-1, *X.shape[-2:])
        ]
        together = torch.stack(planes)
        return together.reshape(*X.shape[:-2], *together.shape[-2:])

    yield "pool2d_multi_channel", every
    yield "pool2d", on_single_planes
    if sample.inputs[0].dim() == 4:
        yield layer.__name__, layer(window, stride, padding)


def references(sample: Sample) -> Iterator[tuple[str, Callable[..., Tensor]]]:
    """Every reference that can carry the sample."""
    return convolutions(sample) if sample.operation == "conv2d" else poolings_of(sample)


# ------------------------------------------------------------------------------------ results and gradients


def bound_of_result(sample: Sample) -> Tensor:
    """How far a result in the dtype of the inputs may lie from the right one."""
    exact = [value.double() for value in sample.inputs]
    dtype = sample.inputs[0].dtype
    if sample.operation == "conv2d":
        X, weight, *bias = (value.abs() for value in exact)
        settings = (sample.stride, 0, sample.dilation, sample.groups)
        absolute = F.conv2d(F.pad(X, sample.frame), weight, bias[0] if bias else None, *settings)
        terms = weight[0].numel() + len(bias)
        return sample.roundings * tolerance.products(absolute, terms, dtype)
    case = pooling_cases.Case(
        tuple(exact[0].shape[-2:]), sample.window, sample.stride, sample.padding or (0, 0)
    )
    if sample.operation == "max_pool2d":
        return tolerance.exact(poolings.pooled(exact[0], case, "max"))
    return sample.roundings * poolings.bound_of_means(exact[0], case, dtype)


def gradients(
    function: Callable[..., Tensor], inputs: tuple[Tensor, ...], upstream: Tensor
) -> tuple[Tensor, ...]:
    """Gradients of `(function(*inputs) * upstream).sum()`."""
    leaves = [value.detach().clone().requires_grad_() for value in inputs]
    return torch.autograd.grad(function(*leaves), leaves, upstream)


def bounds_of_gradients(sample: Sample, upstream: Tensor) -> list[Tensor]:
    """The same bound for the sums that the gradients are: over outputs, or over all uses of a weight."""
    exact = tuple(value.double() for value in sample.inputs)
    dtype, above = sample.inputs[0].dtype, upstream.double().abs()
    if sample.operation == "conv2d":
        absolute = gradients(sample.right, tuple(value.abs() for value in exact), above)
        counts = [sample.inputs[1].numel(), upstream.numel(), upstream.numel()]
    else:
        # The share of a maximum hangs on signs, a mean has no negative one: both are taken as they are.
        absolute = tuple(value.abs() for value in gradients(sample.right, exact, above))
        counts = [math.prod(sample.window) + 1]
    return [tolerance.products(value, count, dtype) for value, count in zip(absolute, counts, strict=False)]


@pytest.mark.parametrize("sample", COMPARED, ids=lambda sample: sample.title)
def test_every_reference_gives_the_results_and_gradients_of_others(sample: Sample) -> None:
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
    here = [sample for sample in SAMPLES if sample.source == source]
    reasons = Counter(sample.outside for sample in here if sample.outside)
    listing = "".join(f"\n  {count:5d} {reason.value}" for reason, count in reasons.most_common())
    compared = len(here) - reasons.total()
    print(f"{source}: {compared} of {len(here)} compared, left out:{listing}")
    assert compared >= LEAST[source], f"only {compared} of {len(here)}, left out:{listing}"


def test_no_source_is_unknown_and_no_reference_is_spared() -> None:
    assert {sample.source for sample in SAMPLES} == set(LEAST)
    met = Counter(name for sample in COMPARED for name, _ in references(sample))
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
    """Our call for one that torch refuses."""
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


@pytest.mark.parametrize("one", [pytest.param(one, id=name) for name, one in REFUSED])
def test_what_torch_refuses_is_refused(one: Any) -> None:
    call = refusal_of(one)
    if not isinstance(call, Outside):
        with pytest.raises(ValueError, match=r"."):
            call()


def test_enough_is_refused() -> None:
    reasons = Counter(call for _, one in REFUSED if isinstance(call := refusal_of(one), Outside))
    # Measured: 19 of 22.
    assert len(REFUSED) - reasons.total() >= 12, reasons


# --------------------------------------------------------------------------------- numerical differentiation


def numbers(*shape: int, seed: int) -> Tensor:
    """A leaf of small integers in float64."""
    return tensor(*shape, seed=seed, dtype=torch.float64).requires_grad_()


def distinct(*shape: int) -> Tensor:
    """A leaf of integers in float64, no two alike, so that no small step changes which one is the largest."""
    return pooling_cases.distinct(*shape, seed=1).double().requires_grad_()


def with_parameters(layer: nn.Module, X: Tensor) -> tuple[Callable[..., Tensor], tuple[Tensor, ...]]:
    """A layer as a function of its input and its parameters."""
    layer = layer.double()
    names = [name for name, _ in layer.named_parameters()]
    return partial(_of_module, layer, names), (
        X,
        *(p.detach().requires_grad_() for p in layer.parameters()),
    )


Differentiated = tuple[Callable[..., Tensor], tuple[Tensor, ...]]

IMAGE, BATCH = numbers(2, 3, 4, seed=1), numbers(2, 2, 3, 4, seed=2)
KERNELS, BIAS = numbers(3, 2, 2, 3, seed=3), numbers(3, seed=4)

# All of them are linear in each input on its own, or at least as far as the numerical step goes: central
# differences are exact but for rounding, and a long step keeps that small.
LINEAR_IN_EACH: dict[str, Differentiated] = {
    "conv2d": (single.conv2d, (numbers(4, 5, seed=5), numbers(2, 3, seed=6))),
    "conv2d_vectorized": (single.conv2d_vectorized, (numbers(4, 5, seed=5), numbers(2, 3, seed=6))),
    "conv2d_matrix": (partial(single.conv2d_matrix, input_size=(4, 5)), (numbers(2, 3, seed=6),)),
    "Conv2D": with_parameters(single.Conv2D((2, 3)), numbers(4, 5, seed=7)),
    "conv2d_multi_in": (multichannel.conv2d_multi_in, (IMAGE, numbers(2, 3, 2, seed=8))),
    "conv2d_multi_in_out": (multichannel.conv2d_multi_in_out, (IMAGE, KERNELS)),
    "conv2d_1x1": (multichannel.conv2d_1x1, (IMAGE, numbers(3, 2, 1, 1, seed=9))),
    "conv2d_batched": (
        partial(multichannel.conv2d_batched, stride=(2, 1), padding=(0, 1)),
        (BATCH, KERNELS, BIAS),
    ),
    "conv2d_im2col": (
        partial(multichannel.conv2d_im2col, stride=(1, 2), padding=(1, 0)),
        (BATCH, KERNELS, BIAS),
    ),
    "conv2d_general": (
        partial(multichannel.conv2d_general, stride=(1, 2), padding=1, dilation=(2, 1), groups=2),
        (BATCH, numbers(4, 1, 2, 3, seed=10), numbers(4, seed=11)),
    ),
    "conv2d_general, same": (
        partial(multichannel.conv2d_general, padding="same", dilation=(1, 2)),
        (IMAGE, KERNELS, BIAS),
    ),
    "MultiChannelConv2d": with_parameters(
        multichannel.MultiChannelConv2d(2, 2, (2, 3), stride=(2, 1), padding=(1, 0)), BATCH
    ),
    "pool2d, maxima": (partial(pooling.pool2d, pool_size=(2, 3), stride=(1, 2)), (distinct(4, 7),)),
    "pool2d, padded maxima": (partial(pooling.pool2d, pool_size=3, stride=2, padding=1), (distinct(4, 5),)),
    "pool2d, means": (partial(pooling.pool2d, pool_size=(2, 3), mode="avg", stride=1), (distinct(4, 5),)),
    "pool2d, padded means": (
        partial(pooling.pool2d, pool_size=(2, 3), mode="avg", padding=(1, 0)),
        (distinct(4, 5),),
    ),
    "pool2d_multi_channel, maxima": (
        partial(pooling.pool2d_multi_channel, pool_size=(2, 3), stride=(2, 1), padding=(1, 0)),
        (distinct(2, 4, 5),),
    ),
    "pool2d_multi_channel, means": (
        partial(pooling.pool2d_multi_channel, pool_size=(3, 2), mode="avg", stride=1, padding=1),
        (distinct(2, 2, 3, 2),),
    ),
    "MaxPool2d": (pooling.MaxPool2d(2, 1), (distinct(2, 2, 3, 4),)),
    "AvgPool2d": (pooling.AvgPool2d((2, 3), 1, (1, 0)), (distinct(2, 2, 3, 4),)),
}

CLOSELY: dict[str, Any] = {"eps": 1e-3, "atol": 1e-9, "rtol": 1e-9}


@pytest.mark.parametrize("name", LINEAR_IN_EACH)
def test_derivatives_are_those_of_numerical_differentiation(name: str) -> None:
    function, inputs = LINEAR_IN_EACH[name]
    assert gradcheck(function, inputs, **CLOSELY)


@pytest.mark.parametrize("name", LINEAR_IN_EACH)
def test_second_derivatives_are_those_of_numerical_differentiation(name: str) -> None:
    function, inputs = LINEAR_IN_EACH[name]
    assert gradgradcheck(function, inputs, gen_non_contig_grad_outputs=True, **CLOSELY)


@pytest.mark.parametrize(
    "build",
    [lenet.lenet, partial(lenet.lenet_from, multichannel.MultiChannelConv2d, pooling.AvgPool2d)],
    ids=["lenet", "lenet_from our own layers"],
)
def test_a_whole_network_has_the_derivatives_of_numerical_differentiation(
    build: Callable[[], nn.Module],
) -> None:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(1)
        network = build().double()
    with torch.no_grad():
        for parameter in network.parameters():
            # As drawn, the sigmoids are nearly linear; see docs/verdicts.md.
            parameter.mul_(6)
    X = tensor(1, 1, 28, 28, seed=12, values="normal", dtype=torch.float64).requires_grad_()
    function, inputs = with_parameters(network, X)
    assert gradcheck(function, inputs, fast_mode=True, eps=1e-6, atol=1e-7, rtol=1e-6)


# ------------------------------------------------------------------------ gradients that are written out


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("padding", [(0, 0), (1, 0), (2, 3)])
@pytest.mark.parametrize("stride", [(1, 1), (2, 1), (3, 2)])
@pytest.mark.parametrize("sizes", [((4, 5), (2, 3)), ((6, 7), (1, 1)), ((5, 4), (5, 4)), ((7, 6), (3, 2))])
def test_conv2d_backward_is_the_gradient_of_torch(
    sizes: tuple[Pair, Pair], stride: Pair, padding: Pair, dtype: torch.dtype
) -> None:
    """Padding is an image with a frame, and a stride an upstream gradient with zeros between."""

    def convolution(X: Tensor, K: Tensor) -> Tensor:
        return F.conv2d(X[None, None], K[None, None], stride=stride, padding=padding)[0, 0]

    X, K = (tensor(*size, seed=n, values="normal", dtype=dtype) for n, size in enumerate(sizes))
    exact = (X.double(), K.double())
    upstream = tensor(*convolution(X, K).shape, seed=9, values="normal", dtype=dtype)
    right = gradients(convolution, exact, upstream.double())
    absolute = gradients(convolution, (exact[0].abs(), exact[1].abs()), upstream.double().abs())

    (ph, pw), (sh, sw), (H, W) = padding, stride, X.shape
    padded = F.pad(X, (pw, pw, ph, ph))
    spread = torch.zeros(*(n - k + 1 for n, k in zip(padded.shape, K.shape, strict=True)), dtype=dtype)
    spread[::sh, ::sw] = upstream
    grad_X, grad_K = single.conv2d_backward(spread, padded, K)
    found = (grad_X[ph : ph + H, pw : pw + W], grad_K)
    counts = (K.numel(), upstream.numel())
    for label, got, expected, sums, count in zip("XK", found, right, absolute, counts, strict=True):
        bound = tolerance.products(sums, count, dtype)
        what = f"gradient with respect to {label}"
        compare(got, expected=expected, bound=bound, dtype=dtype, call="conv2d_backward", what=what)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("kind", ["max", "tied max", "avg"])
@pytest.mark.parametrize(
    "case",
    [*pooling_cases.PLAIN, *pooling_cases.STRIDES, *pooling_cases.PADDINGS, *pooling_cases.TOGETHER],
    ids=lambda case: f"X {_times(case.image)}, window {case.window}, {case.stride}, {case.padding}",
)
def test_pool2d_backward_is_the_gradient_of_torch(
    case: pooling_cases.Case, kind: str, dtype: torch.dtype
) -> None:
    """Padding is an image with a frame of what counts as nothing. Of equal maxima torch, too, takes the first
    one in reading order."""
    mode = "avg" if kind == "avg" else "max"
    values: Literal["ties", "normal"] = "ties" if kind == "tied max" else "normal"
    X = tensor(*case.image, seed=3, values=values, dtype=dtype)
    upstream = tensor(*poolings.pooled(X, case, mode).shape, seed=4, values="normal", dtype=dtype)

    def right(above: Tensor) -> Tensor:
        return gradients(lambda X: poolings.pooled(X, case, mode), (X.double(),), above)[0]

    (ph, pw), (H, W) = _pair(case.padding), X.shape
    padded = F.pad(X, (pw, pw, ph, ph), value=0.0 if mode == "avg" else -math.inf)
    found = pooling.pool2d_backward(upstream, padded, case.window, mode, case.stride)
    bound = tolerance.products(right(upstream.double().abs()), math.prod(case.window_pair) + 1, dtype)
    compare(
        found[ph : ph + H, pw : pw + W],
        expected=right(upstream.double()),
        bound=bound,
        dtype=dtype,
        call="pool2d_backward",
        what="gradient with respect to X",
    )
