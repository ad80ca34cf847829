"""The questions by which answers to the tasks about building the network are told apart."""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import cache
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F

from graders.diagnosis.mistakes import Probe
from graders.diagnosis.observing import of_the_machine
from graders.sandbox.errors import Raised
from graders.sandbox.inside.wire import ClassOf, Opaque
from graders.testing.module import Module
from graders.testing.reply import Reply
from graders.testing.strategies import tensor
from graders.testing.submission import Submission

_SHAPES = [(6, 1, 5, 5), (6,), (16, 6, 5, 5), (16,), (120, 400), (120,), (84, 120), (84,), (10, 84), (10,)]
_PRODUCT = re.compile(r"shapes cannot be multiplied \(\d+x(\d+) and (\d+)x\d+\)")


def tolerant(ask: Callable[[], Any]) -> Any:
    """What came, or what the error was about: sizes that do not fit by their numbers, dtypes, or anything."""
    try:
        return ask()
    except Raised as raised:
        if of_the_machine(raised):
            raise
        product = _PRODUCT.search(raised.message)
        if product:
            return f"{product[1]} numbers for {product[2]}"
        if "type" in raised.message and raised.type == "RuntimeError":
            return "an error about dtypes"
        return (
            "an error" if raised.type in ("RuntimeError", "IndexError", "ValueError") else f"a {raised.type}"
        )


@cache
def _weights(*shapes: tuple[int, ...]) -> tuple[Tensor, ...]:
    """A known value for every shape, whatever the order: six times torch's own scale."""
    values = []
    for place, shape in enumerate(shapes):
        seed = 7 * sum(axis * size for axis, size in enumerate(shape, 1)) + shapes[:place].count(shape)
        fan_in = torch.Size(shape[1:]).numel() if len(shape) > 1 else 36
        generator = torch.Generator().manual_seed(seed)
        values.append((2 * torch.rand(shape, generator=generator, dtype=torch.float64) - 1) * 6 / fan_in**0.5)
    return tuple(values)


def _shapes(net: Module) -> list[tuple[int, ...]]:
    """Of the parameters in order; KeyError for what is no module."""
    try:
        return [tuple(value.shape) for _, value in net.describe().parameters]
    except Raised:  # lazy layers come to life by an image
        net(torch.zeros(2, 1, 28, 28))
        return [tuple(value.shape) for _, value in net.describe().parameters]


def _no_network(made: Any) -> str:
    return f"no network, but a {made.type if isinstance(made, (Opaque, Module)) else type(made).__name__}"


def _parameters(name: str, *args: Any) -> Probe:
    """The shapes of the parameters in order, whether they train, and whether two networks share them."""

    def ask(submission: Submission) -> Any:
        net, other = submission.create(name, *args), submission.create(name, *args)
        if not isinstance(net, Module) or not net.is_module():
            return _no_network(net)
        shapes = _shapes(net)
        order = "another order" if shapes != _SHAPES and sorted(shapes) == sorted(_SHAPES) else shapes
        trains = all(net.describe().trainable.values())
        net.assign([torch.zeros(shape) for shape in shapes])
        own = not shapes or any(bool(value.any()) for _, value in other.describe().parameters)
        return {"shapes": order, "trains": trains, "own": own}

    return lambda submission: tolerant(lambda: ask(submission))


