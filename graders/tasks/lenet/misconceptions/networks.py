"""Mistakes about a network as a module, the classes it is made of, and a design of one's own."""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import cache, partial
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from graders.diagnosis.mistakes import Probe
from graders.diagnosis.observing import of_the_machine
from graders.diagnosis.written import misconception
from graders.sandbox.errors import Raised
from graders.sandbox.inside.wire import ClassOf, Opaque
from graders.testing.strategies import tensor
from graders.testing.submission import Module, Reply, Submission

from .layers import CHANGED, POOLED, TORCHS, Change, Classes, built

_OWN = "Which lines of your class does nn.Module notice, so that parameters() finds the layers?"

# --------------------------------------------------------------------------------------------- lenet alone


class InAList(nn.Module):
    """Some layers kept in a plain list, where nn.Module does not see them."""

    def __init__(self, hidden: slice) -> None:
        super().__init__()
        layers = list(built({}))
        self._all = [(layer,) for layer in layers]
        seen = [layer for place, layer in enumerate(layers) if place not in range(len(layers))[hidden]]
        self.seen = nn.ModuleList(seen)

    def forward(self, X: Tensor) -> Tensor:
        for (layer,) in self._all:
            X = layer(X)
        return X


class MadeInForward(nn.Module):
    """The last layer is a new one in every pass."""

    def __init__(self) -> None:
        super().__init__()
        self.body = built({"fc3": None})

    def forward(self, X: Tensor) -> Tensor:
        return nn.Linear(84, 10)(self.body(X))  # type: ignore[no-any-return]


class OtherOrder(nn.Module):
    """Linear layers first."""

    def __init__(self) -> None:
        super().__init__()
        layers = list(built({}))
        self.classifier = nn.Sequential(*layers[6:])
        self.features = nn.Sequential(*layers[:6])

    def forward(self, X: Tensor) -> Tensor:
        return self.classifier(self.features(X))  # type: ignore[no-any-return]


_shared: list[nn.Module] = []


def _one_for_all() -> nn.Module:
    if not _shared:
        _shared.append(built({}))
    return _shared[0]


_ALONE: tuple[tuple[str, str, str, Callable[[], Any]], ...] = (
    (
        "layers-in-a-list",
        "The network has no parameters: its layers lie in a plain Python list, where nn.Module does not "
        "see them.",
        _OWN,
        lambda: InAList(slice(None)),
    ),
    (
        "convolutions-in-a-list",
        "The convolutions are no parameters of the network: they lie in a plain Python list, where "
        "nn.Module does "
        "not see them.",
        _OWN,
        lambda: InAList(slice(0, 6)),
    ),
    (
        "linear-layers-in-a-list",
        "The linear layers are no parameters of the network: they lie in a plain Python list, where "
        "nn.Module does "
        "not see them.",
        _OWN,
        lambda: InAList(slice(6, None)),
    ),
    (
        "layer-made-in-forward",
        "The last layer is made anew in every forward pass, so that it is never trained. Make it once, in "
        "__init__.",
        _OWN,
        MadeInForward,
    ),
    (
        "parameters-in-another-order",
        "All parameters are there, but not in forward order: they are listed as __init__ makes the layers.",
        "Which layer does your __init__ make first?",
        OtherOrder,
    ),
    (
        "class-returned",
        "The class comes back, and not a network: the brackets that make one are missing.",
        "What is the difference between LeNet and LeNet()?",
        lambda: OtherOrder,
    ),
    (
        "one-network-for-all-calls",
        "Each call gives the same network, which was made once outside. Each should have parameters of its "
        "own.",
        "What happens to the second network when the first one is trained?",
        _one_for_all,
    ),
    (
        "frozen",
        "The parameters do not require grad, so nothing will learn.",
        "What does requires_grad_(False) do to the training?",
        lambda: built({}).requires_grad_(False),
    ),
)


def _fixed(make: Callable[[], Any]) -> Callable[[], Any]:
    def lenet() -> Any:
        return make()

    return lenet


def _of_torchs(change: Callable[[Classes], dict[str, Change]]) -> nn.Module:
    return built(change(TORCHS))


