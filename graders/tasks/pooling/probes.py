"""The questions by which answers to the tasks of exercise 4 are told apart."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from graders.diagnosis.observing import of_the_machine, plain
from graders.sandbox.errors import Raised
from graders.testing.module import Module
from graders.testing.reply import Reply
from graders.testing.submission import Submission

from .cases import Case, Size
from .poolings import pooled


def image(*shape: int, seed: int, layout: str = "contiguous", dtype: torch.dtype = torch.float32) -> Tensor:
    """Whole numbers of both signs without zero, no two alike."""
    generator = torch.Generator().manual_seed(1000 + seed)
    if layout == "transposed":
        return image(*reversed(shape), seed=seed, dtype=dtype).permute(*reversed(range(len(shape))))
    if layout == "sliced":
        return image(*(2 * size + 1 for size in shape), seed=seed, dtype=dtype)[
            tuple([slice(1, None, 2)] * len(shape))
        ]
    count = torch.Size(shape).numel()
    places = torch.randperm(count, generator=generator) - count // 2
    return torch.where(places >= 0, places + 1, places).to(dtype).reshape(shape)


def _below(X: Tensor) -> Tensor:
    return X - 300


def _learning(X: Tensor) -> Tensor:
    return X.requires_grad_()


_Call = tuple[Callable[..., Tensor], tuple[int, int], dict[str, Any], tuple[Any, ...], dict[str, Any]]


def _plain(X: Tensor) -> Tensor:
    return X


# What is done to the image, its size, how it is made, what is asked in order and by name.
_CALLS: tuple[_Call, ...] = (
    (_learning, (5, 10), {}, ((2, 3),), {}),
    (_learning, (7, 8), {}, ((3, 2), "avg"), {}),
    (_below, (6, 7), {}, ((3, 2),), {"mode": "max", "stride": (1, 2)}),
    (_learning, (6, 9), {}, ((2, 3),), {"mode": "avg", "stride": (1, 2)}),
    (_plain, (9, 7), {}, ((2, 1),), {"mode": "max", "stride": (3, 2)}),
    (_plain, (9, 7), {}, ((2, 1),), {"mode": "avg", "stride": (3, 2)}),
    (_below, (5, 9), {}, ((2, 4),), {"mode": "max", "stride": (1, 3), "padding": (1, 2)}),
    (_learning, (6, 9), {}, ((4, 3),), {"mode": "max", "stride": 2, "padding": (2, 0)}),
    (_learning, (5, 9), {}, ((2, 4),), {"mode": "avg", "stride": (1, 3), "padding": (1, 2)}),
    (_plain, (6, 7), {}, (4,), {"mode": "avg", "padding": 1}),
    (_below, (6, 6), {}, (3,), {"mode": "max", "stride": 2, "padding": 1}),
    (_plain, (4, 4), {}, (3,), {"mode": "max"}),
    (_learning, (4, 6), {}, ((4, 2),), {"mode": "avg"}),
    (_plain, (4, 6), {"dtype": torch.float64}, ((2, 3),), {"mode": "max"}),
    (_learning, (4, 6), {"dtype": torch.float64}, ((2, 3),), {"mode": "avg", "padding": (1, 0)}),
    (_plain, (4, 6), {"layout": "transposed"}, ((2, 3),), {"mode": "max"}),
    (_plain, (4, 7), {"layout": "sliced"}, ((2, 3),), {"mode": "avg", "stride": 1}),
    (_plain, (7, 5), {}, (2,), {"mode": "max", "stride": (3, 1)}),
    (_plain, (6, 8), {}, (3,), {"mode": "avg", "stride": (2, 1), "padding": 1}),
)


def observed(ask: Callable[[], Any]) -> Any:
    """What came, or what kind of error; indices and sizes fail as errors of many kinds."""
    try:
        came = ask()
        return plain(came) if isinstance(came, Reply) else came
    except Raised as raised:
        if of_the_machine(raised):
            raise
        return (
            "an error" if raised.type in ("RuntimeError", "IndexError", "ValueError") else f"a {raised.type}"
        )


def _question(call: _Call, seed: int, outer: tuple[int, ...]) -> tuple[Tensor, Tensor]:
    """The image of a call, and an upstream gradient in the shape of the right result."""
    change, size, made, args, named = call
    X = change(image(*outer, *size, seed=seed, **made))
    mode = str(named.get("mode", args[1] if len(args) > 1 else "max"))
    right = pooled(X.detach(), Case((), args[0], named.get("stride"), named.get("padding", 0)), mode)
    return X, image(*right.shape, seed=50 + seed)


def _pooling(name: str, call: _Call, seed: int, *outer: int) -> Callable[[Submission], Any]:
    """Values, gradients and the image after a call."""
    _, _, _, args, named = call
    X, cotangent = _question(call, seed, outer)

    def probe(submission: Submission) -> Any:
        return observed(
            lambda: submission.ask(name, X, *args, cotangent=cotangent, return_arguments=True, **named)
        )

    return probe


def _layer(name: str, call: _Call, seed: int, *outer: int) -> Callable[[Submission], Any]:
    """The same, by a layer that is made for the call."""
    _, _, _, args, named = call
    X, cotangent = _question(call, seed, outer)
    named = {key: value for key, value in named.items() if key != "mode"}
    in_order = seed in (6, 8)  # once for each layer: stride before padding
    args = (args[0], *named.values()) if in_order else args[:1]
    named = {} if in_order else named

    def probe(submission: Submission) -> Any:
        def ask() -> Any:
            layer = submission.create(name, *args, **named)
            if not isinstance(layer, Module):
                return "no layer"
            return submission.ask(layer, X, cotangent=cotangent, return_arguments=True)

        return observed(ask)

    return probe


def _far_below(name: str, *outer: int) -> Callable[[Submission], Any]:
    """Which maxima are right in an image of numbers below any that one would think of as a frame's."""
    X = image(*outer, 5, 6, seed=90) * 1e30 - 1e33
    k: Size = (2, 3)
    named: dict[str, Any] = {"stride": (2, 3), "padding": (1, 0)}
    right = pooled(X, Case((), k, **named), "max")

    def answer(submission: Submission) -> Any:
        if name != "MaxPool2d":
            return submission.ask(name, X, k, mode="max", **named).value
        layer = submission.create(name, k, **named)
        return layer(X) if isinstance(layer, Module) else None

    def probe(submission: Submission) -> Any:
        def ask() -> Any:
            found = answer(submission)
            if not isinstance(found, Tensor) or found.shape != right.shape:
                return "no such result"
            return (found.detach() == right).tolist()

        return observed(ask)

    return probe


