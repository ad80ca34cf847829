"""The questions by which answers to the tasks of exercise 5 are told apart."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor

from graders.diagnosis.mistakes import Probe
from graders.diagnosis.observing import of_the_machine
from graders.sandbox.errors import Raised
from graders.sandbox.inside.wire import Build, Stream
from graders.testing.expect import facts
from graders.testing.module import Description, Module
from graders.testing.strategies import tensor
from graders.testing.submission import Submission

from .beginning_slips import fans
from .network_probes import NETWORK_PROBES
from .training_slips import Batch

_MISSING = re.compile(r"has no (len\(\)|attribute '\w+')")
_SAID = ("multi-target not supported", "must match the size of tensor")


def about(ask: Callable[[], Any]) -> Any:
    """What came, or what the error was about."""
    try:
        return ask()
    except Raised as raised:
        if of_the_machine(raised):
            raise
        missing = _MISSING.search(raised.message)
        said = next((f": {words}" for words in _SAID if words in raised.message), "")
        return f"a {raised.type}{f', no {missing[1]}' if missing else said}"


def number(value: Any) -> Any:
    """A number as a float; that of a tensor is marked."""
    if isinstance(value, Tensor) and value.dim() == 0:
        return "graph" if facts(value).has_grad_fn else "tensor", float(value)
    return float(value) if isinstance(value, (int, float)) else type(value).__name__


def _plain(value: Any) -> Any:
    """Pairs of any kind as tuples."""
    if isinstance(value, (list, tuple)):
        return tuple(map(_plain, value))
    return value


def _traces(before: Description, after: Description) -> dict[str, Any]:
    """What a look has left behind."""
    return {
        "modes": [training for _, _, training, _, _ in after.modules],
        "hooks": [hooks for _, _, _, hooks, _ in after.modules],
        "state": all(torch.equal(value, after.state[name]) for name, value in before.state.items()),
    }


def known(net: Module, dtype: torch.dtype) -> Module:
    """The network with known parameters."""
    net.convert(dtype=dtype)
    shapes = [value.shape for _, value in net.describe().parameters]
    net.assign([tensor(*shape, seed=place, dtype=dtype) / 4 for place, shape in enumerate(shapes)])
    return net


def b(name: str, *args: Any, **kwargs: Any) -> Build:
    """`nn.name(*args, **kwargs)`, to be built in the student process."""
    return Build(name, args, kwargs)


_MIXED = (
    b("Conv2d", 1, 2, 3, padding=1),
    b("BatchNorm2d", 2),
    b("Sequential", b("ReLU"), b("Sequential", b("AvgPool2d", 2))),
    b("ReLU"),
    b("Flatten"),
    b("Linear", 12, 5),
    b("ReLU"),
)
_SMALL = (b("Conv2d", 1, 2, 5), b("AvgPool2d", 4), b("Flatten"), b("Linear", 72, 3))


def _look(*input_shape: tuple[int, ...], training: bool, frozen: bool = False) -> Probe:
    def ask(submission: Submission) -> Any:
        layers: list[Any] = list(_MIXED if input_shape else _SMALL)
        net = submission.build("Sequential", *layers).convert(training=training)
        if frozen:
            part = submission.build("BatchNorm2d", 2).convert(training=not training)
            net = submission.build("Sequential", layers[0], part, *layers[2:])
        known(net, torch.float32)
        before = net.describe()
        reply = submission.ask("layer_shapes", net, *input_shape)
        value = reply.value if isinstance(reply.value, dict) else _plain(reply.value)
        state = any("grad mode" in change for change in reply.changed_state)
        return value, _traces(before, net.describe()), state

    return lambda submission: about(lambda: ask(submission))


_NESTED = (
    b("Sequential", b("Conv2d", 1, 2, 3), b("Tanh"), b("Sequential", b("AvgPool2d", 2))),
    b("Conv2d", 2, 3, (1, 2)),
    b("Flatten"),
    b("Sequential", b("Linear", 12, 4), b("Tanh")),
    b("Linear", 4, 2),
)
_IN_PLACE = (b("Conv2d", 1, 2, 2), b("ReLU", inplace=True), b("Flatten"), b("Linear", 24, 3))


def _maps_of(layers: tuple[Build, ...], *size: int, training: bool = True) -> Probe:
    X = tensor(*size, seed=sum(size), dtype=torch.float64)

    def ask(submission: Submission) -> Any:
        recorder = submission.build("Recorder")
        net = known(submission.build("Sequential", *layers, recorder), torch.float64).convert(
            training=training
        )
        before = net.describe()
        value = submission.ask("feature_maps", net, X).value
        calls = recorder.attribute("calls")
        if isinstance(value, dict):
            value = {name: _values(value[name]) for name in sorted(value, key=str)}
        elif isinstance(value, list):
            value = [_values(item) for item in value]
        traces = _traces(before, net.describe())
        passes = len(calls) if isinstance(calls, list) else 0  # none is seen where a copy does the work
        return value, traces, min(max(passes, 1), 3)

    return lambda submission: about(lambda: ask(submission))


def _values(item: Any) -> Any:
    """The numbers of a map, whether it carries a graph or not."""
    return item.detach().clone() if isinstance(item, Tensor) else item


def _labelled(*sizes: int, seed: int) -> list[Batch]:
    """Images whose own four numbers are the logits, no two alike; two thirds of the labels are right."""
    batches = []
    for place, size in enumerate(sizes):
        generator = torch.Generator().manual_seed(seed * 10 + place)
        X = torch.stack([torch.randperm(4, generator=generator) for _ in range(size)]).float()
        y = torch.where(
            torch.arange(size) % 3 == 0, torch.randint(0, 4, (size,), generator=generator), X.argmax(1)
        )
        batches.append((X.reshape(size, 1, 2, 2), y))
    return batches


def _reader(submission: Submission, *before: Any) -> Module:
    linear = submission.build("Linear", 4, 4)
    linear.assign([torch.eye(4), torch.zeros(4)])
    return submission.build("Sequential", *before, Build("Flatten"), linear)


def _after(net: Module) -> list[bool]:
    return [training for _, _, training, _, _ in net.describe().modules]


def _share_of(*sizes: int, seed: int, stream: bool = False) -> Probe:
    batches = _labelled(*sizes, seed=seed)
    data = Stream(tuple(batches)) if stream else batches
    return lambda submission: about(lambda: number(submission.accuracy(_reader(submission), data)))


def _evaluated(training: bool, frozen: bool = False) -> Probe:
    """What a layer saw meanwhile, and the modes afterwards."""

    def ask(submission: Submission) -> Any:
        recorder = submission.build("Recorder").convert(training=training)
        if frozen:
            recorder.convert(training=not training)
        net = _reader(submission, recorder)
        if not frozen:
            net.convert(training=training)
        reply = submission.ask("accuracy", net, _labelled(4, 2, seed=3))
        calls = recorder.attribute("calls")
        calls = calls if isinstance(calls, list) else []
        return {
            "share": number(reply.value),
            "training": any(call["training"] for call in calls),
            "gradients": any(call["grad_enabled"] for call in calls),
            "modes": _after(net),
            "state": any("grad mode" in change for change in reply.changed_state),
        }

    return lambda submission: about(lambda: ask(submission))


def _examples(*sizes: int, seed: int) -> list[Batch]:
    batches = []
    for place, size in enumerate(sizes):
        X = tensor(size, 1, 3, 4, seed=seed + 2 * place, values="normal", dtype=torch.float64)
        batches.append((X, (tensor(size, seed=seed + 2 * place + 1) % 3).long()))
    return batches


_LAYERS = (Build("Flatten"), Build("Linear", (12, 5)), Build("Tanh"), Build("Linear", (5, 3)))
_NORMALISED = (
    Build("Conv2d", (1, 3, 2)),
    Build("BatchNorm2d", (3,)),
    Build("Flatten"),
    Build("Linear", (18, 3)),
)


def _trained(
    *sizes: int,
    epochs: int,
    lr: float,
    seed: int,
    layers: Sequence[Build] = _LAYERS,
    training: bool = True,
    stream: bool = False,
) -> Probe:
    """Losses and parameters of a training from known parameters; what is random is told by that alone."""
    batches = _examples(*sizes, seed=seed)
    data = Stream(tuple(batches)) if stream else batches

    def once(submission: Submission) -> Any:
        net = submission.build("Sequential", *layers)
        net.convert(dtype=torch.float64, training=training)
        shapes = [value.shape for _, value in net.describe().parameters]
        net.assign(
            [
                tensor(*shape, seed=place, values="normal", dtype=torch.float64) / 2
                for place, shape in enumerate(shapes)
            ]
        )
        value = submission.train(net, data, epochs, lr)
        losses = list(map(number, value)) if isinstance(value, (list, tuple)) else type(value).__name__
        losses = number(value) if isinstance(value, (int, float, Tensor)) else losses
        if isinstance(losses, list):  # a plain tensor is as good as a number
            losses = [item[1] if isinstance(item, tuple) and item[0] == "tensor" else item for item in losses]
        return losses, [parameter for _, parameter in net.describe().parameters]

    def ask(submission: Submission) -> Any:
        first, second = once(submission), once(submission)
        differ = any(not torch.allclose(a, b) for a, b in zip(first[1], second[1], strict=True))
        return "random" if differ else first

    return lambda submission: about(lambda: ask(submission))


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
        found.append((deviation, *fans(weight), math.prod(weight.shape[2:])))
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


PROBES: dict[str, tuple[Probe, ...]] = {
    **NETWORK_PROBES,
    "layer_shapes": (
        _look((2, 1, 4, 6), training=True),
        _look(training=False),
        _look((2, 1, 4, 6), training=True, frozen=True),
    ),
    "feature_maps": (
        _maps_of(_NESTED, 2, 1, 6, 8),
        _maps_of(_NESTED, 1, 1, 6, 8, training=False),
        _maps_of(_IN_PLACE, 2, 1, 4, 5),
    ),
    "accuracy": (
        _share_of(7, 4, 2, seed=1),
        _share_of(5, 1, seed=2, stream=True),
        _evaluated(training=True),
        _evaluated(training=False),
        _evaluated(training=True, frozen=True),
    ),
    "train": (
        _trained(2, 3, epochs=2, lr=0.2, seed=30, stream=True),
        _trained(5, 3, 1, epochs=3, lr=0.5, seed=1),
        _trained(4, epochs=1, lr=0.3, seed=50),
        _trained(4, 3, epochs=2, lr=0.3, seed=60, layers=_NORMALISED, training=False),
        _trained(4, 3, epochs=2, lr=0.3, seed=70, layers=_NORMALISED, training=True),
    ),
    "init_lenet": (_beginning,),
}
