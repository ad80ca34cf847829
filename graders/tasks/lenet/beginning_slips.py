"""What goes wrong in a network's first weights."""

from __future__ import annotations

import copy
import math
from collections.abc import Callable, Iterable
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn

from graders.diagnosis.pipeline import Call, Slip, Slips, after, step

KNOWN = (nn.Linear, nn.Conv2d)


class Beginning(Call):
    """Weights drawn layer by layer."""

    net: nn.Module

    @step
    def which(self) -> list[Any]:
        """The layers whose weights are drawn."""
        return [module for module in self.net.modules() if isinstance(module, KNOWN)]

    @step
    def draw(self) -> Callable[[Tensor], Any]:
        return nn.init.xavier_uniform_

    @step
    def drawn(self) -> Callable[[Any], Any]:
        """What happens to one layer."""
        return lambda layer: self.draw(layer.weight)

    @step
    def bias(self) -> Callable[[Tensor], Any]:
        """What happens to a bias."""
        return lambda bias: None

    @step
    def result(self) -> nn.Module:
        for layer in self.which:
            self.drawn(layer)
            if layer.bias is not None:
                self.bias(layer.bias.data)
        return self.net


def drawing(draw: Callable[[Tensor], Any]) -> Slip:
    return lambda a: a.but(draw=draw)


def fans(weight: Tensor) -> tuple[int, int]:
    area = math.prod(weight.shape[2:])
    return weight.shape[1] * area, weight.shape[0] * area


def within(bound: Callable[[int, int], float]) -> Slip:
    """Uniform within another bound, from fan-in and fan-out."""

    def draw(weight: Tensor) -> Any:
        limit = bound(*fans(weight))
        return nn.init.uniform_(weight, -limit, limit)

    return drawing(draw)


def without_area(weight: Tensor) -> Any:
    limit = math.sqrt(6 / (weight.shape[0] + weight.shape[1]))
    return nn.init.uniform_(weight, -limit, limit)


def of_layers(which: Callable[[nn.Module], Iterable[Any]]) -> Slip:
    return lambda a: a.but(which=list(which(a.net)))


def seeded(a: Beginning) -> Beginning:
    torch.default_generator.manual_seed(0)
    return a


GAINS = {"relu": math.sqrt(2), "tanh": 5 / 3, "four": 4.0}

BEGINNINGS: Slips = {
    "xavier-normal": drawing(nn.init.xavier_normal_),
    **{
        f"xavier-with-the-gain-of-{name}": drawing(partial(nn.init.xavier_uniform_, gain=gain))
        for name, gain in GAINS.items()
    },
    "kaiming-uniform": drawing(nn.init.kaiming_uniform_),
    "kaiming-normal": drawing(nn.init.kaiming_normal_),
    "torch-default-weights": lambda a: a.but(drawn=lambda layer: layer.reset_parameters()),
    "torch-default-weights-alone": drawing(lambda weight: nn.init.kaiming_uniform_(weight, math.sqrt(5))),
    **{
        f"normal-with-deviation-{std}".replace(".", "-"): drawing(partial(nn.init.normal_, mean=0.0, std=std))
        for std in (0.01, 0.02, 0.1, 1.0)
    },
    "uniform-from-zero-to-one": drawing(nn.init.uniform_),
    "uniform-from-minus-one-to-one": drawing(lambda weight: nn.init.uniform_(weight, -1.0, 1.0)),
    "weights-all-zero": drawing(nn.init.zeros_),
    "weights-all-one": drawing(nn.init.ones_),
    "deviation-for-a-bound": within(lambda fan_in, fan_out: math.sqrt(2 / (fan_in + fan_out))),
    "root-of-six-only": within(lambda fan_in, fan_out: math.sqrt(6) / (fan_in + fan_out)),
    "root-forgotten": within(lambda fan_in, fan_out: 6 / (fan_in + fan_out)),
    "six-over-fan-out": within(lambda fan_in, fan_out: math.sqrt(6 / fan_out)),
    "fans-without-the-kernel": drawing(without_area),
    "convolutions-left-out": of_layers(lambda net: [m for m in net.modules() if isinstance(m, nn.Linear)]),
    "linear-layers-left-out": of_layers(lambda net: [m for m in net.modules() if isinstance(m, nn.Conv2d)]),
    "blocks-left-out": of_layers(lambda net: [m for m in net.children() if isinstance(m, KNOWN)]),
    "inner-blocks-left-out": of_layers(
        lambda net: [m for c in net.children() for m in (c, *c.children()) if isinstance(m, KNOWN)]
    ),
    "first-layer-of-each-kind-only": lambda a: a.but(which=a.which[:1]),
    "weights-of-every-module": of_layers(
        lambda net: [m for m in net.modules() if getattr(m, "weight", None) is not None]
    ),
    "nothing-drawn": lambda a: a.but(which=[]),
    "copy-initialised": lambda a: a.but(net=copy.deepcopy(a.net)),
    "same-seed-at-each-call": seeded,
}

# Met together with any other way to draw.
OF_BIASES: Slips = {
    "biases-zeroed": lambda a: a.but(bias=lambda bias: bias.zero_()),
    "biases-of-a-constant": lambda a: a.but(bias=lambda bias: bias.fill_(0.01)),
    "biases-drawn-too": lambda a: a.but(bias=lambda bias: bias.uniform_(-0.1, 0.1)),
    "initialised-but-not-returned": after(lambda net: None),
}


def init_lenet(slip: Slip) -> Callable[[nn.Module], Any]:
    return lambda net: slip(Beginning(net=net)).answer()
