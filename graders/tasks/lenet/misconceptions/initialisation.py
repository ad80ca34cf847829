"""Mistakes about a network's first weights."""

from __future__ import annotations

import copy
import math
from collections.abc import Callable, Iterable
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn

from graders.diagnosis.mistakes import Probe
from graders.diagnosis.observing import of_the_machine
from graders.diagnosis.written import misconception
from graders.sandbox.errors import Raised
from graders.testing.submission import Module, Submission

from .inspection import b, known
from .probing import about

_KNOWN = (nn.Linear, nn.Conv2d)


def _weighted(net: nn.Module) -> list[Any]:
    return [module for module in net.modules() if isinstance(module, _KNOWN)]


def _fans(weight: Tensor) -> tuple[int, int]:
    area = math.prod(weight.shape[2:])
    return weight.shape[1] * area, weight.shape[0] * area


def _drawn(
    draw: Callable[[Tensor], Any] = nn.init.xavier_uniform_,
    which: Callable[[nn.Module], Iterable[Any]] = _weighted,
    bias: Callable[[Tensor], Any] | None = None,
) -> Callable[[nn.Module], nn.Module]:
    """Right, but for how weights are drawn, of which layers, and what happens to the biases."""

    def init(net: nn.Module) -> nn.Module:
        for module in which(net):
            draw(module.weight)
            if bias is not None and module.bias is not None:
                bias(module.bias.data)
        return net

    return init


def _within(bound: Callable[[int, int], float]) -> Callable[[nn.Module], nn.Module]:
    def draw(weight: Tensor) -> Any:
        limit = bound(*_fans(weight))
        return nn.init.uniform_(weight, -limit, limit)

    return _drawn(draw)


def _without_area(weight: Tensor) -> Any:
    limit = math.sqrt(6 / (weight.shape[0] + weight.shape[1]))
    return nn.init.uniform_(weight, -limit, limit)


def _default_again(net: nn.Module) -> nn.Module:
    for module in _weighted(net):
        module.reset_parameters()
    return net


def _seeded(net: nn.Module) -> nn.Module:
    torch.default_generator.manual_seed(0)
    return _drawn()(net)


def _normal(std: float) -> Callable[[Tensor], Any]:
    return lambda weight: nn.init.normal_(weight, 0.0, std)


_BOUND = "Within which bounds do the weights of nn.Linear(64, 120) lie, if bound² = 6 / (fan_in + fan_out)?"
_BIASES = "Which attributes does a linear layer have, and which of them should be drawn?"
_DEPTH = "Which layers does modules() go through, and which ones children()?"

