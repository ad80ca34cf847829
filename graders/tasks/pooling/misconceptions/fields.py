"""Mistakes about the receptive field, and about average pooling as a convolution."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

from torch import nn

from graders.diagnosis.catalogue import misconception

from .pool_call import Pair, Size, pair

Layers = Sequence[Pair]


def _walk(
    layers: Layers, start: int = 1, less: int = 1, apart: Callable[[Layers, int], int] | None = None
) -> int:
    """The right field but for one thing: its start, `kernel - less`, or how far neighbours lie apart."""
    apart = apart or _product_below
    return start + sum((kernel - less) * apart(layers, place) for place, (kernel, _) in enumerate(layers))


def _product_below(layers: Layers, place: int) -> int:
    return math.prod(stride for _, stride in layers[:place])


def _places(layers: Layers) -> int:
    """How many pixels are seen, holes left out."""
    seen = {0}
    for kernel, stride in reversed(list(layers)):
        seen = {place * stride + element for place in seen for element in range(kernel)}
    return len(seen)


def _times_and_plus(layers: Layers, less: int) -> int:
    field = 1
    for kernel, stride in layers:
        field = field * stride + kernel - less
    return field


_DISTANCE = (
    "Two pooling layers with strides 2 and 3: how many pixels apart are two neighbours above both of them?"
)
_ONE_MORE = "How many pixels does a 3x3 layer add to a field of 1, and how many does a second one add?"
_ORDER = (
    "Which is updated first, the field or the distance? A layer's own stride matters only to the layers "
    "above it."
)
_PAPER = (
    "Draw a layer with kernel 3 and stride 2, and one with kernel 3 on top. Which pixels does the top "
    "layer see?"
)

_FIELDS: tuple[tuple[str, str, str, Callable[[Layers], Any]], ...] = (
    (
        "own-stride-to-the-power-of-the-depth",
        "You get this result when neighbours are assumed to be stride ** depth apart. That holds only if "
        "all strides are equal; in general it is the product of the strides below.",
        _DISTANCE,
        lambda layers: _walk(layers, apart=lambda ls, place: ls[place][1] ** place),
    ),
    (
        "first-stride-to-the-power-of-the-depth",
        "You get this result when neighbours are assumed to be (first stride) ** depth apart. That holds "
        "only if all strides are equal; in general it is the product of the strides below.",
        _DISTANCE,
        lambda layers: _walk(layers, apart=lambda ls, place: ls[0][1] ** place),
    ),
    (
        "stride-below-to-the-power-of-the-depth",
        "You get this result when neighbours are assumed to be (stride of the layer below) ** depth apart. "
        "That holds only if all strides are equal; in general it is the product of the strides below.",
        _DISTANCE,
        lambda layers: _walk(layers, apart=lambda ls, place: ls[max(place - 1, 0)][1] ** place),
    ),
    (
        "two-to-the-power-of-the-depth",
        "You get this result when neighbours are assumed to be 2 ** depth apart. Each layer has its own "
        "stride.",
        _DISTANCE,
        lambda layers: _walk(layers, apart=lambda ls, place: 2**place),
    ),
    (
        "sum-of-the-kernels",
        "This is the sum of the kernels. A kernel of 3 adds only 2 steps to the pixel that is already "
        "there, and each step is as long as the strides below make it.",
        _ONE_MORE,
        lambda layers: sum(kernel for kernel, _ in layers),
    ),
    (
        "product-of-the-kernels",
        "This is the product of the kernels. The fields of neighbours overlap: each layer adds kernel - 1 "
        "steps.",
        _ONE_MORE,
        lambda layers: math.prod(kernel for kernel, _ in layers),
    ),
    (
        "kernel-instead-of-kernel-minus-one",
        "You get this result when each layer adds kernel steps. One pixel is already there, so it should "
        "add kernel - 1.",
        _ONE_MORE,
        lambda layers: _walk(layers, less=0),
    ),
    (
        "kernel-instead-of-kernel-minus-one-from-zero",
        "You get this result when each layer adds kernel steps. It should add kernel - 1, to a field that "
        "starts at 1.",
        _ONE_MORE,
        lambda layers: _walk(layers, start=0, less=0),
    ),
    (
        "strides-ignored",
        "You get this result when the strides are ignored. The strides below a layer stretch its steps.",
        _PAPER,
        lambda layers: _walk(layers, apart=lambda ls, place: 1),
    ),
    (
        "strides-added-to-one",
        "You get this result when strides are added up. Distances multiply.",
        _DISTANCE,
        lambda layers: _walk(layers, apart=lambda ls, place: 1 + sum(stride for _, stride in ls[:place])),
    ),
    (
        "strides-added",
        "You get this result when strides are added up. Distances multiply.",
        _DISTANCE,
        lambda layers: _walk(layers, apart=lambda ls, place: sum(stride for _, stride in ls[:place]) or 1),
    ),
    (
        "strides-less-one-added",
        "You get this result when each stride adds stride - 1 to the distance. Distances multiply.",
        _DISTANCE,
        lambda layers: _walk(layers, apart=lambda ls, place: 1 + sum(stride - 1 for _, stride in ls[:place])),
    ),
    (
        "stride-below-only",
        "You get this result when only the stride of the layer just below counts. All strides below count, "
        "multiplied together.",
        _DISTANCE,
        lambda layers: _walk(layers, apart=lambda ls, place: ls[place - 1][1] if place else 1),
    ),
    (
        "own-stride-only",
        "You get this result when a layer's own stride stretches its steps. The strides below it should, "
        "multiplied together.",
        _ORDER,
        lambda layers: _walk(layers, apart=lambda ls, place: ls[place][1]),
    ),
    (
        "own-stride-counted",
        "You get this result when a layer's own stride also stretches its steps: the distance is updated "
        "before the field. Only the strides below count.",
        _ORDER,
        lambda layers: _walk(layers, apart=lambda ls, place: _product_below(ls, place + 1)),
    ),
    (
        "all-strides-for-every-layer",
        "You get this result when every layer's steps are stretched by all strides. Only those below it "
        "count.",
        _ORDER,
        lambda layers: _walk(layers, apart=lambda ls, place: _product_below(ls, len(ls))),
    ),
    (
        "wrong-way-round",
        "You get this result when the layers are taken in the wrong direction: either from the top down "
        "with the rule for going up, or from the input up with (r - 1) * stride + kernel, which is the "
        "rule for going down.",
        "Does your rule start at the input or at the output, and which layer comes first in the list?",
        lambda layers: _walk(list(layers)[::-1]),
    ),
    (
        "field-times-stride",
        "You get this result when the field itself is multiplied by the stride. Only the steps between "
        "pixels are stretched: (r - 1) * stride + kernel, going down from the output.",
        _PAPER,
        lambda layers: _times_and_plus(list(layers)[::-1], less=1),
    ),
    (
        "field-times-stride-from-the-input",
        "You get this result when the field itself is multiplied by each stride on the way up. A layer "
        "adds kernel - 1 steps, each as long as the strides below make it.",
        _PAPER,
        lambda layers: _times_and_plus(layers, less=1),
    ),
    (
        "field-times-stride-plus-kernel",
        "You get this result when the field itself is multiplied by the stride. Only the steps between "
        "pixels are stretched: (r - 1) * stride + kernel, going down from the output.",
        _PAPER,
        lambda layers: _times_and_plus(list(layers)[::-1], less=0),
    ),
    (
        "one-pixel-short",
        "This is one less than it should be: before any layer, a pixel sees itself, so the field starts at "
        "1.",
        "What is the receptive field of a single layer with kernel 3?",
        lambda layers: _walk(layers, start=0),
    ),
    (
        "kernel-and-stride-exchanged",
        "You get this result when each pair is read as (stride, kernel). It is (kernel_size, stride).",
        "In which order are the two numbers of a layer given?",
        lambda layers: _walk([(stride, kernel) for kernel, stride in layers]),
    ),
    (
        "last-layer-left-out",
        "You get this result when the last layer is left out.",
        "How often does your loop run for three layers?",
        lambda layers: _walk(list(layers)[:-1]),
    ),
    (
        "first-layer-left-out",
        "You get this result when the first layer is left out.",
        "How often does your loop run for three layers?",
        lambda layers: _walk(list(layers)[1:]),
    ),
    (
        "holes-left-out",
        "This is the number of pixels seen. The task asks for the extent, from the first to the last, "
        "including the gaps.",
        "With kernel 1 and stride 3 below a kernel of 2, which pixels are seen, and how far is it from the "
        "first to the last?",
        _places,
    ),
    (
        "distance-instead-of-field",
        "This is the distance between two neighbours at the top, the product of all strides. It isn't the "
        "receptive field.",
        "Which of your two numbers is the field, and which the distance?",
        lambda layers: _product_below(layers, len(layers)),
    ),
    (
        "area-instead-of-side",
        "This is the number of pixels in the square. The task asks for its side length.",
        "What does 'side length' mean for a field of 5x5 pixels?",
        lambda layers: _walk(layers) ** 2,
    ),
    (
        "pair-instead-of-side",
        "A pair is returned. The task asks for one number, the side length.",
        "What does 'side length' mean for a field of 5x5 pixels?",
        lambda layers: (_walk(layers), _walk(layers)),
    ),
    (
        "field-and-distance-returned",
        "Two numbers are returned, the field and the distance. The task asks for the field alone.",
        "Which of your two numbers is the field, and which the distance?",
        lambda layers: (_walk(layers), _product_below(layers, len(layers))),
    ),
    (
        "field-after-every-layer",
        "A list is returned, with the field after each layer. The task asks for the last one only.",
        "What should receptive_field([(3, 1), (3, 1)]) be, as one number?",
        lambda layers: [_walk(list(layers)[: place + 1]) for place in range(len(layers))],
    ),
    (
        "empty-stack-is-nothing",
        "The code is right except when there are no layers at all. Then an element sees itself, and the "
        "field is 1.",
        "How much of the input does a pixel of the input see?",
        lambda layers: _walk(layers) if layers else 0,
    ),
    (
        "empty-stack-refused",
        "The code is right except when there are no layers at all: then it fails. An element sees itself, "
        "and the field is 1.",
        "How much of the input does a pixel of the input see?",
        lambda layers: _walk(layers) if layers[0] else 0,
    ),
)


def _field(answer: Callable[[Layers], Any]) -> Callable[[Layers], Any]:
    def receptive_field(layers: Layers) -> Any:
        return answer(layers)

    return receptive_field


FIELDS: tuple[Any, ...] = tuple(
    misconception(name, "receptive_field", says=says, hint=hint)(_field(answer))
    for name, says, hint, answer in _FIELDS
)

# --------------------------------------------------------------------------------------- avg_pool_as_conv


def _convolution(
    channels: int,
    kernel_size: Size,
    weight: float | None = None,
    *,
    stride: Size | None = None,
    groups: int | None = None,
    padding: Size = 0,
    bias: bool = False,
    trainable: bool = False,
) -> nn.Conv2d:
    """The right convolution, but for what is given."""
    kh, kw = pair(kernel_size)
    stride = (kh, kw) if stride is None else stride
    groups = channels if groups is None else groups
    conv = nn.Conv2d(channels, channels, (kh, kw), stride, padding, groups=groups, bias=bias)
    nn.init.constant_(conv.weight, 1 / (kh * kw) if weight is None else weight)
    return conv.requires_grad_(trainable)


def _random(channels: int, kernel_size: Size) -> nn.Conv2d:
    kernel = pair(kernel_size)
    return nn.Conv2d(channels, channels, kernel, kernel, groups=channels, bias=False).requires_grad_(False)


def _into_one(channels: int, kernel_size: Size) -> nn.Conv2d:
    kernel = kh, kw = pair(kernel_size)
    conv = nn.Conv2d(channels, 1, kernel, kernel, bias=False)
    nn.init.constant_(conv.weight, 1 / (kh * kw))
    return conv.requires_grad_(False)


def _of_one_number(value: Size) -> int:
    if not isinstance(value, int):
        raise TypeError("unsupported operand type(s) for ** or pow(): 'tuple' and 'int'")
    return value


_MIXED = "An output channel should look at one input channel only. What is the argument groups for?"
_WEIGHT = "What is each pixel of a window multiplied by when you take the mean?"
_AVERAGES: tuple[tuple[str, str, str, Callable[[int, Size], Any]], ...] = (
    (
        "convolution-mixes-the-channels",
        "You get this result when every output channel adds up the means of all input channels. Each "
        "should see only its own channel.",
        _MIXED,
        lambda c, k: _convolution(c, k, groups=1),
    ),
    (
        "convolution-averages-the-channels",
        "You get this result when every output channel takes the mean over all input channels. Each should "
        "see only its own channel.",
        _MIXED,
        lambda c, k: _convolution(c, k, 1 / (c * math.prod(pair(k))), groups=1),
    ),
    (
        "convolution-into-one-channel",
        "One channel comes out. As many channels should come out as go in, each on its own.",
        _MIXED,
        _into_one,
    ),
    (
        "convolution-divided-by-the-channels-too",
        "The weights are also divided by the number of channels. A depthwise kernel sees one channel.",
        _WEIGHT,
        lambda c, k: _convolution(c, k, 1 / (c * math.prod(pair(k)))),
    ),
    (
        "convolution-of-stride-one",
        "You get this result when the stride is left at 1, the default for convolutions. Pooling windows "
        "lie side by side: the stride is the window size.",
        "What is the default stride of nn.Conv2d, and what is that of nn.AvgPool2d?",
        lambda c, k: _convolution(c, k, stride=1),
    ),
    (
        "convolution-of-ones",
        "This is the sum of each window: the weights are 1. For a mean, they should be 1 / (kh * kw).",
        _WEIGHT,
        lambda c, k: _convolution(c, k, 1.0),
    ),
    (
        "convolution-divided-by-height-squared",
        "The weights are 1 / kh². A window has height times width elements.",
        _WEIGHT,
        lambda c, k: _convolution(c, k, 1 / pair(k)[0] ** 2),
    ),
    (
        "convolution-divided-by-the-height",
        "The weights are 1 / kh. A window has height times width elements.",
        _WEIGHT,
        lambda c, k: _convolution(c, k, 1 / pair(k)[0]),
    ),
    (
        "convolution-with-random-weights",
        "The weights were never set, so they are random. For a mean, they should be 1 / (kh * kw).",
        _WEIGHT,
        _random,
    ),
    (
        "convolution-with-a-bias",
        "The convolution has a bias, which adds a random number to every mean.",
        "Does a mean need anything added to it? Which argument of nn.Conv2d removes the bias?",
        lambda c, k: _convolution(c, k, bias=True),
    ),
    (
        "convolution-with-padding",
        "The convolution pads the image, as is often done to keep its size. nn.AvgPool2d(kernel_size) "
        "doesn't pad.",
        "How large is the result of nn.AvgPool2d(3) for a 3x6 image?",
        lambda c, k: _convolution(c, k, padding=(pair(k)[0] // 2, pair(k)[1] // 2)),
    ),
    (
        "convolution-of-exchanged-windows",
        "Height and width of the window are swapped.",
        "Which number of a pair belongs to the rows?",
        lambda c, k: _convolution(c, (pair(k)[1], pair(k)[0])),
    ),
    (
        "convolution-of-square-windows-only",
        "A pair as window raises an error. It may be an int or (height, width).",
        "How would you turn 2 into (2, 2), and leave (2, 3) as it is?",
        lambda c, k: _convolution(c, _of_one_number(k)),
    ),
    (
        "convolution-still-learning",
        "The means are right, but the weights require grad: the first step of an optimizer would change "
        "them. "
        "They should be fixed.",
        "What does requires_grad_(False) do?",
        lambda c, k: _convolution(c, k, trainable=True),
    ),
    (
        "pooling-instead-of-convolution",
        "A pooling layer is returned. Its values are right, but the task asks for a convolution that does "
        "the same.",
        "What is each pixel of a window multiplied by when you take the mean?",
        lambda c, k: nn.AvgPool2d(k),
    ),
)


def _average(make: Callable[[int, Size], Any]) -> Callable[[int, Size], Any]:
    def avg_pool_as_conv(channels: int, kernel_size: Size) -> Any:
        return make(channels, kernel_size)

    return avg_pool_as_conv


AVERAGES: tuple[Any, ...] = tuple(
    misconception(name, "avg_pool_as_conv", says=says, hint=hint)(_average(make))
    for name, says, hint, make in _AVERAGES
)

__all__ = ["AVERAGES", "FIELDS"]
