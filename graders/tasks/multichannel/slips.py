"""What goes wrong in exercise 3, by name. What a student is told stands in words.toml."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from torch import Tensor

from graders.diagnosis.pipeline import Pipeline, Slip, Slips
from graders.tasks.convolutions import (
    PLAIN,
    Convolution,
)
from graders.tasks.layers import class_of, inside

from .batch_slips import BATCHED, GENERAL, IM2COL, OF_BATCHES, OF_TENSORS
from .channel_slips import CHANNELS, IN, IN_OUT, ONE_BY_ONE, OUTPUTS, THREE
from .layer_slips import LAYER, LAYER_HABITS, NUMBERS, OF_ITS_FUNCTION, MultiChannelConv2d, Parameters
from .probes import PROBES

OPTIONS = ("bias", "stride", "padding", "dilation", "groups")


def function(slip: Slip) -> Callable[..., Any]:
    def convolution(X: Tensor, K: Tensor, *order: Any, **named: Any) -> Any:
        given = {**dict(zip(OPTIONS, order, strict=False)), **named}
        return slip(Convolution(X=X, K=K, in_order=OPTIONS[: len(order)], **given)).answer()

    return lambda X, *args, **named: convolution(X, *args, **{OTHER.get(k, k): v for k, v in named.items()})


OTHER = {"weight": "K"}


def without(slips: Slips, *names: str) -> Slips:
    return {name: slip for name, slip in slips.items() if name not in names}


PIPELINES = (
    Pipeline(
        "conv2d_multi_in",
        function,
        {**CHANNELS, **IN, **THREE, **PLAIN},
        PROBES["conv2d_multi_in"],
        OF_TENSORS,
    ),
    Pipeline(
        "conv2d_multi_in_out",
        function,
        {**CHANNELS, **OUTPUTS, **IN_OUT, **THREE, **PLAIN},
        PROBES["conv2d_multi_in_out"],
        OF_TENSORS,
    ),
    Pipeline(
        "conv2d_1x1",
        function,
        {
            **without(CHANNELS, "first-channel-only"),
            **OUTPUTS,
            **without(IN_OUT, "outputs-in-the-last-axis"),
            **ONE_BY_ONE,
        },
        PROBES["conv2d_1x1"],
        OF_TENSORS,
    ),
    Pipeline(
        "num_parameters",
        lambda slip: (
            lambda in_channels, out_channels, kernel_size, bias=True: slip(
                Parameters(i=in_channels, o=out_channels, kernel_size=kernel_size, bias=bias)
            ).answer()
        ),
        NUMBERS,
        PROBES["num_parameters"],
    ),
    Pipeline("conv2d_batched", function, BATCHED, PROBES["conv2d_batched"], OF_BATCHES),
    Pipeline("conv2d_general", function, {**BATCHED, **GENERAL}, PROBES["conv2d_general"], OF_BATCHES),
    Pipeline("conv2d_im2col", function, {**BATCHED, **IM2COL}, PROBES["conv2d_im2col"], OF_BATCHES),
    Pipeline(
        "MultiChannelConv2d",
        lambda slip: class_of("MultiChannelConv2d", slip(MultiChannelConv2d())),
        {**{name: inside(slip) for name, slip in OF_ITS_FUNCTION.items()}, **LAYER},
        PROBES["MultiChannelConv2d"],
        LAYER_HABITS,
        builds_on="conv2d_batched",
        of_that=frozenset({*OF_ITS_FUNCTION, "detached"}),
    ),
)