def _from_classes(change: Callable[[Classes], dict[str, Change]]) -> Callable[..., Any]:
    def lenet_from(Conv2d: Callable[..., nn.Module], AvgPool2d: Callable[..., nn.Module]) -> Any:
        return built(change((Conv2d, AvgPool2d)), (Conv2d, AvgPool2d))

    return lenet_from


def _made(classes: Callable[[Classes], Classes]) -> Callable[..., Any]:
    def lenet_from(Conv2d: Callable[..., nn.Module], AvgPool2d: Callable[..., nn.Module]) -> Any:
        return built({}, classes((Conv2d, AvgPool2d)))

    return lenet_from


_GIVEN = (
    (
        "given-classes-ignored",
        "The network is made of torch's own layers. It should be made of the two classes that are passed in.",
        "Which names do you call in the function, nn.Conv2d or Conv2d?",
        lambda c: TORCHS,
    ),
    (
        "given-convolution-ignored",
        "The convolutions are torch's own. They should be of the class that is passed in.",
        "Which names do you call in the function, nn.Conv2d or Conv2d?",
        lambda c: (nn.Conv2d, c[1]),
    ),
    (
        "given-pooling-ignored",
        "The poolings are torch's own. They should be of the class that is passed in.",
        "Which names do you call in the function, nn.AvgPool2d or AvgPool2d?",
        lambda c: (c[0], nn.AvgPool2d),
    ),
)

# ------------------------------------------------------------------------------------------------- modern


class TooWide(nn.Module):
    """A design with more parameters than allowed."""

    def __init__(self) -> None:
        super().__init__()
        self.net = nn.Sequential(nn.Flatten(), nn.Linear(784, 120), nn.ReLU(), nn.Linear(120, 10))

    def forward(self, X: Tensor) -> Tensor:
        return self.net(X)  # type: ignore[no-any-return]


def _modern(*last: nn.Module) -> nn.Module:
    layers = [
        *(nn.Conv2d(1, 8, 5, padding=2), nn.BatchNorm2d(8), nn.ReLU(), nn.MaxPool2d(2)),
        *(nn.Conv2d(8, 16, 3, padding=1), nn.BatchNorm2d(16), nn.ReLU(), nn.MaxPool2d(2)),
    ]
    return nn.Sequential(*layers, nn.Flatten(), *last)


_MODERN: tuple[tuple[str, str, str, Callable[[], Any]], ...] = (
    (
        "more-parameters-than-allowed",
        "It has more than 62,000 parameters. Most of them are in the first linear layer.",
        "Which layer has most of the parameters, and what would make its input smaller?",
        TooWide,
    ),
    (
        "classic-again",
        "This is the classic network, unchanged. After so few steps its sigmoids still let hardly any "
        "gradient through.",
        "Which activation lets a gradient through as it is?",
        lambda: built({}),
    ),
    (
        "modern-without-ten-classes",
        "It does not give ten numbers for each image. There are ten classes, from 0 to 9.",
        "What is the shape of the result for two images?",
        lambda: _modern(nn.Linear(784, 11)),
    ),
)


def _designed(make: Callable[[], Any]) -> Callable[[], Any]:
    def lenet_modern() -> Any:
        return make()

    return lenet_modern


NETWORKS: tuple[Any, ...] = (
    *(
        misconception(name, "lenet", says=says, hint=hint)(_fixed(partial(_of_torchs, change)))
        for name, says, hint, change in (*CHANGED, *POOLED)
    ),
    *(misconception(name, "lenet", says=says, hint=hint)(_fixed(make)) for name, says, hint, make in _ALONE),
    *(
        misconception(f"{name}-from-classes", "lenet_from", says=says, hint=hint)(_from_classes(change))
        for name, says, hint, change in (*CHANGED, *POOLED)
    ),
    *(
        misconception(name, "lenet_from", says=says, hint=hint)(_made(classes))
        for name, says, hint, classes in _GIVEN
    ),
    *(
        misconception(name, "lenet_modern", says=says, hint=hint)(_designed(make))
        for name, says, hint, make in _MODERN
    ),
)


# ------------------------------------------------------------------------------------------------- probes

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