def _logits(
    name: str,
    *args: Any,
    count: int,
    training: bool = True,
    dtype: torch.dtype = torch.float64,
    gradients: bool = False,
) -> Probe:
    """Logits for known parameters, with all gradients; parameters go by shape, names and order being free.

    What differs from one pass or one network to the next is random, and told by that alone.
    """
    X = tensor(count, 1, 28, 28, seed=count, values="normal", dtype=dtype).requires_grad_(gradients)
    cotangent = tensor(count, 10, seed=count + 1, dtype=dtype) if gradients else None

    def known(submission: Submission) -> tuple[Any, list[tuple[int, ...]]]:
        net = submission.create(name, *args)
        if not isinstance(net, Module):
            return net, []
        try:
            shapes = _shapes(net)
        except KeyError:
            return Opaque(net.type), []
        net.convert(dtype=dtype, training=training)
        net.assign(_weights(*shapes))
        return net, shapes

    def ask(submission: Submission) -> Any:
        net, shapes = known(submission)
        if not isinstance(net, Module):
            return _no_network(net)
        reply = submission.ask(net, X, cotangent=cotangent)
        value = reply.value
        # Weights that are no parameters keep what they were drawn as.
        again = net if sorted(shapes) == sorted(_SHAPES) else known(submission)[0]
        other = submission.ask(again, X.detach()).value
        if not isinstance(value, Tensor) or not isinstance(other, Tensor):
            return type(value).__name__
        if value.shape != other.shape or not torch.allclose(value, other, rtol=1e-3, atol=1e-6):
            return f"random {tuple(value.shape)}"
        return value, reply.gradients, _by_shape(reply)

    return lambda submission: tolerant(lambda: ask(submission))


def _by_shape(reply: Reply) -> list[Any]:
    found = reply.parameter_gradients.values()
    there = [value for value in found if value is not None]
    return [len(found) - len(there), *sorted(there, key=lambda value: tuple(value.shape))]


def _kinds(submission: Submission) -> Any:
    """Whether the convolutions and poolings are of the classes passed in."""

    def ask() -> Any:
        net = submission.create("lenet_from", ClassOf("Conv2d", spy=True), ClassOf("AvgPool2d", spy=True))
        if not isinstance(net, Module) or not net.is_module():
            return _no_network(net)
        kinds = [kind for _, kind, *_ in net.describe().modules]
        return {
            kind: kind in kinds
            for kind in ("GivenConv2d", "GivenAvgPool2d", "Conv2d", "AvgPool2d", "MaxPool2d")
        }

    return tolerant(ask)


def _classic(X: Tensor, weights: list[Tensor]) -> Tensor:
    K1, b1, K2, b2, W3, b3, W4, b4, W5, b5 = weights
    X = F.avg_pool2d(torch.sigmoid(F.conv2d(X, K1, b1, padding=2)), 2)
    X = F.avg_pool2d(torch.sigmoid(F.conv2d(X, K2, b2)), 2)
    X = torch.sigmoid(F.linear(X.flatten(1), W3, b3))
    return F.linear(torch.sigmoid(F.linear(X, W4, b4)), W5, b5)


def _design(submission: Submission) -> Any:
    """What a design of one's own has in common with the wrong ones, and nothing of what is its own."""

    def ask() -> Any:
        net = submission.create("lenet_modern")
        if not isinstance(net, Module) or not net.is_module():
            return _no_network(net)
        X = tensor(2, 1, 28, 28, seed=61, values="normal")
        net.convert(training=False)
        scores = net(X)
        ten = isinstance(scores, Tensor) and tuple(scores.shape) == (2, 10)
        shapes = _shapes(net)
        classic = False
        if shapes == _SHAPES and ten:
            weights = [value.float() for value in _weights(*shapes)]
            net.assign(weights)
            classic = torch.allclose(net(X), _classic(X, weights), rtol=1e-3, atol=1e-4)
        return {
            "fits": sum(torch.Size(shape).numel() for shape in shapes) <= 62_000,
            "ten": ten,
            "classic": classic,
        }

    return tolerant(ask)


_FROM = ("lenet_from", ClassOf("Conv2d"), ClassOf("AvgPool2d"))

NETWORK_PROBES: dict[str, tuple[Probe, ...]] = {
    "lenet": (
        _logits("lenet", count=2, training=False, dtype=torch.float32),
        _logits("lenet", count=3, gradients=True),
        _logits("lenet", count=1),
        _parameters("lenet"),
    ),
    "lenet_from": (
        _logits(*_FROM, count=2, training=False, dtype=torch.float32),
        _logits(*_FROM, count=3, gradients=True),
        _logits(*_FROM, count=1),
        _logits("lenet_from", ClassOf("Conv2d"), ClassOf("MaxPool2d"), count=2),
        _parameters(*_FROM),
        _kinds,
    ),
    "lenet_modern": (_design,),
}
