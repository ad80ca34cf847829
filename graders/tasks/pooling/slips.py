"""What goes wrong in exercise 4, by name. What a student is told stands in words.toml."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn

from graders.diagnosis.pipeline import Pipeline, Slip, Slips, step
from graders.tasks.layers import Layer, class_of, inside
from graders.tasks.windows import (
    HABITS,
    Size,
    pair,
)

from .backward_slips import BACK, way_back
from .field_slips import AVERAGES, FIELDS, AsConvolution, Field
from .probes import PROBES
from .window_slips import CHANNELS, EVERYWHERE, LISTS, MAXIMA, MEANS, TENSORS, Pooling, in_mode

# ------------------------------------------------------------------------------------------------- functions


def function(slip: Slip) -> Callable[..., Any]:
    def pooled(
        X: Tensor, pool_size: Size, mode: str | None = None, stride: Any = None, padding: Any = 0
    ) -> Any:
        call = Pooling(X=X, pool_size=pool_size, stride=stride, padding=padding, given_mode=mode)
        return slip(call.but(mode=mode or "max")).answer()

    return pooled


def mean_by_default(a: Any) -> Any:
    return a.but(mode=a.given_mode or "avg")


OF_ONE_IMAGE = {**EVERYWHERE, **in_mode("max", MAXIMA), **in_mode("avg", MEANS)}
OF_LISTS = {"list-of-rows-returned", "list-of-numbers-returned"}
OF_CHANNELS = {name: slip for name, slip in TENSORS.items() if name not in OF_LISTS}


# ---------------------------------------------------------------------------------------------------- layers


class PoolingLayer(Layer):
    """A pooling as a module."""

    mode: str

    @step
    def arguments(self) -> dict[str, Any]:
        return {"kernel_size": None, "stride": None, "padding": 0}

    @step
    def keep(self) -> Callable[..., None]:
        return lambda module, **sizes: vars(module).update(sizes)

    @step
    def forward(self) -> Callable[[Any, Tensor], Any]:
        def forward(module: Any, X: Tensor) -> Any:
            sizes = {"pool_size": module.kernel_size, "stride": module.stride, "padding": module.padding}
            return self.slip(Pooling(X=X, mode=self.mode, **sizes)).answer()

        return forward


def weighted(layer: PoolingLayer) -> PoolingLayer:
    def keep(module: Any, **sizes: Any) -> None:
        layer.keep(module, **sizes)
        module.weight = nn.Parameter(torch.ones(pair(sizes["kernel_size"])))

    return layer.but(keep=keep)


def window_only(layer: PoolingLayer) -> PoolingLayer:
    keep = layer.keep
    return layer.but(
        arguments={"kernel_size": None}, keep=lambda module, **k: keep(module, stride=None, padding=0, **k)
    )


LAYERS: Slips = {
    "stride-and-padding-in-the-wrong-order": lambda layer: layer.but(
        arguments={"kernel_size": None, "padding": 0, "stride": None}
    ),
    "no-module": lambda layer: layer.but(bases=()),
    "no-module-but-callable": lambda layer: layer.but(bases=(), called=True),
    "super-init-forgotten": lambda layer: layer.but(ready=lambda module: None),
    "weight-to-learn": weighted,
    "window-only": window_only,
}

# A layer has one mode and knows batches only: there these are the same as others, or no mistake.
NOT_OF_LAYERS = {
    *("modes-exchanged", "modes-exchanged-throughout"),
    *("single-image-refused", "single-image-with-a-batch-axis", "single-image-squeezed"),
}
SAME_IN_MODE = {
    "max": {
        "leftover-edge-kept-and-divided-by-the-window",
        "a-window-at-every-step-divided-by-the-window",
        *MEANS,
    },
    "avg": {"leftover-edge-filled-with-zeros", "channels-averaged", *MAXIMA},
}


def layer(task: str, mode: str) -> Pipeline:
    left_out = NOT_OF_LAYERS | SAME_IN_MODE[mode]
    values = {**OF_ONE_IMAGE, **CHANNELS}
    return Pipeline(
        task,
        lambda slip: class_of(task, slip(PoolingLayer(mode=mode))),
        {**{name: inside(slip) for name, slip in values.items() if name not in left_out}, **LAYERS},
        PROBES[task],
        {name: inside(slip) for name, slip in {**OF_CHANNELS, **LISTS}.items()},
    )


# ------------------------------------------------------------------------------------------------- pipelines

PIPELINES = (
    Pipeline(
        "pool2d", function, {**OF_ONE_IMAGE, "mean-by-default": mean_by_default}, PROBES["pool2d"], TENSORS
    ),
    Pipeline(
        "pool2d_multi_channel",
        function,
        {**OF_ONE_IMAGE, **CHANNELS, "mean-by-default": mean_by_default},
        PROBES["pool2d_multi_channel"],
        {**OF_CHANNELS, **LISTS},
    ),
    layer("MaxPool2d", "max"),
    layer("AvgPool2d", "avg"),
    Pipeline(
        "receptive_field",
        lambda slip: lambda layers: slip(Field(layers=layers)).answer(),
        FIELDS,
        PROBES["receptive_field"],
    ),
    Pipeline(
        "avg_pool_as_conv",
        lambda slip: (
            lambda channels, kernel_size: slip(
                AsConvolution(channels=channels, kernel_size=kernel_size)
            ).answer()
        ),
        AVERAGES,
        PROBES["avg_pool_as_conv"],
    ),
    Pipeline(
        "pool2d_backward",
        way_back,
        BACK,
        PROBES["pool2d_backward"],
        {"always-float32": HABITS["always-float32"]},
    ),
)