def _inside(name: str) -> Callable[[Submission], Any]:
    """Whether it is a module whose own __init__ was run, and which parameters it has."""

    def probe(submission: Submission) -> Any:
        try:
            layer = submission.create(name, 2)
        except Raised as raised:
            if of_the_machine(raised):
                raise
            early = "Module.__init__() call" in raised.message
            return "not initialised" if early else f"cannot be made: {raised.type}"
        try:
            if not isinstance(layer, Module) or not layer.is_module():
                return "no module"
            return [tuple(value.shape) for _, value in layer.describe().parameters]
        except Raised as raised:
            if of_the_machine(raised):
                raise
            return "not initialised" if raised.type == "AttributeError" else f"not described: {raised.type}"

    return probe


def _layer_probes(name: str, mode: str) -> tuple[Callable[[Submission], Any], ...]:
    outer = ((2, 3), (3, 2), (1, 2), (2, 1))
    calls = [
        _layer(name, call, seed, *outer[seed % len(outer)])
        for seed, call in enumerate(_CALLS)
        if seed == 0 or call[4].get("mode", "avg") == mode
    ]
    return (_inside(name), *calls)


_STACKS: tuple[list[tuple[int, int]], ...] = (
    [(3, 1)],
    [(3, 1), (5, 2), (2, 3), (4, 1)],
    [(5, 1), (2, 2), (5, 1), (2, 2)],
    [(2, 3), (4, 2), (3, 5), (5, 2)],
    [(1, 3), (2, 4), (3, 1)],
    [(3, 2), (3, 2), (3, 2)],
    [],
)


