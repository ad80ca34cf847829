"""Mistakes about channels, batches and layers in exercise 4."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import torch
from torch import Tensor, nn

from graders.diagnosis.catalogue import misconception

from .pool_call import PoolCall, Size, Slip

_OWN = "How many channels go in, and how many should come out? Which of them may a result have seen?"
_AXES = "Which axes of X belong to a window? Count from the end: what are X.shape[-2] and X.shape[-1]?"
_RANK = (
    "How many axes has a batch of images, and how many has one image? What does for channel in X go through?"
)


def _each(asked: PoolCall, images: Tensor) -> Tensor:
    return replace(asked, X=images).pool()


def _only_three(asked: PoolCall) -> Tensor:
    if asked.X.dim() != 3:
        raise ValueError("too many values to unpack (expected 3)")
    return asked.pool()


def _only_four(asked: PoolCall) -> Tensor:
    if asked.X.dim() != 4:
        raise ValueError("not enough values to unpack (expected 4, got 3)")
    return asked.pool()


def _part(asked: PoolCall, channel: int) -> Tensor:
    """One channel filled, the others zero."""
    Y = asked.pool()
    mask = torch.zeros_like(Y)
    mask.select(-3, channel).fill_(1)
    return Y * mask


def _over_the_channels(asked: PoolCall, keep: bool) -> Tensor:
    Y = asked.pool()
    return Y.amax(-3, keepdim=keep) if asked.mode == "max" else Y.mean(-3, keepdim=keep)


def _stacked_last(asked: PoolCall) -> Tensor:
    return asked.pool().movedim(-3, -1)


CHANNELS: tuple[Slip, ...] = (
    Slip(
        "pooled-over-the-channels-too",
        "This is what one gets when a window goes through all channels. Each channel is pooled on its own, "
        "so that "
        "as many come out as go in.",
        _OWN,
        lambda a: _over_the_channels(a, False),
    ),
    Slip(
        "pooled-over-the-channels-into-one",
        "This is what one gets when a window goes through all channels. Each channel is pooled on its own, "
        "so that "
        "as many come out as go in.",
        _OWN,
        lambda a: _over_the_channels(a, True),
    ),
    Slip(
        "channels-summed",
        "The results of all channels were added up, as a convolution does. Each channel should keep a "
        "result of its own.",
        _OWN,
        lambda a: a.pool().sum(-3),
    ),
    Slip(
        "channels-summed-into-one",
        "The results of all channels were added up into one channel, as a convolution does. Each channel "
        "should keep a result of its own.",
        _OWN,
        lambda a: a.pool().sum(-3, keepdim=True),
    ),
    Slip(
        "channels-averaged",
        "The mean of all channels was taken. Each channel should keep a result of its own.",
        _OWN,
        lambda a: a.pool().mean(-3),
    ),
    Slip(
        "first-channel-for-all",
        "Every channel holds the result of the first one: the channel is missing where the window is cut "
        "out.",
        _OWN,
        lambda a: a.pool().narrow(-3, 0, 1).expand(*a.X.shape[:-2], *a.count()),
    ),
    Slip(
        "last-channel-for-all",
        "Every channel holds the result of the last one.",
        _OWN,
        lambda a: a.pool().narrow(-3, a.X.shape[-3] - 1, 1).expand(*a.X.shape[:-2], *a.count()),
    ),
    Slip(
        "first-channel-only",
        "Only the first channel comes out. As many channels should come out as go in.",
        _OWN,
        lambda a: a.pool().select(-3, 0),
    ),
    Slip(
        "first-channel-only-with-its-axis",
        "Only the first channel comes out. As many channels should come out as go in.",
        _OWN,
        lambda a: a.pool().narrow(-3, 0, 1),
    ),
    Slip(
        "last-channel-only",
        "Only the last channel comes out: each turn of the loop throws away the result of the one before.",
        _OWN,
        lambda a: a.pool().select(-3, -1),
    ),
    Slip(
        "only-the-first-channel-filled",
        "Only the first channel was filled: the function returns from inside its loop.",
        "How far is the line with return indented, and what does that mean?",
        lambda a: _part(a, 0),
    ),
    Slip(
        "channels-stacked-last",
        "The channels lie along the last axis. They should stay where they were, in front of the rows.",
        "Along which axis does torch.stack put the channels, and along which did they lie in X?",
        _stacked_last,
    ),
    Slip(
        "reshaped-instead-of-permuted",
        "The numbers are right, but at the wrong places: reshape reads them in order, it does not exchange "
        "axes.",
        "What is the difference between reshape and permute?",
        lambda a: _stacked_last(a).reshape(a.pool().shape),
    ),
    Slip(
        "channels-side-by-side",
        "The channels lie below each other in one map, as torch.cat puts them. torch.stack gives them an "
        "axis of "
        "their own.",
        "What is the difference between torch.cat and torch.stack?",
        lambda a: a.pool().flatten(-3, -2),
    ),
    Slip(
        "first-axes-pooled",
        "This is what one gets when the window goes over the first axes of X. Rows and columns are its "
        "last two axes.",
        _AXES,
        lambda a: _each(a, a.X.movedim(-3, -1)).movedim(-1, -3),
    ),
    Slip(
        "batch-refused",
        "One image is pooled rightly, but a batch (N, C, H, W) fails.",
        _RANK,
        _only_three,
    ),
    Slip(
        "single-image-refused",
        "A batch is pooled rightly, but one image (C, H, W) fails.",
        _RANK,
        _only_four,
    ),
    Slip(
        "batch-flattened",
        "Samples and channels of a batch lie along one axis. (N, C, H, W) should become (N, C, H', W').",
        _RANK,
        lambda a: a.pool().flatten(0, -3),
    ),
    Slip(
        "single-image-with-a-batch-axis",
        "One image (C, H, W) comes back with a batch axis. (C, H, W) should become (C, H', W').",
        _RANK,
        lambda a: a.pool() if a.X.dim() == 4 else a.pool()[None],
    ),
    Slip(
        "single-image-squeezed",
        "One image (C, H, W) loses every axis of length 1, as squeeze() does it. Only the batch axis that "
        "was put in front should go: squeeze(0).",
        "What does squeeze() make of a result of shape (1, 3, 1, 2), and what does squeeze(0)?",
        lambda a: a.pool() if a.X.dim() == 4 else a.pool().squeeze(),
    ),
    Slip(
        "first-sample-only",
        "Only the first sample of the batch comes out.",
        _RANK,
        lambda a: a.pool()[0] if a.X.dim() == 4 else a.pool(),
    ),
    Slip(
        "first-sample-only-with-its-axis",
        "Only the first sample of the batch comes out.",
        _RANK,
        lambda a: a.pool()[:1] if a.X.dim() == 4 else a.pool(),
    ),
    Slip(
        "first-sample-for-all",
        "Every sample of the batch holds the result of the first one.",
        _RANK,
        lambda a: a.pool()[:1].expand(*a.X.shape[:-2], *a.count()) if a.X.dim() == 4 else a.pool(),
    ),
    Slip(
        "samples-summed",
        "The samples of the batch were added up. Each should keep a result of its own.",
        _RANK,
        lambda a: a.pool().sum(0) if a.X.dim() == 4 else a.pool(),
    ),
    Slip(
        "pooled-over-the-samples-too",
        "This is what one gets when a window goes through all samples of the batch. Each sample is pooled "
        "on its own.",
        _RANK,
        lambda a: a.reduce(a.pool().movedim(0, -1)) if a.X.dim() == 4 else a.pool(),
    ),
    Slip(
        "samples-and-channels-exchanged",
        "The axes of samples and channels are exchanged in the result.",
        _RANK,
        lambda a: a.pool().transpose(0, 1) if a.X.dim() == 4 else a.pool(),
    ),
    Slip(
        "samples-and-channels-in-the-wrong-order",
        "The maps are all there, but in the wrong order: those of one channel come one after the other, and "
        "are then folded into (N, C). reshape reads on along the last axis first.",
        "For N = 2 and C = 3: in which order must six maps lie so that reshape(2, 3, ...) puts them right?",
        lambda a: a.pool().transpose(0, 1).reshape(a.pool().shape) if a.X.dim() == 4 else a.pool(),
    ),
    Slip(
        "list-of-maps-returned",
        "A list of maps comes back, one for each channel or sample. The result should be one tensor.",
        "Which function of torch puts tensors side by side into one?",
        lambda a: list(a.pool()),
    ),
    Slip(
        "nested-list-of-maps-returned",
        "A list of maps comes back, one for each channel or sample. The result should be one tensor.",
        "Which function of torch puts tensors side by side into one?",
        lambda a: [list(maps) if maps.dim() == 3 else maps for maps in a.pool()],
    ),
)

# ------------------------------------------------------------------------------------------------- layers

_SUMMARY = {"max": "maximum", "avg": "mean"}
_LAYERS = {"MaxPool2d": "max", "AvgPool2d": "avg"}
_KEEP = "Which three things must the layer remember from the moment it is made?"


def _layer(mode: str) -> type[nn.Module]:
    """A right layer to go wrong from."""

    class Layer(nn.Module):
        def __init__(self, kernel_size: Size, stride: Size | None = None, padding: Size = 0) -> None:
            super().__init__()
            self.kernel_size, self.stride, self.padding = kernel_size, stride, padding

        def forward(self, X: Tensor) -> Any:
            return PoolCall(X, self.kernel_size, mode, self.stride, self.padding).pool()

    return Layer


def _exchanged_arguments(mode: str) -> type[Any]:
    class Layer(_layer(mode)):  # type: ignore[misc]
        def __init__(self, kernel_size: Size, padding: Size = 0, stride: Size | None = None) -> None:
            super().__init__(kernel_size, stride, padding)

    return Layer


def _without_module(mode: str) -> type[Any]:
    class Layer:
        def __init__(self, kernel_size: Size, stride: Size | None = None, padding: Size = 0) -> None:
            self.kernel_size, self.stride, self.padding = kernel_size, stride, padding

        def forward(self, X: Tensor) -> Any:
            return PoolCall(X, self.kernel_size, mode, self.stride, self.padding).pool()

    return Layer


def _callable_without_module(mode: str) -> type[Any]:
    class Layer(_without_module(mode)):  # type: ignore[misc]
        def __call__(self, X: Tensor) -> Any:
            return self.forward(X)

    return Layer


def _without_super(mode: str) -> type[Any]:
    class Layer(_layer(mode)):  # type: ignore[misc]
        def __init__(self, kernel_size: Size, stride: Size | None = None, padding: Size = 0) -> None:
            self.kernel_size, self.stride, self.padding = kernel_size, stride, padding

    return Layer


def _with_a_weight(mode: str) -> type[Any]:
    class Layer(_layer(mode)):  # type: ignore[misc]
        def __init__(self, kernel_size: Size, stride: Size | None = None, padding: Size = 0) -> None:
            super().__init__(kernel_size, stride, padding)
            kh, kw = PoolCall(torch.zeros(1, 1), kernel_size).k
            self.weight = nn.Parameter(torch.ones(kh, kw))

    return Layer


def _nothing_returned(mode: str) -> type[Any]:
    class Layer(_layer(mode)):  # type: ignore[misc]
        def __init__(self, kernel_size: Size) -> None:
            super().__init__(kernel_size)

    return Layer


_LAYER_MISTAKES = (
    (
        "stride-and-padding-in-the-wrong-order",
        "The layer takes its arguments in the order kernel_size, padding, stride. The stride comes before "
        "the padding.",
        "In which order does nn.MaxPool2d take its arguments?",
        _exchanged_arguments,
    ),
    (
        "no-module",
        "The class is no nn.Module: it does not inherit from it, so it cannot be called or put into a "
        "network.",
        "What stands in the brackets behind the name of a class, and what does it bring?",
        _without_module,
    ),
    (
        "no-module-but-callable",
        "The class can be called, but it is no nn.Module, so it cannot be put into a network.",
        "What stands in the brackets behind the name of a class, and what does it bring?",
        _callable_without_module,
    ),
    (
        "super-init-forgotten",
        "The layer cannot be called: super().__init__() is missing at the beginning of __init__.",
        "Which line must come first in the __init__ of every nn.Module?",
        _without_super,
    ),
    (
        "weight-to-learn",
        "The layer has a parameter. There is nothing to learn in pooling.",
        "What would an optimizer do with this parameter?",
        _with_a_weight,
    ),
    (
        "window-only",
        "The layer takes a window and nothing else. It should take a stride and a padding, too.",
        _KEEP,
        _nothing_returned,
    ),
)


def layer_mistakes(task: str) -> list[Any]:
    """The mistakes that only a layer can make."""
    return [
        misconception(f"{name}-in-{_LAYERS[task]}-layer", task, says=says, hint=hint)(make(_LAYERS[task]))
        for name, says, hint, make in _LAYER_MISTAKES
    ]


def slip_in_a_layer(slip: Slip, task: str) -> Any:
    """The slip as a layer's."""
    mode = _LAYERS[task]

    class Layer(_layer(mode)):  # type: ignore[misc]
        def forward(self, X: Tensor) -> Any:
            return slip.answer(PoolCall(X, self.kernel_size, mode, self.stride, self.padding))

    says = slip.says
    if slip.name.startswith("always-the-m"):
        other = {"max": "mean", "avg": "maximum"}[mode]
        says = f"{task} takes the {other} of each window. It should take the {_SUMMARY[mode]}."
    return misconception(f"{slip.name}-in-{mode}-layer", task, says=says, hint=slip.hint)(Layer)