_BEGINNINGS: tuple[tuple[str, str, str, Callable[[nn.Module], Any]], ...] = (
    (
        "xavier-normal",
        "The weights are normally distributed. Xavier-uniform is asked for.",
        "What is the difference between xavier_uniform_ and xavier_normal_?",
        _drawn(nn.init.xavier_normal_),
    ),
    *(
        (
            f"xavier-with-the-gain-of-{name}",
            f"The weights are too large: Xavier's bound was multiplied by the gain for {words}.",
            _BOUND,
            _drawn(partial(nn.init.xavier_uniform_, gain=gain)),
        )
        for name, words, gain in (
            ("relu", "ReLU", math.sqrt(2)),
            ("tanh", "tanh", 5 / 3),
            ("four", "sigmoids, 4", 4.0),
        )
    ),
    (
        "kaiming-uniform",
        "The bound is sqrt(6 / fan_in), as in He's (Kaiming) uniform weights, made for ReLU. "
        "Xavier's has the fan-out in it, too: sqrt(6 / (fan_in + fan_out)).",
        _BOUND,
        _drawn(nn.init.kaiming_uniform_),
    ),
    (
        "kaiming-normal",
        "These are He's (Kaiming) normal weights, made for ReLU. Xavier-uniform is asked for.",
        _BOUND,
        _drawn(nn.init.kaiming_normal_),
    ),
    (
        "torch-default-weights",
        "The weights, or all parameters, are drawn anew as PyTorch draws them by itself. Xavier-uniform is "
        "asked for.",
        _BOUND,
        _default_again,
    ),
    (
        "torch-default-weights-alone",
        "The weights are drawn anew as PyTorch draws them by itself. Xavier-uniform is asked for.",
        _BOUND,
        _drawn(lambda weight: nn.init.kaiming_uniform_(weight, math.sqrt(5))),
    ),
    *(
        (
            f"normal-with-deviation-{std}".replace(".", "-"),
            f"The weights are normally distributed with a deviation of {std}, whatever the size of the "
            f"layer is. "
            "Xavier-uniform is asked for.",
            _BOUND,
            _drawn(_normal(std)),
        )
        for std in (0.01, 0.02, 0.1, 1.0)
    ),
    (
        "uniform-from-zero-to-one",
        "The weights lie between 0 and 1. They should lie on both sides of 0, within Xavier's bound.",
        _BOUND,
        _drawn(nn.init.uniform_),
    ),
    (
        "uniform-from-minus-one-to-one",
        "The weights lie between -1 and 1, whatever the size of the layer is.",
        _BOUND,
        _drawn(lambda weight: nn.init.uniform_(weight, -1.0, 1.0)),
    ),
    (
        "weights-all-zero",
        "All weights are zero. Then all units of a layer stay alike for ever.",
        "What are the gradients of two units that have the same weights?",
        _drawn(nn.init.zeros_),
    ),
    (
        "weights-all-one",
        "All weights are one. Then all units of a layer stay alike for ever.",
        "What are the gradients of two units that have the same weights?",
        _drawn(nn.init.ones_),
    ),
    (
        "deviation-for-a-bound",
        "The weights are too small: sqrt(2 / (fan_in + fan_out)) is the deviation. The bound is sqrt(6 / …).",
        _BOUND,
        _within(lambda fan_in, fan_out: math.sqrt(2 / (fan_in + fan_out))),
    ),
    (
        "root-of-six-only",
        "The weights are too small: the root was taken of 6 alone. It is sqrt(6 / (fan_in + fan_out)).",
        _BOUND,
        _within(lambda fan_in, fan_out: math.sqrt(6) / (fan_in + fan_out)),
    ),
    (
        "root-forgotten",
        "The weights are too small: the root is missing. It is sqrt(6 / (fan_in + fan_out)).",
        _BOUND,
        _within(lambda fan_in, fan_out: 6 / (fan_in + fan_out)),
    ),
    (
        "six-over-fan-out",
        "The bound is sqrt(6 / fan_out). Xavier's has the fan-in in it, too: sqrt(6 / (fan_in + fan_out)).",
        _BOUND,
        _within(lambda fan_in, fan_out: math.sqrt(6 / fan_out)),
    ),
    (
        "fans-without-the-kernel",
        "The weights of the convolutions are too large: a fan counts channels times the area of the kernel.",
        "How many numbers does one output of a 3x5 convolution with 3 channels see?",
        _drawn(_without_area),
    ),
    (
        "convolutions-left-out",
        "The convolutions were left as they were. Their weights are to be drawn, too.",
        _DEPTH,
        _drawn(which=lambda net: [m for m in net.modules() if isinstance(m, nn.Linear)]),
    ),
    (
        "linear-layers-left-out",
        "The linear layers were left as they were. Their weights are to be drawn, too.",
        _DEPTH,
        _drawn(which=lambda net: [m for m in net.modules() if isinstance(m, nn.Conv2d)]),
    ),
    (
        "blocks-left-out",
        "Layers inside blocks were left as they were: only the direct children were looked at.",
        _DEPTH,
        _drawn(which=lambda net: [m for m in net.children() if isinstance(m, _KNOWN)]),
    ),
    (
        "inner-blocks-left-out",
        "Layers inside blocks of blocks were left as they were. modules() goes to any depth.",
        _DEPTH,
        _drawn(
            which=lambda net: [m for c in net.children() for m in (c, *c.children()) if isinstance(m, _KNOWN)]
        ),
    ),
    (
        "first-layer-of-each-kind-only",
        "Only the first layer was drawn anew: the function returns from inside its loop.",
        "How far is the line with return indented, and what does that mean?",
        _drawn(which=lambda net: _weighted(net)[:1]),
    ),
    (
        "biases-zeroed",
        "The biases were set to zero. They are not to be touched.",
        _BIASES,
        _drawn(bias=lambda bias: bias.zero_()),
    ),
    (
        "biases-of-a-constant",
        "The biases were set to a constant. They are not to be touched.",
        _BIASES,
        _drawn(bias=lambda bias: bias.fill_(0.01)),
    ),
    (
        "biases-drawn-too",
        "The biases were drawn anew. They are not to be touched.",
        _BIASES,
        _drawn(bias=lambda bias: bias.uniform_(-0.1, 0.1)),
    ),
    (
        "weights-of-every-module",
        "There is an error at a batch normalisation: its weight has one axis, and no fan-in. "
        "Draw only convolutions and linear layers.",
        "Which modules have a weight, and which of them are convolutions or linear layers?",
        _drawn(which=lambda net: [m for m in net.modules() if getattr(m, "weight", None) is not None]),
    ),
    (
        "nothing-drawn",
        "No weight was drawn anew: the network is as it was.",
        "Do the names of the functions in nn.init end in an underscore, and what does that mean?",
        lambda net: net,
    ),
    (
        "copy-initialised",
        "A new network comes back, and the one passed in is as it was. Work in place.",
        "Which network does the caller still hold?",
        lambda net: _drawn()(copy.deepcopy(net)),
    ),
    (
        "initialised-but-not-returned",
        "The weights are drawn rightly, but nothing comes back. The network itself should.",
        "What does a function without return give?",
        lambda net: _drawn()(net) and None,
    ),
    (
        "same-seed-at-each-call",
        "Two calls draw the same weights: the random seed is set inside. That changes everybody's random "
        "numbers.",
        "Who else draws random numbers after this call?",
        _seeded,
    ),
)