def _field(layers: list[tuple[int, int]]) -> Callable[[Submission], Any]:
    return lambda submission: observed(lambda: submission.receptive_field(layers))


def _average(channels: int, kernel_size: Size, *size: int) -> Callable[[Submission], Any]:
    """The linear part of what comes out, whether it is a convolution, fixed, random, and free of a bias.

    Weights and biases that are drawn at random differ from one to the next, and are told by that alone.
    """
    X = image(2, channels, *size, seed=channels)

    def one(submission: Submission) -> tuple[Module, Tensor, bool]:
        made = submission.create("avg_pool_as_conv", channels, kernel_size)
        constant = made(torch.zeros_like(X))
        return made, made(X).detach() - constant.detach(), bool(constant.any())

    def ask(submission: Submission) -> Any:
        made, linear, biased = one(submission)
        again = one(submission)[1]
        described = made.describe()
        random = linear.shape != again.shape or not torch.equal(linear, again)
        return {
            "kernel": any(value.dim() == 4 for value in described.state.values()),
            "learning": any(described.trainable.values()) and not biased,
            "biased": biased,
            "linear": "random" if random else linear,
        }

    return lambda submission: observed(lambda: ask(submission))


def _back(
    X: Tensor, grad_Y: Tensor, window: Size, mode: str | None, stride: Size | None = None
) -> Callable[[Submission], Any]:
    named: dict[str, Any] = {
        key: value for key, value in (("mode", mode), ("stride", stride)) if value is not None
    }
    return lambda submission: observed(
        lambda: submission.ask("pool2d_backward", grad_Y, X, window, return_arguments=True, **named)
    )


def _few(*shape: int, seed: int) -> Tensor:
    """Few different numbers, so that maxima are tied."""
    return image(*shape, seed=seed).remainder(3) - 4


_BACKS = (
    _back(image(5, 10, seed=1), image(2, 3, seed=2), (2, 3), None),
    _back(image(7, 8, seed=3) - 60, image(2, 4, seed=4), (3, 2), "max"),
    _back(image(7, 8, seed=5), image(2, 4, seed=6), (3, 2), "avg"),
    _back(image(6, 7, seed=7), image(5, 3, seed=8), (2, 3), "max", (1, 2)),
    _back(image(6, 7, seed=9), image(5, 3, seed=10), (2, 3), "avg", (1, 2)),
    _back(_few(4, 9, seed=11), image(2, 3, seed=12), (2, 3), "max"),
    _back(_few(5, 5, seed=13), image(3, 3, seed=14), 3, "max", 1),
    _back(
        image(4, 6, seed=15, dtype=torch.float64, layout="transposed"),
        image(2, 2, seed=16, dtype=torch.float64),
        (2, 3),
        "max",
    ),
    _back(
        image(4, 6, seed=17, dtype=torch.float64), image(2, 2, seed=18, dtype=torch.float64), (2, 3), "avg"
    ),
)

PROBES: dict[str, tuple[Callable[[Submission], Any], ...]] = {
    "pool2d": (
        *(_pooling("pool2d", call, seed) for seed, call in enumerate(_CALLS)),
        _far_below("pool2d"),
    ),
    "pool2d_multi_channel": (
        *(
            _pooling("pool2d_multi_channel", call, seed, *((3,), (2, 3), (1,), (3, 1), (1, 2))[seed % 5])
            for seed, call in enumerate(_CALLS)
        ),
        _far_below("pool2d_multi_channel", 2),
    ),
    "MaxPool2d": (*_layer_probes("MaxPool2d", "max"), _far_below("MaxPool2d", 1, 2)),
    "AvgPool2d": _layer_probes("AvgPool2d", "avg"),
    "receptive_field": tuple(map(_field, _STACKS)),
    "avg_pool_as_conv": (_average(3, 2, 5, 7), _average(2, (2, 3), 5, 7), _average(1, 3, 6, 7)),
    "pool2d_backward": _BACKS,
}
