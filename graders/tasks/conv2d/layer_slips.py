"""What goes wrong with the layer of one kernel."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from graders.diagnosis.pipeline import Slip, Slips, step
from graders.tasks.convolution_layers import DETACHED, LAYERS, ConvolutionLayer


class Conv2D(ConvolutionLayer):
    """The layer of one kernel; the bias is added to what the function answers."""

    @step
    def arguments(self) -> dict[str, Any]:
        return {"kernel_size": None}

    @step
    def forward(self) -> Callable[[Any, Tensor], Any]:
        def forward(module: Any, X: Tensor) -> Any:
            passed = self.passes(module)
            return self.joined(self.convolve(X, K=passed["K"]), passed["bias"])

        return forward

    @step
    def joined(self) -> Callable[[Any, Any], Any]:
        """How the bias comes to the result."""
        return lambda Y, bias: Y if bias is None else Y + bias


def joined(join: Callable[[Any, Any], Any]) -> Slip:
    return lambda layer: layer.but(joined=join)


def new_bias(make: Callable[[Any], Tensor]) -> Slip:
    return lambda layer: layer.but(new_bias=make)


def new_weight(make: Callable[[Any], Tensor]) -> Slip:
    return lambda layer: layer.but(new_weight=make)


def before_the_function(change: Callable[[Tensor, Tensor, Tensor], tuple[Tensor, Tensor]]) -> Slip:
    """The bias is added to image or kernel, and not to the result."""

    def slip(layer: Conv2D) -> Conv2D:
        def forward(module: Any, X: Tensor) -> Any:
            passed = layer.passes(module)
            X, K = change(X, passed["K"], passed["bias"])
            return layer.convolve(X, K=K)

        return layer.but(forward=forward)

    return slip


def plain_bias(module: Any, weight: Tensor, bias: Tensor | None) -> None:
    module.weight, module.bias = torch.nn.Parameter(weight), bias


LAYER: Slips = {
    "bias-forgotten": joined(lambda Y, bias: Y),
    "bias-added-for-each-kernel-element": lambda layer: layer.but(
        passes=lambda m: {"K": m.weight, "bias": m.weight.numel() * m.bias}
    ),
    "bias-added-to-the-kernel": before_the_function(lambda X, K, bias: (X, K + bias)),
    "bias-added-to-the-image": before_the_function(lambda X, K, bias: (X + bias, K)),
    "bias-added-twice": joined(lambda Y, bias: Y + bias + bias),
    "bias-subtracted": joined(lambda Y, bias: Y - bias),
    "result-multiplied-by-the-bias": joined(lambda Y, bias: Y * bias),
    "bias-as-large-as-the-kernel": new_bias(torch.zeros),
    "bias-without-an-axis": new_bias(lambda shape: torch.zeros(())),
    "bias-with-two-axes": new_bias(lambda shape: torch.zeros(1, 1)),
    "bias-drawn-at-random": new_bias(lambda shape: torch.rand(1)),
    "bias-of-one": new_bias(lambda shape: torch.ones(1)),
    "weight-from-the-normal-distribution": new_weight(torch.randn),
    "weight-around-zero": new_weight(lambda shape: torch.rand(shape) - 0.5),
    "int-gives-one-row": lambda layer: layer.but(
        size=lambda size: (1, size) if isinstance(size, int) else size
    ),
    "int-gives-a-flat-kernel": lambda layer: layer.but(
        size=lambda size: (size,) if isinstance(size, int) else size
    ),
    "bias-not-registered": lambda layer: layer.but(register=plain_bias),
    **LAYERS,
    **DETACHED,
}
