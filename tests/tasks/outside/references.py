"""Which references apply to which sample, and how far off their results and gradients may be.

Each sample is run on every reference that can compute it. A reference with fewer features than the sample
needs gets help: one call for each group, zeros in the kernel or around the image, results left out.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import torch
from torch import Tensor
from torch.func import functional_call
from torch.nn import functional as F

from graders.tasks.pooling import cases as pooling_cases
from graders.tasks.pooling import poolings
from graders.testing import tolerance
from solutions import conv2d as single
from solutions import multichannel, pooling
from tests.tasks.outside.samples import Frame, Pair, Sample


def on_single_planes(conv2d: Callable[[Tensor, Tensor], Tensor]) -> Callable[[Tensor, Tensor], Tensor]:
    """All output channels of one image, from convolutions of one channel each."""

    def convolution(image: Tensor, kernels: Tensor) -> Tensor:
        planes = [[conv2d(X, K) for X, K in zip(image, kernel, strict=True)] for kernel in kernels.unbind()]
        return torch.stack([torch.stack(each).sum(0) for each in planes])

    return convolution


def on_all_input_channels(image: Tensor, kernels: Tensor) -> Tensor:
    """All output channels of one image, one after the other."""
    return torch.stack([multichannel.conv2d_multi_in(image, kernel) for kernel in kernels])


def on_single_pixels(image: Tensor, kernels: Tensor) -> Tensor:
    """A convolution is a sum of convolutions with single kernel elements, each of a shifted image."""
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
    """The sample's convolution, computed by one that supports only batches, bias, stride and padding.

    Groups become separate convolutions, and dilation becomes zeros in the kernel.
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
    """A batch, one image at a time: padding becomes zeros around the image, and stride leaves out results."""
    sh, sw = sample.stride

    def convolution(X: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
        images = F.pad(X, sample.frame)
        Y = torch.stack([on_one_image(image, weight) for image in images])[..., ::sh, ::sw]
        return Y if bias is None else Y + bias[:, None, None]

    return convolution


def by_layer(sample: Sample, padding: Pair) -> Callable[..., Tensor]:
    """`MultiChannelConv2d` with the given parameters instead of its own."""

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
    """Every reference that computes the convolution of the sample, alone or with help."""
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
    """Every reference that computes the pooling of the sample."""
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
    """Every reference that can compute the sample."""
    return convolutions(sample) if sample.operation == "conv2d" else poolings_of(sample)


def bound_of_result(sample: Sample) -> Tensor:
    """How far off a result in the dtype of the inputs may be."""
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
    """The same bound for gradients, which are sums over outputs, or over all uses of a weight."""
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
