"""What goes wrong in building the network: its layers, their order, and how a module keeps them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import cache
from typing import Any

from torch import Tensor, nn

from graders.diagnosis.pipeline import Call, Slip, Slips, after, step

Make = Callable[[], nn.Module]
Change = Make | list[Make] | None
Classes = tuple[Callable[..., nn.Module], Callable[..., nn.Module]]
TORCHS: Classes = (nn.Conv2d, nn.AvgPool2d)


class Does(nn.Module):
    """A step without parameters."""

    def __init__(self, does: Callable[[Tensor], Tensor]) -> None:
        super().__init__()
        self._does = does

    def forward(self, X: Tensor) -> Tensor:
        return self._does(X)


def does(what: Callable[[Tensor], Tensor]) -> Make:
    """A layer that does this and nothing else."""
    return lambda: Does(what)


class Network(Call):
    """A network as its layers by name, made of two classes that are passed in."""

    classes: Classes = TORCHS

    def conv(self, *args: int, **options: Any) -> Make:
        return lambda: self.classes[0](*args, **options)

    def pool(self, *args: int) -> Make:
        return lambda: self.classes[1](*args)

    @step
    def layers(self) -> Mapping[str, Change]:
        """What makes each of them: one layer, several, or none."""
        return {
            "conv1": self.conv(1, 6, 5, padding=2),
            "act1": nn.Sigmoid,
            "pool1": self.pool(2, 2),
            "conv2": self.conv(6, 16, 5),
            "act2": nn.Sigmoid,
            "pool2": self.pool(2, 2),
            "flat": nn.Flatten,
            "fc1": lambda: nn.Linear(400, 120),
            "act3": nn.Sigmoid,
            "fc2": lambda: nn.Linear(120, 84),
            "act4": nn.Sigmoid,
            "fc3": lambda: nn.Linear(84, 10),
        }

    @step
    def gathered(self) -> Callable[[list[nn.Module]], Any]:
        """What becomes of the layers."""
        return lambda layers: nn.Sequential(*layers)

    @step
    def result(self) -> Any:
        made = []
        for change in self.layers.values():
            makers = change if isinstance(change, list) else [change]
            made += [make() for make in makers if make is not None]
        return self.gathered(made)


# ------------------------------------------------------------------------------------------- how to slip


def changed(change: Callable[[Network], Mapping[str, Change]]) -> Slip:
    """Some layers are others, by name."""
    return lambda a: a.but(layers={**a.layers, **change(a)})


def instead(places: Sequence[str], *makers: Make | None) -> Slip:
    """The same layers, or none, in several places."""
    return changed(lambda a: {place: [make for make in makers if make] for place in places})


def followed(place: str, *makers: Make) -> Slip:
    """More layers behind one."""

    def slip(a: Network) -> Network:
        before = a.layers[place]
        kept = before if isinstance(before, list) else [before] if before else []
        return a.but(layers={**a.layers, place: [*kept, *makers]})

    return slip


def several(*slips: Slip) -> Slip:
    """All of them at once."""

    def slip(a: Any) -> Any:
        for one in slips:
            a = one(a)
        return a

    return slip


ACTS, POOLS = ("act1", "act2", "act3", "act4"), ("pool1", "pool2")
PLACES = {
    "act1": "the-first-convolution",
    "act2": "the-second-convolution",
    "act3": "the-first-linear-layer",
    "act4": "the-second-linear-layer",
}
RELU, TANH = instead(ACTS, nn.ReLU), instead(ACTS, nn.Tanh)
MAXIMA = instead(POOLS, lambda: nn.MaxPool2d(2, 2))
SOFTMAX = followed("fc3", lambda: nn.Softmax(1))


def flattened(how: Callable[[Tensor], Tensor]) -> Slip:
    return instead(["flat"], does(how))


def before_its_sigmoid(*numbers: int) -> Slip:
    """Pooling first, then the sigmoid."""
    return changed(
        lambda a: {
            **{f"act{number}": a.pool(2, 2) for number in numbers},
            **{f"pool{number}": nn.Sigmoid for number in numbers},
        }
    )


def without_biases(a: Network) -> Mapping[str, Change]:
    return {
        "conv1": a.conv(1, 6, 5, padding=2, bias=False),
        "conv2": a.conv(6, 16, 5, bias=False),
    }


# ------------------------------------------------------------ slips that need not know what else is wrong

# At the end, or in the graph: these are met together with others.
ADDED: Slips = {
    "softmax-at-the-end": SOFTMAX,
    "log-softmax-at-the-end": followed("fc3", lambda: nn.LogSoftmax(1)),
    "softmax-over-the-batch": followed("fc3", lambda: nn.Softmax(0)),
    "sigmoid-at-the-end": followed("fc3", nn.Sigmoid),
    "relu-at-the-end": followed("fc3", nn.ReLU),
    "result-squeezed": followed("fc3", does(lambda X: X.squeeze())),
    "only-the-first-image": followed("fc3", does(lambda X: X[:1])),
    "detached-after-the-first-block": followed("pool1", does(lambda X: X.detach())),
    "detached-before-the-linear-layers": followed("flat", does(lambda X: X.detach())),
    "detached-at-the-end": followed("fc3", does(lambda X: X.detach())),
    "dropout-left-in": several(
        followed("act3", lambda: nn.Dropout(0.5)), followed("act4", lambda: nn.Dropout(0.5))
    ),
}

LAYERS: Slips = {
    "relu-instead-of-sigmoid": RELU,
    "relu-after-the-convolutions": instead(ACTS[:2], nn.ReLU),
    "relu-after-the-linear-layers": instead(ACTS[2:], nn.ReLU),
    "tanh-instead-of-sigmoid": TANH,
    "no-activation-at-all": instead(ACTS),
    "no-activation-after-the-convolutions": instead(ACTS[:2]),
    "no-activation-after-the-linear-layers": instead(ACTS[2:]),
    **{f"no-activation-after-{place}": instead([act]) for act, place in PLACES.items()},
    **{f"two-activations-after-{place}": followed(act, nn.Sigmoid) for act, place in PLACES.items()},
    "pooling-before-the-sigmoid": before_its_sigmoid(1, 2),
    "first-pooling-before-its-sigmoid": before_its_sigmoid(1),
    "second-pooling-before-its-sigmoid": before_its_sigmoid(2),
    "sigmoid-after-the-pooling-too": several(*(followed(place, nn.Sigmoid) for place in POOLS)),
    "max-pooling": MAXIMA,
    "first-pooling-is-max": instead(["pool1"], lambda: nn.MaxPool2d(2, 2)),
    "second-pooling-is-max": instead(["pool2"], lambda: nn.MaxPool2d(2, 2)),
    "relu-and-max-pooling": several(RELU, MAXIMA),
    "tanh-and-max-pooling": several(TANH, MAXIMA),
    "relu-and-max-pooling-and-softmax": several(RELU, MAXIMA, SOFTMAX),
    "padding-of-the-first-convolution-forgotten": changed(lambda a: {"conv1": a.conv(1, 6, 5)}),
    "flat-size-of-256": changed(lambda a: {"conv1": a.conv(1, 6, 5), "fc1": lambda: nn.Linear(256, 120)}),
    "padding-in-both-convolutions": changed(
        lambda a: {"conv2": a.conv(6, 16, 5, padding=2), "fc1": lambda: nn.Linear(784, 120)}
    ),
    "padding-in-both-convolutions-and-400": changed(lambda a: {"conv2": a.conv(6, 16, 5, padding=2)}),
    "padding-in-the-second-convolution": changed(
        lambda a: {"conv1": a.conv(1, 6, 5), "conv2": a.conv(6, 16, 5, padding=2)}
    ),
    "flatten-forgotten": instead(["flat"]),
    "flattened-with-the-batch": flattened(lambda X: X.flatten()),
    "flattened-for-one-image": flattened(lambda X: X.reshape(1, -1)),
    "flattened-channels-last": flattened(lambda X: X.permute(0, 2, 3, 1).flatten(1)),
    "flattened-columns-first": flattened(lambda X: X.transpose(2, 3).flatten(1)),
    "images-mixed": flattened(lambda X: X.transpose(0, 1).reshape(len(X), -1)),
    "always-float32-images": changed(
        lambda a: {"conv1": [does(lambda X: X.float()), a.conv(1, 6, 5, padding=2)]}
    ),
    "normalised-after-the-convolutions": several(
        followed("conv1", lambda: nn.BatchNorm2d(6)), followed("conv2", lambda: nn.BatchNorm2d(16))
    ),
    "no-biases-in-the-convolutions": changed(without_biases),
    "no-biases": changed(
        lambda a: {
            **without_biases(a),
            "fc1": lambda: nn.Linear(400, 120, bias=False),
            "fc2": lambda: nn.Linear(120, 84, bias=False),
            "fc3": lambda: nn.Linear(84, 10, bias=False),
        }
    ),
    "linear-layer-of-84-missing": changed(
        lambda a: {"fc2": None, "act4": None, "fc3": lambda: nn.Linear(120, 10)}
    ),
    "linear-layer-of-120-missing": changed(
        lambda a: {"fc1": None, "act3": None, "fc2": lambda: nn.Linear(400, 84)}
    ),
    "hidden-sizes-exchanged": changed(
        lambda a: {
            "fc1": lambda: nn.Linear(400, 84),
            "fc2": lambda: nn.Linear(84, 120),
            "fc3": lambda: nn.Linear(120, 10),
        }
    ),
    "three-channels-in": changed(lambda a: {"conv1": a.conv(3, 6, 5, padding=2)}),
    "one-logit-too-many": changed(lambda a: {"fc3": lambda: nn.Linear(84, 11)}),
    "pooling-of-stride-one": changed(lambda a: dict.fromkeys(POOLS, a.pool(2, 1))),
    "poolings-missing": instead(POOLS),
    "second-pooling-missing": instead(["pool2"]),
    "first-pooling-missing": instead(["pool1"]),
}

# --------------------------------------------------------------------------------- how a module keeps them


class InAList(nn.Module):
    """Some layers kept in a plain list, where nn.Module does not see them."""

    def __init__(self, layers: list[nn.Module], hidden: slice) -> None:
        super().__init__()
        self._all = [(layer,) for layer in layers]
        seen = [layer for place, layer in enumerate(layers) if place not in range(len(layers))[hidden]]
        self.seen = nn.ModuleList(seen)

    def forward(self, X: Tensor) -> Tensor:
        for (layer,) in self._all:
            X = layer(X)
        return X


class MadeInForward(nn.Module):
    """The last layer is a new one in every pass."""

    def __init__(self, layers: list[nn.Module]) -> None:
        super().__init__()
        self.body = nn.Sequential(*layers[:-1])

    def forward(self, X: Tensor) -> Tensor:
        return nn.Linear(84, 10)(self.body(X))  # type: ignore[no-any-return]


class OtherOrder(nn.Module):
    """Linear layers first."""

    def __init__(self, layers: list[nn.Module]) -> None:
        super().__init__()
        self.classifier = nn.Sequential(*layers[6:])
        self.features = nn.Sequential(*layers[:6])

    def forward(self, X: Tensor) -> Tensor:
        return self.classifier(self.features(X))  # type: ignore[no-any-return]


def gathered(how: Callable[[list[nn.Module]], Any]) -> Slip:
    return lambda a: a.but(gathered=how)


@cache
def one_for_all() -> Any:
    """A network that is made once."""
    return Network().answer()


ALONE: Slips = {
    "layers-in-a-list": gathered(lambda layers: InAList(layers, slice(None))),
    "convolutions-in-a-list": gathered(lambda layers: InAList(layers, slice(0, 6))),
    "linear-layers-in-a-list": gathered(lambda layers: InAList(layers, slice(6, None))),
    "layer-made-in-forward": gathered(MadeInForward),
    "parameters-in-another-order": gathered(OtherOrder),
    "class-returned": gathered(lambda layers: OtherOrder),
    "one-network-for-all-calls": gathered(lambda layers: one_for_all()),
    "frozen": after(lambda net: net.requires_grad_(False)),
}

GIVEN: Slips = {
    "given-classes-ignored": lambda a: a.but(classes=TORCHS),
    "given-convolution-ignored": lambda a: a.but(classes=(nn.Conv2d, a.classes[1])),
    "given-pooling-ignored": lambda a: a.but(classes=(a.classes[0], nn.AvgPool2d)),
}

# ------------------------------------------------------------------------------------------------- modern


def modern(*last: nn.Module) -> nn.Module:
    """A design of one's own."""
    layers = [
        *(nn.Conv2d(1, 8, 5, padding=2), nn.BatchNorm2d(8), nn.ReLU(), nn.MaxPool2d(2)),
        *(nn.Conv2d(8, 16, 3, padding=1), nn.BatchNorm2d(16), nn.ReLU(), nn.MaxPool2d(2)),
    ]
    return nn.Sequential(*layers, nn.Flatten(), *last)


def too_wide() -> nn.Module:
    return nn.Sequential(nn.Flatten(), nn.Linear(784, 120), nn.ReLU(), nn.Linear(120, 10))


MODERN: Slips = {
    "more-parameters-than-allowed": gathered(lambda layers: too_wide()),
    "classic-again": gathered(lambda layers: nn.Sequential(*layers)),
    "modern-without-ten-classes": gathered(lambda layers: modern(nn.Linear(16 * 7 * 7, 11))),
}
