"""The inputs that torch tests its operations and modules with, and those that its operations refuse.

They come from torch's own test catalogues, which call operations and modules with positional or keyword
arguments; here each call becomes a sample.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from functools import partial
from importlib import import_module
from typing import Any

import torch
from torch import Tensor, nn

from tests.tasks.outside.samples import DTYPES, Operation, Outside, Sample, of_module, pair


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
    kernel, gaps = (weight.shape[2], weight.shape[3]), pair(dilation)
    if padding == "same":
        rows, columns = (d * (k - 1) for d, k in zip(gaps, kernel, strict=True))
        frame = (columns // 2, columns - columns // 2, rows // 2, rows - rows // 2)
    else:
        above, left = (0, 0) if padding == "valid" else pair(padding)
        frame = (left, left, above, above)
    return Sample(
        operation="conv2d",
        inputs=(X, weight) if bias is None else (X, weight, bias),
        window=kernel,
        stride=pair(stride),
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
        Outside.DILATION: pair(dilation) != (1, 1),
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
    """A sample from the arguments of `F.avg_pool2d`; a `divisor_override` is taken out of the result."""
    bare = divisor_override is None and not count_include_pad and pair(padding) != (0, 0)
    share = 1.0 if divisor_override is None else divisor_override / math.prod(pair(kernel_size))
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
    """The common part of max and average pooling; `reasons`, and others found here, exclude the sample."""
    window, (above, left) = pair(kernel_size), pair(padding)
    steps = window if stride is None or stride == () else pair(stride)
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
    """The entries of torch's own catalogue for our operations."""
    catalogue = import_module("torch.testing._internal.common_methods_invocations").op_db
    return [entry for entry in catalogue if entry.name.removeprefix("nn.functional.") in MAKERS]


def samples_of_operations() -> Iterator[Sample]:
    """The samples that torch tests its operations with."""
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
    """torch's operation on other tensors: X and `count` more, with the same settings."""
    X, *more = inputs
    assert len(more) == count
    result = op(X, *more, *settings, **keywords)
    assert isinstance(result, Tensor)
    return result


def samples_of_modules() -> Iterator[Sample]:
    """The samples that torch tests its modules with, with parameters drawn by torch."""
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
                    right=partial(of_module, module, names),
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


def refused_by_torch() -> list[tuple[str, Any]]:
    """The inputs that torch's operations refuse, by name."""
    return [
        (f"{entry.name.removeprefix('nn.functional.')} {number}", refused.sample_input)
        for entry in operations_of_torch()
        for number, refused in enumerate(entry.error_inputs("cpu"))
    ]
