"""Mistaken thoughts about the network of exercise 5, and about a design of one's own."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from functools import cache
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from ..sandbox.inside.wire import ClassOf, Opaque
from ..sandbox.trouble import Raised
from ..strategies import tensor
from ..subject import Module, Reply, Submission
from . import Probe, misconception

Layer = Callable[[], nn.Module]
Change = Layer | list[Layer] | None


class Does(nn.Module):
    """A step without parameters."""

    def __init__(self, does: Callable[[Tensor], Tensor]) -> None:
        super().__init__()
        self._does = does

    def forward(self, X: Tensor) -> Tensor:
        return self._does(X)


def step(does: Callable[[Tensor], Tensor]) -> Layer:
    """A layer that does this and nothing else."""
    return lambda: Does(does)


Classes = tuple[Callable[..., nn.Module], Callable[..., nn.Module]]
_TORCHS: Classes = (nn.Conv2d, nn.AvgPool2d)


def _conv(classes: Classes, *args: int, **kwargs: Any) -> Layer:
    return lambda: classes[0](*args, **kwargs)


def built(changes: Mapping[str, Change], classes: Classes = _TORCHS) -> nn.Sequential:
    """The right network but for some of its layers: another one, several, or none in their place."""
    makers: dict[str, Layer] = {
        "conv1": _conv(classes, 1, 6, 5, padding=2),
        "act1": nn.Sigmoid,
        "pool1": lambda: classes[1](2, 2),
        "conv2": _conv(classes, 6, 16, 5),
        "act2": nn.Sigmoid,
        "pool2": lambda: classes[1](2, 2),
        "flat": nn.Flatten,
        "fc1": lambda: nn.Linear(400, 120),
        "act3": nn.Sigmoid,
        "fc2": lambda: nn.Linear(120, 84),
        "act4": nn.Sigmoid,
        "fc3": lambda: nn.Linear(84, 10),
    }
    net = nn.Sequential()
    for name, maker in makers.items():
        change = changes.get(name, maker)
        for make in change if isinstance(change, list) else [change]:
            if make is not None:
                net.append(make())
    return net


_ACTS = ("act1", "act2", "act3", "act4")
_SIGMOID: Layer = nn.Sigmoid
_ORDER = "Read your forward aloud, line by line, and compare it with the table of layers. Which line differs?"
_LOGITS = "What does cross-entropy do with what the network gives it, before it takes the logarithm?"
_FLAT = "What shape has the tensor just before it is flattened, for a batch of three images? Print it."
_PATH = "Which way does the gradient take from the loss to the first convolution, and where does it end?"
_OWN = "Which lines of your class does nn.Module notice, so that parameters() finds the layers?"
_SIZE = "How large are the maps after each layer, from 28x28 on? Follow them with (n + 2p - k) // s + 1."


def _both(make: Layer) -> dict[str, Change]:
    return {"pool1": make, "pool2": make}


def _both_lists(c: Classes) -> dict[str, Change]:
    pools: list[Layer] = [lambda: c[1](2, 2), _SIGMOID]
    return {"pool1": pools, "pool2": pools}


# Name, sentence, hint, and which layers are others. These can be made of any classes passed in, too.
_CHANGED: tuple[tuple[str, str, str, Callable[[Classes], dict[str, Change]]], ...] = (
    (
        "relu-instead-of-sigmoid",
        "This is what one gets with ReLU after each layer. The classic network has sigmoids.",
        _ORDER,
        lambda c: dict.fromkeys(_ACTS, nn.ReLU),
    ),
    (
        "relu-after-the-convolutions",
        "This is what one gets with ReLU after the convolutions. The classic network has sigmoids "
        "everywhere.",
        _ORDER,
        lambda c: dict.fromkeys(_ACTS[:2], nn.ReLU),
    ),
    (
        "relu-after-the-linear-layers",
        "This is what one gets with ReLU after the linear layers. The classic network has sigmoids "
        "everywhere.",
        _ORDER,
        lambda c: dict.fromkeys(_ACTS[2:], nn.ReLU),
    ),
    (
        "tanh-instead-of-sigmoid",
        "This is what one gets with tanh after each layer. The network asked for has sigmoids.",
        _ORDER,
        lambda c: dict.fromkeys(_ACTS, nn.Tanh),
    ),
    (
        "no-activation-at-all",
        "There is no sigmoid anywhere. Without them all layers together are one linear map.",
        _ORDER,
        lambda c: dict.fromkeys(_ACTS, None),
    ),
    (
        "no-activation-after-the-convolutions",
        "The sigmoids after the convolutions are missing.",
        _ORDER,
        lambda c: dict.fromkeys(_ACTS[:2], None),
    ),
    (
        "no-activation-after-the-linear-layers",
        "The sigmoids after the first two linear layers are missing.",
        _ORDER,
        lambda c: dict.fromkeys(_ACTS[2:], None),
    ),
    *(
        (
            f"no-activation-after-{place}",
            f"The sigmoid after {words} is missing.",
            _ORDER,
            lambda c, act=act: {act: None},
        )
        for act, place, words in (
            ("act1", "the-first-convolution", "the first convolution"),
            ("act2", "the-second-convolution", "the second convolution"),
            ("act3", "the-first-linear-layer", "the first linear layer"),
            ("act4", "the-second-linear-layer", "the second linear layer"),
        )
    ),
    *(
        (
            f"two-activations-after-{place}",
            f"There are two sigmoids in a row after {words}.",
            _ORDER,
            lambda c, act=act: {act: [_SIGMOID, _SIGMOID]},
        )
        for act, place, words in (
            ("act1", "the-first-convolution", "the first convolution"),
            ("act2", "the-second-convolution", "the second convolution"),
            ("act3", "the-first-linear-layer", "the first linear layer"),
            ("act4", "the-second-linear-layer", "the second linear layer"),
        )
    ),
    (
        "pooling-before-the-sigmoid",
        "This is what one gets when the pooling comes before the sigmoid. It is convolution, sigmoid, "
        "pooling. "
        "With fresh parameters the two agree to five digits, which is why it hides so well.",
        _ORDER,
        lambda c: {
            **dict.fromkeys(_ACTS[:2], lambda: c[1](2, 2)),
            **_both(_SIGMOID),
        },
    ),
    (
        "first-pooling-before-its-sigmoid",
        "This is what one gets when the first pooling comes before its sigmoid. It is convolution, "
        "sigmoid, pooling.",
        _ORDER,
        lambda c: {"act1": lambda: c[1](2, 2), "pool1": _SIGMOID},
    ),
    (
        "second-pooling-before-its-sigmoid",
        "This is what one gets when the second pooling comes before its sigmoid. It is convolution, "
        "sigmoid, pooling.",
        _ORDER,
        lambda c: {"act2": lambda: c[1](2, 2), "pool2": _SIGMOID},
    ),
    (
        "sigmoid-after-the-pooling-too",
        "This is what one gets with a sigmoid before and one after each pooling. There is only the one "
        "before.",
        _ORDER,
        _both_lists,
    ),
    (
        "max-pooling",
        "This is what one gets with max pooling. The classic network takes means.",
        _ORDER,
        lambda c: _both(lambda: nn.MaxPool2d(2, 2)),
    ),
    (
        "first-pooling-is-max",
        "This is what one gets with max pooling in the first place. The classic network takes means in both.",
        _ORDER,
        lambda c: {"pool1": lambda: nn.MaxPool2d(2, 2)},
    ),
    (
        "second-pooling-is-max",
        "This is what one gets with max pooling in the second place. The classic network takes means in "
        "both.",
        _ORDER,
        lambda c: {"pool2": lambda: nn.MaxPool2d(2, 2)},
    ),
    (
        "relu-and-max-pooling",
        "This is what one gets with ReLU and max pooling, a later network under the same name. "
        "The classic one has sigmoids and average pooling.",
        _ORDER,
        lambda c: {**dict.fromkeys(_ACTS, nn.ReLU), **_both(lambda: nn.MaxPool2d(2, 2))},
    ),
    (
        "tanh-and-max-pooling",
        "This is what one gets with tanh and max pooling. The network asked for has sigmoids and average "
        "pooling.",
        _ORDER,
        lambda c: {**dict.fromkeys(_ACTS, nn.Tanh), **_both(lambda: nn.MaxPool2d(2, 2))},
    ),
    (
        "softmax-at-the-end",
        "There is a softmax at the end. The network should give logits: cross-entropy has its own softmax, "
        "and two in "
        "a row keep the loss from ever falling below 1.46.",
        _LOGITS,
        lambda c: {"fc3": [lambda: nn.Linear(84, 10), lambda: nn.Softmax(1)]},
    ),
    (
        "log-softmax-at-the-end",
        "There is a log-softmax at the end. The network should give the logits themselves.",
        _LOGITS,
        lambda c: {"fc3": [lambda: nn.Linear(84, 10), lambda: nn.LogSoftmax(1)]},
    ),
    (
        "softmax-over-the-batch",
        "There is a softmax at the end, and it goes over the images of the batch. The network should give "
        "logits.",
        _LOGITS,
        lambda c: {"fc3": [lambda: nn.Linear(84, 10), lambda: nn.Softmax(0)]},
    ),
    (
        "sigmoid-at-the-end",
        "There is a sigmoid at the end. The last layer has none: the network should give logits, of any "
        "size and sign.",
        _LOGITS,
        lambda c: {"fc3": [lambda: nn.Linear(84, 10), _SIGMOID]},
    ),
    (
        "relu-at-the-end",
        "There is a ReLU at the end. The last layer has no activation: the network should give logits, of "
        "any sign.",
        _LOGITS,
        lambda c: {"fc3": [lambda: nn.Linear(84, 10), nn.ReLU]},
    ),
    (
        "relu-and-max-pooling-and-softmax",
        "This is another network under the same name: ReLU, max pooling, and a softmax at the end. "
        "The classic one has sigmoids and average pooling, and gives logits.",
        _ORDER,
        lambda c: {
            **dict.fromkeys(_ACTS, nn.ReLU),
            **_both(lambda: nn.MaxPool2d(2, 2)),
            "fc3": [lambda: nn.Linear(84, 10), lambda: nn.Softmax(1)],
        },
    ),
    (
        "padding-of-the-first-convolution-forgotten",
        "256 numbers reach a linear layer made for 400: the padding of the first convolution is missing, "
        "as in a network for images of 32x32.",
        _SIZE,
        lambda c: {"conv1": _conv(c, 1, 6, 5)},
    ),
    (
        "flat-size-of-256",
        "The first linear layer takes 256 numbers. With padding=2 in the first convolution 16 maps of 5x5 "
        "reach it, "
        "which is 400.",
        _SIZE,
        lambda c: {"conv1": _conv(c, 1, 6, 5), "fc1": lambda: nn.Linear(256, 120)},
    ),
    (
        "padding-in-both-convolutions",
        "The first linear layer takes 784 numbers: the second convolution pads, too. Only the first one "
        "does.",
        _SIZE,
        lambda c: {"conv2": _conv(c, 6, 16, 5, padding=2), "fc1": lambda: nn.Linear(784, 120)},
    ),
    (
        "padding-in-both-convolutions-and-400",
        "784 numbers reach a linear layer made for 400: the second convolution pads, too. Only the first "
        "one does.",
        _SIZE,
        lambda c: {"conv2": _conv(c, 6, 16, 5, padding=2)},
    ),
    (
        "padding-in-the-second-convolution",
        "576 numbers reach a linear layer made for 400: the padding is in the second convolution, and "
        "belongs into "
        "the first.",
        _SIZE,
        lambda c: {"conv1": _conv(c, 1, 6, 5), "conv2": _conv(c, 6, 16, 5, padding=2)},
    ),
    (
        "flatten-forgotten",
        "The maps reach the first linear layer with their four axes. They should be flattened, each image "
        "on its own.",
        _FLAT,
        lambda c: {"flat": None},
    ),
    (
        "flattened-with-the-batch",
        "The whole batch is flattened into one row. The first axis, that of the images, should stay.",
        _FLAT,
        lambda c: {"flat": step(lambda X: X.flatten())},
    ),
    (
        "flattened-for-one-image",
        "The whole batch is flattened into one row, as view(1, -1) does: that works for a single image only.",
        _FLAT,
        lambda c: {"flat": step(lambda X: X.reshape(1, -1))},
    ),
    (
        "flattened-channels-last",
        "The maps are flattened with the channels last. They should come first, as they lie in memory.",
        _FLAT,
        lambda c: {"flat": step(lambda X: X.permute(0, 2, 3, 1).flatten(1))},
    ),
    (
        "flattened-columns-first",
        "The maps are flattened column by column. They should be read row by row.",
        _FLAT,
        lambda c: {"flat": step(lambda X: X.transpose(2, 3).flatten(1))},
    ),
    (
        "images-mixed",
        "The images of a batch are mixed: samples and channels were exchanged before flattening.",
        _FLAT,
        lambda c: {"flat": step(lambda X: X.transpose(0, 1).reshape(len(X), -1))},
    ),
    (
        "result-squeezed",
        "A batch of one image loses its batch axis, as squeeze() does it.",
        "What shape should the logits of a single image have?",
        lambda c: {"fc3": [lambda: nn.Linear(84, 10), step(lambda X: X.squeeze())]},
    ),
    (
        "only-the-first-image",
        "Only the first image of the batch gets its logits.",
        _FLAT,
        lambda c: {"fc3": [lambda: nn.Linear(84, 10), step(lambda X: X[:1])]},
    ),
    (
        "detached-after-the-first-block",
        "The numbers are right, but the first convolution never learns: the graph is cut behind its block.",
        _PATH,
        lambda c: {"pool1": [lambda: c[1](2, 2), step(lambda X: X.detach())]},
    ),
    (
        "detached-before-the-linear-layers",
        "The numbers are right, but the convolutions never learn: the graph is cut before the linear layers.",
        _PATH,
        lambda c: {"flat": [nn.Flatten, step(lambda X: X.detach())]},
    ),
    (
        "detached-at-the-end",
        "The numbers are right, but nothing learns: what comes out has no graph.",
        _PATH,
        lambda c: {"fc3": [lambda: nn.Linear(84, 10), step(lambda X: X.detach())]},
    ),
    (
        "always-float32-images",
        "There is an error when the network is in float64: the images are turned into float32 on the way in.",
        "Which dtype do the parameters have after net.double(), and which do the images have after "
        "X.float()?",
        lambda c: {"conv1": [step(lambda X: X.float()), _conv(c, 1, 6, 5, padding=2)]},
    ),
    (
        "dropout-left-in",
        "In training mode the same images give other logits each time: there is a dropout in the network.",
        _ORDER,
        lambda c: {"act3": [_SIGMOID, lambda: nn.Dropout(0.5)], "act4": [_SIGMOID, lambda: nn.Dropout(0.5)]},
    ),
    (
        "normalised-after-the-convolutions",
        "There is a batch normalisation after each convolution. The classic network has none.",
        _ORDER,
        lambda c: {
            "conv1": [_conv(c, 1, 6, 5, padding=2), lambda: nn.BatchNorm2d(6)],
            "conv2": [_conv(c, 6, 16, 5), lambda: nn.BatchNorm2d(16)],
        },
    ),
    (
        "no-biases-in-the-convolutions",
        "The convolutions have no bias. Each has one number for every output channel.",
        "How many parameters has your network, and how many should it have?",
        lambda c: {
            "conv1": _conv(c, 1, 6, 5, padding=2, bias=False),
            "conv2": _conv(c, 6, 16, 5, bias=False),
        },
    ),
    (
        "no-biases",
        "No layer has a bias. Each has one number for every output.",
        "How many parameters has your network, and how many should it have?",
        lambda c: {
            "conv1": _conv(c, 1, 6, 5, padding=2, bias=False),
            "conv2": _conv(c, 6, 16, 5, bias=False),
            "fc1": lambda: nn.Linear(400, 120, bias=False),
            "fc2": lambda: nn.Linear(120, 84, bias=False),
            "fc3": lambda: nn.Linear(84, 10, bias=False),
        },
    ),
    (
        "linear-layer-of-84-missing",
        "The linear layer from 120 to 84 is missing.",
        "How many parameters has your network, and how many should it have?",
        lambda c: {"fc2": None, "act4": None, "fc3": lambda: nn.Linear(120, 10)},
    ),
    (
        "linear-layer-of-120-missing",
        "The linear layer to 120 is missing: it goes from 400 to 120, and from there to 84.",
        "How many parameters has your network, and how many should it have?",
        lambda c: {"fc1": None, "act3": None, "fc2": lambda: nn.Linear(400, 84)},
    ),
    (
        "hidden-sizes-exchanged",
        "The linear layers have 84 and 120 outputs. It is 120 first, then 84.",
        "How many parameters has your network, and how many should it have?",
        lambda c: {
            "fc1": lambda: nn.Linear(400, 84),
            "fc2": lambda: nn.Linear(84, 120),
            "fc3": lambda: nn.Linear(120, 10),
        },
    ),
    (
        "three-channels-in",
        "The first convolution wants images of three channels. These are grey: they have one.",
        "What is the shape of one batch of images?",
        lambda c: {"conv1": _conv(c, 3, 6, 5, padding=2)},
    ),
    (
        "one-logit-too-many",
        "Eleven logits come out. There are ten classes, from 0 to 9.",
        "How many classes are there, if the last one is number 9?",
        lambda c: {"fc3": lambda: nn.Linear(84, 11)},
    ),
)


def _of_pool_size_one(stride: int, size: int) -> Callable[[Classes], dict[str, Change]]:
    return lambda c: _both(lambda: c[1](size, stride))


_POOLED: tuple[tuple[str, str, str, Callable[[Classes], dict[str, Change]]], ...] = (
    (
        "pooling-of-stride-one",
        "Far more than 400 numbers reach the first linear layer: the poolings move by 1 only. They should "
        "halve the maps.",
        _SIZE,
        _of_pool_size_one(1, 2),
    ),
    (
        "poolings-missing",
        "Far more than 400 numbers reach the first linear layer: the poolings are missing. They should "
        "halve the maps.",
        _SIZE,
        lambda c: {"pool1": None, "pool2": None},
    ),
    (
        "second-pooling-missing",
        "1600 numbers reach a linear layer made for 400: the second pooling is missing.",
        _SIZE,
        lambda c: {"pool2": None},
    ),
    (
        "first-pooling-missing",
        "Too many numbers reach the first linear layer: the first pooling is missing.",
        _SIZE,
        lambda c: {"pool1": None},
    ),
)


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
        lambda c: _TORCHS,
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
        misconception(name, "lenet", says=says, hint=hint)(
            _fixed(lambda change=change: built(change(_TORCHS)))
        )
        for name, says, hint, change in (*_CHANGED, *_POOLED)
    ),
    *(misconception(name, "lenet", says=says, hint=hint)(_fixed(make)) for name, says, hint, make in _ALONE),
    *(
        misconception(f"{name}-from-classes", "lenet_from", says=says, hint=hint)(_from_classes(change))
        for name, says, hint, change in (*_CHANGED, *_POOLED)
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
