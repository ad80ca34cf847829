"""Mistakes about the layers of exercise 5's network and their order."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from torch import Tensor, nn

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
TORCHS: Classes = (nn.Conv2d, nn.AvgPool2d)


def _conv(classes: Classes, *args: int, **kwargs: Any) -> Layer:
    return lambda: classes[0](*args, **kwargs)


def built(changes: Mapping[str, Change], classes: Classes = TORCHS) -> nn.Sequential:
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
_LOGITS = "What does cross-entropy do with the network's output before it takes the logarithm?"
_FLAT = "What shape does the tensor have just before it is flattened, for a batch of three images? Print it."
_PATH = "Which path does the gradient take from the loss to the first convolution, and where does it end?"
_SIZE = (
    "How large are the maps after each layer, starting from 28x28? Follow them with (n + 2p - k) // s + 1."
)


def _both(make: Layer) -> dict[str, Change]:
    return {"pool1": make, "pool2": make}


def _both_lists(c: Classes) -> dict[str, Change]:
    pools: list[Layer] = [lambda: c[1](2, 2), _SIGMOID]
    return {"pool1": pools, "pool2": pools}


_PLACES = (
    ("act1", "the-first-convolution", "the first convolution"),
    ("act2", "the-second-convolution", "the second convolution"),
    ("act3", "the-first-linear-layer", "the first linear layer"),
    ("act4", "the-second-linear-layer", "the second linear layer"),
)


def _instead(name: str, *layers: Layer) -> Callable[[Classes], dict[str, Change]]:
    return lambda c: {name: list(layers)}


# Name, sentence, hint, and which layers are others. These can be made of any classes passed in, too.
CHANGED: tuple[tuple[str, str, str, Callable[[Classes], dict[str, Change]]], ...] = (
    (
        "relu-instead-of-sigmoid",
        "You get this result with ReLU after each layer. The classic network uses sigmoids.",
        _ORDER,
        lambda c: dict.fromkeys(_ACTS, nn.ReLU),
    ),
    (
        "relu-after-the-convolutions",
        "You get this result with ReLU after the convolutions. The classic network uses sigmoids everywhere.",
        _ORDER,
        lambda c: dict.fromkeys(_ACTS[:2], nn.ReLU),
    ),
    (
        "relu-after-the-linear-layers",
        "You get this result with ReLU after the linear layers. The classic network uses sigmoids "
        "everywhere.",
        _ORDER,
        lambda c: dict.fromkeys(_ACTS[2:], nn.ReLU),
    ),
    (
        "tanh-instead-of-sigmoid",
        "You get this result with tanh after each layer. This network should use sigmoids.",
        _ORDER,
        lambda c: dict.fromkeys(_ACTS, nn.Tanh),
    ),
    (
        "no-activation-at-all",
        "There is no sigmoid anywhere. Without sigmoids, all layers together are just one linear map.",
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
        (f"no-activation-after-{place}", f"The sigmoid after {words} is missing.", _ORDER, _instead(act))
        for act, place, words in _PLACES
    ),
    *(
        (
            f"two-activations-after-{place}",
            f"There are two sigmoids in a row after {words}.",
            _ORDER,
            _instead(act, _SIGMOID, _SIGMOID),
        )
        for act, place, words in _PLACES
    ),
    (
        "pooling-before-the-sigmoid",
        "You get this result when the pooling comes before the sigmoid. The order is convolution, sigmoid, "
        "pooling. With fresh parameters both orders agree to five digits, so this mistake hides well.",
        _ORDER,
        lambda c: {
            **dict.fromkeys(_ACTS[:2], lambda: c[1](2, 2)),
            **_both(_SIGMOID),
        },
    ),
    (
        "first-pooling-before-its-sigmoid",
        "You get this result when the first pooling comes before its sigmoid. The order is convolution, "
        "sigmoid, pooling.",
        _ORDER,
        lambda c: {"act1": lambda: c[1](2, 2), "pool1": _SIGMOID},
    ),
    (
        "second-pooling-before-its-sigmoid",
        "You get this result when the second pooling comes before its sigmoid. The order is convolution, "
        "sigmoid, pooling.",
        _ORDER,
        lambda c: {"act2": lambda: c[1](2, 2), "pool2": _SIGMOID},
    ),
    (
        "sigmoid-after-the-pooling-too",
        "You get this result with one sigmoid before and one after each pooling. Only the one before "
        "should be there.",
        _ORDER,
        _both_lists,
    ),
    (
        "max-pooling",
        "You get this result with max pooling. The classic network uses average pooling.",
        _ORDER,
        lambda c: _both(lambda: nn.MaxPool2d(2, 2)),
    ),
    (
        "first-pooling-is-max",
        "You get this result when the first pooling is max pooling. Both poolings of the classic network "
        "are average poolings.",
        _ORDER,
        lambda c: {"pool1": lambda: nn.MaxPool2d(2, 2)},
    ),
    (
        "second-pooling-is-max",
        "You get this result when the second pooling is max pooling. Both poolings of the classic network "
        "are average poolings.",
        _ORDER,
        lambda c: {"pool2": lambda: nn.MaxPool2d(2, 2)},
    ),
    (
        "relu-and-max-pooling",
        "You get this result with ReLU and max pooling, a later network with the same name. The classic "
        "one uses sigmoids and average pooling.",
        _ORDER,
        lambda c: {**dict.fromkeys(_ACTS, nn.ReLU), **_both(lambda: nn.MaxPool2d(2, 2))},
    ),
    (
        "tanh-and-max-pooling",
        "You get this result with tanh and max pooling. This network should use sigmoids and average "
        "pooling.",
        _ORDER,
        lambda c: {**dict.fromkeys(_ACTS, nn.Tanh), **_both(lambda: nn.MaxPool2d(2, 2))},
    ),
    (
        "softmax-at-the-end",
        "There is a softmax at the end. The network should return logits: cross-entropy has its own "
        "softmax, and two in a row keep the loss from ever falling below 1.46.",
        _LOGITS,
        lambda c: {"fc3": [lambda: nn.Linear(84, 10), lambda: nn.Softmax(1)]},
    ),
    (
        "log-softmax-at-the-end",
        "There is a log-softmax at the end. The network should return the logits themselves.",
        _LOGITS,
        lambda c: {"fc3": [lambda: nn.Linear(84, 10), lambda: nn.LogSoftmax(1)]},
    ),
    (
        "softmax-over-the-batch",
        "There is a softmax at the end, and it runs over the images of the batch. The network should "
        "return logits.",
        _LOGITS,
        lambda c: {"fc3": [lambda: nn.Linear(84, 10), lambda: nn.Softmax(0)]},
    ),
    (
        "sigmoid-at-the-end",
        "There is a sigmoid at the end. The last layer has none: the network should return logits, of any "
        "size and sign.",
        _LOGITS,
        lambda c: {"fc3": [lambda: nn.Linear(84, 10), _SIGMOID]},
    ),
    (
        "relu-at-the-end",
        "There is a ReLU at the end. The last layer has no activation: the network should return logits, "
        "of any sign.",
        _LOGITS,
        lambda c: {"fc3": [lambda: nn.Linear(84, 10), nn.ReLU]},
    ),
    (
        "relu-and-max-pooling-and-softmax",
        "This is another network with the same name: ReLU, max pooling and a softmax at the end. The "
        "classic one uses sigmoids and average pooling, and returns logits.",
        _ORDER,
        lambda c: {
            **dict.fromkeys(_ACTS, nn.ReLU),
            **_both(lambda: nn.MaxPool2d(2, 2)),
            "fc3": [lambda: nn.Linear(84, 10), lambda: nn.Softmax(1)],
        },
    ),
    (
        "padding-of-the-first-convolution-forgotten",
        "256 numbers reach a linear layer built for 400: the padding of the first convolution is missing, "
        "as in a network for 32x32 images.",
        _SIZE,
        lambda c: {"conv1": _conv(c, 1, 6, 5)},
    ),
    (
        "flat-size-of-256",
        "The first linear layer takes 256 numbers. With padding=2 in the first convolution, 16 maps of 5x5 "
        "reach it: 400 numbers.",
        _SIZE,
        lambda c: {"conv1": _conv(c, 1, 6, 5), "fc1": lambda: nn.Linear(256, 120)},
    ),
    (
        "padding-in-both-convolutions",
        "The first linear layer takes 784 numbers: the second convolution has padding, too. Only the first "
        "one should.",
        _SIZE,
        lambda c: {"conv2": _conv(c, 6, 16, 5, padding=2), "fc1": lambda: nn.Linear(784, 120)},
    ),
    (
        "padding-in-both-convolutions-and-400",
        "784 numbers reach a linear layer built for 400: the second convolution has padding, too. Only the "
        "first one should.",
        _SIZE,
        lambda c: {"conv2": _conv(c, 6, 16, 5, padding=2)},
    ),
    (
        "padding-in-the-second-convolution",
        "576 numbers reach a linear layer built for 400: the padding is in the second convolution but "
        "belongs in the first.",
        _SIZE,
        lambda c: {"conv1": _conv(c, 1, 6, 5), "conv2": _conv(c, 6, 16, 5, padding=2)},
    ),
    (
        "flatten-forgotten",
        "The maps reach the first linear layer with all four axes. They should be flattened, each image "
        "separately.",
        _FLAT,
        lambda c: {"flat": None},
    ),
    (
        "flattened-with-the-batch",
        "The whole batch is flattened into one row. The first axis, which counts the images, should stay.",
        _FLAT,
        lambda c: {"flat": step(lambda X: X.flatten())},
    ),
    (
        "flattened-for-one-image",
        "The whole batch is flattened into one row, as with view(1, -1): that works for a single image only.",
        _FLAT,
        lambda c: {"flat": step(lambda X: X.reshape(1, -1))},
    ),
    (
        "flattened-channels-last",
        "The maps are flattened with the channels last. The channels should come first, as they lie in "
        "memory.",
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
        "The images of a batch are mixed up: samples and channels were swapped before flattening.",
        _FLAT,
        lambda c: {"flat": step(lambda X: X.transpose(0, 1).reshape(len(X), -1))},
    ),
    (
        "result-squeezed",
        "A batch of one image loses its batch axis, as with squeeze().",
        "What shape should the logits of a single image have?",
        lambda c: {"fc3": [lambda: nn.Linear(84, 10), step(lambda X: X.squeeze())]},
    ),
    (
        "only-the-first-image",
        "Only the first image of the batch gets logits.",
        _FLAT,
        lambda c: {"fc3": [lambda: nn.Linear(84, 10), step(lambda X: X[:1])]},
    ),
    (
        "detached-after-the-first-block",
        "The values are right, but the first convolution never learns: the computation graph is cut after "
        "its block.",
        _PATH,
        lambda c: {"pool1": [lambda: c[1](2, 2), step(lambda X: X.detach())]},
    ),
    (
        "detached-before-the-linear-layers",
        "The values are right, but the convolutions never learn: the computation graph is cut before the "
        "linear layers.",
        _PATH,
        lambda c: {"flat": [nn.Flatten, step(lambda X: X.detach())]},
    ),
    (
        "detached-at-the-end",
        "The values are right, but nothing learns: the output has no computation graph.",
        _PATH,
        lambda c: {"fc3": [lambda: nn.Linear(84, 10), step(lambda X: X.detach())]},
    ),
    (
        "always-float32-images",
        "The code fails when the network is in float64: it converts the images to float32 first.",
        "Which dtype do the parameters have after net.double(), and which do the images have after "
        "X.float()?",
        lambda c: {"conv1": [step(lambda X: X.float()), _conv(c, 1, 6, 5, padding=2)]},
    ),
    (
        "dropout-left-in",
        "In training mode, the same images give different logits each time: there is dropout in the network.",
        _ORDER,
        lambda c: {"act3": [_SIGMOID, lambda: nn.Dropout(0.5)], "act4": [_SIGMOID, lambda: nn.Dropout(0.5)]},
    ),
    (
        "normalised-after-the-convolutions",
        "There is batch normalisation after each convolution. The classic network has none.",
        _ORDER,
        lambda c: {
            "conv1": [_conv(c, 1, 6, 5, padding=2), lambda: nn.BatchNorm2d(6)],
            "conv2": [_conv(c, 6, 16, 5), lambda: nn.BatchNorm2d(16)],
        },
    ),
    (
        "no-biases-in-the-convolutions",
        "The convolutions have no bias. Each should have one number for every output channel.",
        "How many parameters does your network have, and how many should it have?",
        lambda c: {
            "conv1": _conv(c, 1, 6, 5, padding=2, bias=False),
            "conv2": _conv(c, 6, 16, 5, bias=False),
        },
    ),
    (
        "no-biases",
        "No layer has a bias. Each should have one number for every output.",
        "How many parameters does your network have, and how many should it have?",
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
        "How many parameters does your network have, and how many should it have?",
        lambda c: {"fc2": None, "act4": None, "fc3": lambda: nn.Linear(120, 10)},
    ),
    (
        "linear-layer-of-120-missing",
        "The linear layer to 120 is missing: one should lead from 400 to 120, and the next from there to 84.",
        "How many parameters does your network have, and how many should it have?",
        lambda c: {"fc1": None, "act3": None, "fc2": lambda: nn.Linear(400, 84)},
    ),
    (
        "hidden-sizes-exchanged",
        "The linear layers have 84 and 120 outputs. It should be 120 first, then 84.",
        "How many parameters does your network have, and how many should it have?",
        lambda c: {
            "fc1": lambda: nn.Linear(400, 84),
            "fc2": lambda: nn.Linear(84, 120),
            "fc3": lambda: nn.Linear(120, 10),
        },
    ),
    (
        "three-channels-in",
        "The first convolution expects images with three channels. These are greyscale: they have one.",
        "What is the shape of one batch of images?",
        lambda c: {"conv1": _conv(c, 3, 6, 5, padding=2)},
    ),
    (
        "one-logit-too-many",
        "The network returns eleven logits. There are ten classes, from 0 to 9.",
        "How many classes are there, if the last one is number 9?",
        lambda c: {"fc3": lambda: nn.Linear(84, 11)},
    ),
)


def _of_pool_size_one(stride: int, size: int) -> Callable[[Classes], dict[str, Change]]:
    return lambda c: _both(lambda: c[1](size, stride))


POOLED: tuple[tuple[str, str, str, Callable[[Classes], dict[str, Change]]], ...] = (
    (
        "pooling-of-stride-one",
        "Far more than 400 numbers reach the first linear layer: the poolings have stride 1. They should "
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
        "1600 numbers reach a linear layer built for 400: the second pooling is missing.",
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
