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
    "Which is updated first, the field or the distance? A layer's own stride matters only to those above it."
)
_PAPER = (
    "Draw a layer with kernel 3 and stride 2, and one with kernel 3 on top. Which pixels does the top see?"
)

_FIELDS: tuple[tuple[str, str, str, Callable[[Layers], Any]], ...] = (
    (
        "own-stride-to-the-power-of-the-depth",
        "This is what one gets when neighbours are taken to lie stride ** depth apart. That holds only if "
        "all strides "
        "are equal; in general it is the product of the strides below.",
        _DISTANCE,
        lambda layers: _walk(layers, apart=lambda ls, place: ls[place][1] ** place),
    ),
    (
        "first-stride-to-the-power-of-the-depth",
        "This is what one gets when neighbours are taken to lie (first stride) ** depth apart. That holds "
        "only if all "
        "strides are equal; in general it is the product of the strides below.",
        _DISTANCE,
        lambda layers: _walk(layers, apart=lambda ls, place: ls[0][1] ** place),
    ),
    (
        "stride-below-to-the-power-of-the-depth",
        "This is what one gets when neighbours are taken to lie (stride of the layer below) ** depth "
        "apart. That holds "
        "only if all strides are equal; in general it is the product of the strides below.",
        _DISTANCE,
        lambda layers: _walk(layers, apart=lambda ls, place: ls[max(place - 1, 0)][1] ** place),
    ),
    (
        "two-to-the-power-of-the-depth",
        "This is what one gets when neighbours are taken to lie 2 ** depth apart. Each layer has a stride "
        "of its own.",
        _DISTANCE,
        lambda layers: _walk(layers, apart=lambda ls, place: 2**place),
    ),
    (
        "sum-of-the-kernels",
        "This is the sum of the kernels. A kernel of 3 adds only 2 steps to the pixel that is there "
        "already, and each "
        "step is as long as the strides below make it.",
        _ONE_MORE,
        lambda layers: sum(kernel for kernel, _ in layers),
    ),
    (
        "product-of-the-kernels",
        "This is the product of the kernels. Fields of neighbours overlap: each layer adds (kernel - 1) "
        "steps.",
        _ONE_MORE,
        lambda layers: math.prod(kernel for kernel, _ in layers),
    ),
    (
        "kernel-instead-of-kernel-minus-one",
        "This is what one gets when each layer adds kernel steps. One pixel is there already: it adds "
        "kernel - 1.",
        _ONE_MORE,
        lambda layers: _walk(layers, less=0),
    ),
    (
        "kernel-instead-of-kernel-minus-one-from-zero",
        "This is what one gets when each layer adds kernel steps. It adds kernel - 1, to a field that "
        "starts at 1.",
        _ONE_MORE,
        lambda layers: _walk(layers, start=0, less=0),
    ),
    (
        "strides-ignored",
        "This is what one gets when strides are left out. The strides below a layer stretch its steps.",
        _PAPER,
        lambda layers: _walk(layers, apart=lambda ls, place: 1),
    ),
    (
        "strides-added-to-one",
        "This is what one gets when strides are added up. Distances multiply.",
        _DISTANCE,
        lambda layers: _walk(layers, apart=lambda ls, place: 1 + sum(stride for _, stride in ls[:place])),
    ),
    (
        "strides-added",
        "This is what one gets when strides are added up. Distances multiply.",
        _DISTANCE,
        lambda layers: _walk(layers, apart=lambda ls, place: sum(stride for _, stride in ls[:place]) or 1),
    ),
    (
        "strides-less-one-added",
        "This is what one gets when each stride adds stride - 1 to the distance. Distances multiply.",
        _DISTANCE,
        lambda layers: _walk(layers, apart=lambda ls, place: 1 + sum(stride - 1 for _, stride in ls[:place])),
    ),
    (
        "stride-below-only",
        "This is what one gets when only the stride of the layer just below counts. All strides below do, "
        "multiplied.",
        _DISTANCE,
        lambda layers: _walk(layers, apart=lambda ls, place: ls[place - 1][1] if place else 1),
    ),
    (
        "own-stride-only",
        "This is what one gets when a layer's own stride stretches its steps. The strides below it do, "
        "multiplied.",
        _ORDER,
        lambda layers: _walk(layers, apart=lambda ls, place: ls[place][1]),
    ),
    (
        "own-stride-counted",
        "This is what one gets when a layer's own stride stretches its steps, too: the distance is updated "
        "before the "
        "field. Only the strides below count.",
        _ORDER,
        lambda layers: _walk(layers, apart=lambda ls, place: _product_below(ls, place + 1)),
    ),
    (
        "all-strides-for-every-layer",
        "This is what one gets when every layer's steps are stretched by all strides. Only those below it "
        "count.",
        _ORDER,
        lambda layers: _walk(layers, apart=lambda ls, place: _product_below(ls, len(ls))),
    ),
    (
        "wrong-way-round",
        "This is what one gets when the layers are taken in the other direction: either from the top down "
        "where the "
        "rule is for going up, or (r - 1) * stride + kernel from the input up, which is the rule for going "
        "down.",
        "Does your rule begin at the input or at the output, and which layer comes first in the list?",
        lambda layers: _walk(list(layers)[::-1]),
    ),
    (
        "field-times-stride",
        "This is what one gets when the field itself is multiplied by the stride. Stretched are the steps "
        "between "
        "pixels: (r - 1) * stride + kernel, going down from the output.",
        _PAPER,
        lambda layers: _times_and_plus(list(layers)[::-1], less=1),
    ),
    (
        "field-times-stride-from-the-input",
        "This is what one gets when the field itself is multiplied by each stride on the way up. A layer "
        "adds "
        "(kernel - 1) steps, each as long as the strides below make it.",
        _PAPER,
        lambda layers: _times_and_plus(layers, less=1),
    ),
    (
        "field-times-stride-plus-kernel",
        "This is what one gets when the field itself is multiplied by the stride. Stretched are the steps "
        "between "
        "pixels: (r - 1) * stride + kernel, going down from the output.",
        _PAPER,
        lambda layers: _times_and_plus(list(layers)[::-1], less=0),
    ),
    (
        "one-pixel-short",
        "This is one less than it should be: before any layer a pixel sees itself, so the field starts at 1.",
        "What is the receptive field of a single layer with kernel 3?",
        lambda layers: _walk(layers, start=0),
    ),
    (
        "kernel-and-stride-exchanged",
        "This is what one gets when each pair is read as (stride, kernel). It is (kernel_size, stride).",
        "In which order are the two numbers of a layer given?",
        lambda layers: _walk([(stride, kernel) for kernel, stride in layers]),
    ),
    (
        "last-layer-left-out",
        "This is what one gets when the last layer is left out.",
        "How often does your loop run for three layers?",
        lambda layers: _walk(list(layers)[:-1]),
    ),
    (
        "first-layer-left-out",
        "This is what one gets when the first layer is left out.",
        "How often does your loop run for three layers?",
        lambda layers: _walk(list(layers)[1:]),
    ),
    (
        "holes-left-out",
        "This is the number of pixels seen. PoolCall for is the extent, from the first to the last, holes "
        "included.",
        "With kernel 1 and stride 3 below a kernel of 2: which pixels are seen, and how long is the way "
        "across them?",
        _places,
    ),
    (
        "distance-instead-of-field",
        "This is the distance between two neighbours at the top, the product of all strides, and not what "
        "one sees.",
        "Which of your two numbers is the field, and which the distance?",
        lambda layers: _product_below(layers, len(layers)),
    ),
    (
        "area-instead-of-side",
        "This is the number of pixels in the square. PoolCall for is the length of its side.",
        "What does 'side length' mean for a field of 5x5 pixels?",
        lambda layers: _walk(layers) ** 2,
    ),
    (
        "pair-instead-of-side",
        "A pair comes back. PoolCall for is one number, the length of the side.",
        "What does 'side length' mean for a field of 5x5 pixels?",
        lambda layers: (_walk(layers), _walk(layers)),
    ),
    (
        "field-and-distance-returned",
        "Two numbers come back, the field and the distance. PoolCall for is the field alone.",
        "Which of your two numbers is the field, and which the distance?",
        lambda layers: (_walk(layers), _product_below(layers, len(layers))),
    ),
    (
        "field-after-every-layer",
        "A list comes back, with the field after each layer. PoolCall for is the last one alone.",
        "What should receptive_field([(3, 1), (3, 1)]) be, as one number?",
        lambda layers: [_walk(list(layers)[: place + 1]) for place in range(len(layers))],
    ),
    (
        "empty-stack-is-nothing",
        "All is right but for no layers at all. Then an element sees itself, and the field is 1.",
        "How much of the input does a pixel of the input see?",
        lambda layers: _walk(layers) if layers else 0,
    ),
    (
        "empty-stack-refused",
        "All is right but for no layers at all: that fails. Then an element sees itself, and the field is 1.",
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
_WEIGHT = "By what is each pixel of a window multiplied when you take the mean?"
_AVERAGES: tuple[tuple[str, str, str, Callable[[int, Size], Any]], ...] = (
    (
        "convolution-mixes-the-channels",
        "This is what one gets when every output channel adds up the means of all input channels. "
        "Each should see its own channel only.",
        _MIXED,
        lambda c, k: _convolution(c, k, groups=1),
    ),
    (
        "convolution-averages-the-channels",
        "This is what one gets when every output channel takes the mean over all input channels. "
        "Each should see its own channel only.",
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
        "The weights are divided by the number of channels, too. A depthwise kernel sees one channel.",
        _WEIGHT,
        lambda c, k: _convolution(c, k, 1 / (c * math.prod(pair(k)))),
    ),
    (
        "convolution-of-stride-one",
        "This is what one gets when the stride is left at 1, as convolutions have it. "
        "Pooling windows lie side by side: the stride is the window.",
        "What is the default stride of nn.Conv2d, and what is that of nn.AvgPool2d?",
        lambda c, k: _convolution(c, k, stride=1),
    ),
    (
        "convolution-of-ones",
        "This is the sum of each window: the weights are 1. For the mean they are 1 / (kh * kw).",
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
        "The weights were never set, they are random numbers. For the mean they are 1 / (kh * kw).",
        _WEIGHT,
        _random,
    ),
    (
        "convolution-with-a-bias",
        "The convolution has a bias, which adds a random number to every mean.",
        "What is there to add to a mean? Which argument of nn.Conv2d takes the bias away?",
        lambda c, k: _convolution(c, k, bias=True),
    ),
    (
        "convolution-with-padding",
        "The convolution pads the image, as one does to keep its size. nn.AvgPool2d(kernel_size) does not "
        "pad.",
        "How large is the result of nn.AvgPool2d(3) for a 3x6 image?",
        lambda c, k: _convolution(c, k, padding=(pair(k)[0] // 2, pair(k)[1] // 2)),
    ),
    (
        "convolution-of-exchanged-windows",
        "Height and width of the window are exchanged.",
        "Which number of a pair belongs to the rows?",
        lambda c, k: _convolution(c, (pair(k)[1], pair(k)[0])),
    ),
    (
        "convolution-of-square-windows-only",
        "A window given as a pair fails. It may be one number, or (height, width).",
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
        "A pooling layer comes back. It is right, but the question is which convolution does the same.",
        "By what is each pixel of a window multiplied when you take the mean?",
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
