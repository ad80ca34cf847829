"""The derivatives of the reference solutions, compared with independent ones.

If autograd works through a reference, its first and second derivatives are compared with numerical
differentiation; gradients that are written out are compared with torch's.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import partial
from typing import Any, Literal

import pytest
import torch
from torch import Tensor, nn
from torch.autograd import gradcheck, gradgradcheck
from torch.nn import functional as F

from graders.tasks.pooling import cases as pooling_cases
from graders.tasks.pooling import poolings
from graders.testing import tolerance
from graders.testing.expect import compare
from graders.testing.strategies import tensor
from solutions import conv2d as single
from solutions import lenet, multichannel, pooling
from tests.tasks.outside.references import gradients
from tests.tasks.outside.samples import DTYPES, Pair, of_module, pair, times

# --------------------------------------------------------------------------------- numerical differentiation


def numbers(*shape: int, seed: int) -> Tensor:
    """A leaf of small integers in float64."""
    return tensor(*shape, seed=seed, dtype=torch.float64).requires_grad_()


def distinct(*shape: int) -> Tensor:
    """A leaf of distinct integers in float64, so that no small step changes which one is the largest."""
    return pooling_cases.distinct(*shape, seed=1).double().requires_grad_()


def with_parameters(layer: nn.Module, X: Tensor) -> tuple[Callable[..., Tensor], tuple[Tensor, ...]]:
    """A layer as a function of its input and its parameters."""
    layer = layer.double()
    names = [name for name, _ in layer.named_parameters()]
    return partial(of_module, layer, names), (
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
    """Padding becomes a frame around the image, and stride becomes zeros between the upstream gradients."""

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
    ids=lambda case: f"X {times(case.image)}, window {case.window}, {case.stride}, {case.padding}",
)
def test_pool2d_backward_is_the_gradient_of_torch(
    case: pooling_cases.Case, kind: str, dtype: torch.dtype
) -> None:
    """Padding becomes a frame of values that never count. For equal maxima, torch also takes the first one in
    row-major order."""
    mode = "avg" if kind == "avg" else "max"
    values: Literal["ties", "normal"] = "ties" if kind == "tied max" else "normal"
    X = tensor(*case.image, seed=3, values=values, dtype=dtype)
    upstream = tensor(*poolings.pooled(X, case, mode).shape, seed=4, values="normal", dtype=dtype)

    def right(above: Tensor) -> Tensor:
        return gradients(lambda X: poolings.pooled(X, case, mode), (X.double(),), above)[0]

    (ph, pw), (H, W) = pair(case.padding), X.shape
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