def _made(answer: Callable[[nn.Module], Any]) -> Callable[[nn.Module], Any]:
    def init_lenet(net: nn.Module) -> Any:
        return answer(net)

    return init_lenet


INITIALISATIONS: tuple[Any, ...] = tuple(
    misconception(name, "init_lenet", says=says, hint=hint)(_made(answer))
    for name, says, hint, answer in _BEGINNINGS
)


# ------------------------------------------------------------------------------------------------- probes

# Each so large that spread and kind of its weights cannot be mistaken; at three depths, with biases.
_TO_INITIALISE = (
    b("Conv2d", 6, 24, (3, 5)),
    b("BatchNorm2d", 24),
    b("Sequential", b("Conv2d", 24, 12, 4), b("Sequential", b("Conv2d", 12, 40, 3))),
    b("Linear", 50, 120),
    b("BatchNorm1d", 120),
    b("Linear", 120, 30),
)
_SPREADS: dict[str, Callable[[int, int, int], float]] = {
    "xavier": lambda i, o, area: math.sqrt(2 / (i + o)),
    "gain of relu": lambda i, o, area: math.sqrt(4 / (i + o)),
    "gain of tanh": lambda i, o, area: 5 / 3 * math.sqrt(2 / (i + o)),
    "gain of 4": lambda i, o, area: 4 * math.sqrt(2 / (i + o)),
    "kaiming": lambda i, o, area: math.sqrt(2 / i),
    "fan out": lambda i, o, area: math.sqrt(2 / o),
    "default": lambda i, o, area: math.sqrt(1 / (3 * i)),
    "0.01": lambda i, o, area: 0.01,
    "0.02": lambda i, o, area: 0.02,
    "0.1": lambda i, o, area: 0.1,
    "1": lambda i, o, area: 1.0,
    "unit": lambda i, o, area: math.sqrt(1 / 3),
    "half unit": lambda i, o, area: math.sqrt(1 / 12),
    "deviation as bound": lambda i, o, area: math.sqrt(2 / (i + o) / 3),
    "root of six": lambda i, o, area: math.sqrt(2) / (i + o),
    "no root": lambda i, o, area: 6 / (i + o) / math.sqrt(3),
    "channels": lambda i, o, area: math.sqrt(2 / (i + o) * area),
}


def _spread(weights: list[Tensor]) -> str:
    """The one rule by which all these weights are spread, in words that hold for whatever was drawn."""
    found, forms, centred = [], set(), True
    for weight in (one.double() for one in weights):
        deviation, mean = float(weight.std()), float(weight.mean())
        if deviation == 0:
            return f"all {mean:g}"
        kurtosis = float(((weight - mean) ** 4).mean()) / deviation**4
        forms.add("uniform" if kurtosis < 2.3 else "normal")
        centred = centred and abs(mean) < 0.2 * deviation
        found.append((deviation, *_fans(weight), math.prod(weight.shape[2:])))
    if not found:
        return "none"
    far = {
        name: round(max(abs(math.log(deviation / spread(*sizes))) for deviation, *sizes in found), 9)
        for name, spread in _SPREADS.items()
    }
    rule = min(far, key=far.__getitem__)
    form = " and ".join(sorted(forms)) if centred else "off centre"
    return f"{form}, {rule if far[rule] < 0.06 else 'no rule'}"


def _beginning(submission: Submission) -> Any:
    def ask() -> Any:
        net = known(submission.build("Sequential", *_TO_INITIALISE), torch.float32)
        before = net.describe().state
        try:
            submission.ask("init_lenet", net)
        except Raised as raised:
            if of_the_machine(raised):
                raise
            return "no fans" if "fewer than 2 dimensions" in raised.message else f"a {raised.type}"
        first = net.describe().state
        again = submission.ask("init_lenet", net).value
        second = net.describe().state
        changed = {name: value for name, value in first.items() if not torch.equal(value, before[name])}
        found: dict[str, Any] = {"spread": _spread([value for value in changed.values() if value.dim() > 1])}
        for name, value in changed.items():
            alike = value.dim() == 1 and bool((value == value[0]).all())
            found[name] = f"all {float(value[0]):g}" if alike else "drawn"
        weight = next(name for name, value in first.items() if value.dim() > 1)
        returned = "nothing"
        if isinstance(again, Module):
            returned = "itself" if torch.equal(again.describe().state[weight], second[weight]) else "another"
        return {"weights": found, "returned": returned, "alike": torch.equal(first[weight], second[weight])}

    return about(ask)


INITIALISATION_PROBES: tuple[Probe, ...] = (_beginning,)
