"""Mistakes about channels, batches and layers in exercise 4."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import torch
from torch import Tensor, nn

from graders.diagnosis.catalogue import misconception

from .pool_call import PoolCall, Size, Slip

_OWN = (
    "How many channels go in, and how many should come out? Which input channels may an output channel "
    "depend on?"
)
_AXES = "Which axes of X belong to a window? Count from the end: what are X.shape[-2] and X.shape[-1]?"
_RANK = (
    "How many axes does a batch of images have, and how many does one image have? What does for channel in "
    "X loop over?"
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
        "You get this result when a window extends over all channels. Each channel should be pooled "
        "separately, so that as many come out as go in.",
        _OWN,
        lambda a: _over_the_channels(a, False),
    ),
    Slip(
        "pooled-over-the-channels-into-one",
        "You get this result when a window extends over all channels. Each channel should be pooled "
        "separately, so that as many come out as go in.",
        _OWN,
        lambda a: _over_the_channels(a, True),
    ),
    Slip(
        "channels-summed",
        "The results of all channels were added up, as in a convolution. Each channel should keep its own "
        "result.",
        _OWN,
        lambda a: a.pool().sum(-3),
    ),
    Slip(
        "channels-summed-into-one",
        "The results of all channels were added up into one channel, as in a convolution. Each channel "
        "should keep its own result.",
        _OWN,
        lambda a: a.pool().sum(-3, keepdim=True),
    ),
    Slip(
        "channels-averaged",
        "The mean of all channels was taken. Each channel should keep its own result.",
        _OWN,
        lambda a: a.pool().mean(-3),
    ),
    Slip(
        "first-channel-for-all",
        "Every channel holds the result of the first one: the channel index is missing where the window is "
        "cut out.",
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
        "Only the last channel comes out: each iteration of the loop discards the result of the one before.",
        _OWN,
        lambda a: a.pool().select(-3, -1),
    ),
    Slip(
        "only-the-first-channel-filled",
        "Only the first channel was filled: the function returns from inside its loop.",
        "How far is the return line indented, and what does that mean?",
        lambda a: _part(a, 0),
    ),
    Slip(
        "channels-stacked-last",
        "The channels lie along the last axis. They should stay where they were, before the rows.",
        "Along which axis does torch.stack put the channels, and which axis of X were they?",
        _stacked_last,
    ),
    Slip(
        "reshaped-instead-of-permuted",
        "The values are right but in the wrong places: reshape keeps the order of the numbers; it doesn't "
        "swap axes.",
        "What is the difference between reshape and permute?",
        lambda a: _stacked_last(a).reshape(a.pool().shape),
    ),
    Slip(
        "channels-side-by-side",
        "The channels lie below each other in one map, as with torch.cat. torch.stack gives them their own "
        "axis.",
        "What is the difference between torch.cat and torch.stack?",
        lambda a: a.pool().flatten(-3, -2),
    ),
    Slip(
        "first-axes-pooled",
        "You get this result when the window moves over the first axes of X. Rows and columns are its last "
        "two axes.",
        _AXES,
        lambda a: _each(a, a.X.movedim(-3, -1)).movedim(-1, -3),
    ),
    Slip(
        "batch-refused",
        "A single image is pooled correctly, but a batch (N, C, H, W) fails.",
        _RANK,
        _only_three,
    ),
    Slip(
        "single-image-refused",
        "A batch is pooled correctly, but a single image (C, H, W) fails.",
        _RANK,
        _only_four,
    ),
    Slip(
        "batch-flattened",
        "Samples and channels of a batch end up in one axis. (N, C, H, W) should become (N, C, H', W').",
        _RANK,
        lambda a: a.pool().flatten(0, -3),
    ),
    Slip(
        "single-image-with-a-batch-axis",
        "A single image (C, H, W) comes back with a batch axis. (C, H, W) should become (C, H', W').",
        _RANK,
        lambda a: a.pool() if a.X.dim() == 4 else a.pool()[None],
    ),
    Slip(
        "single-image-squeezed",
        "A single image (C, H, W) loses every axis of length 1, as with squeeze(). Only the batch axis "
        "that was added should go: squeeze(0).",
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
        "The samples of the batch were added up. Each should keep its own result.",
        _RANK,
        lambda a: a.pool().sum(0) if a.X.dim() == 4 else a.pool(),
    ),
    Slip(
        "pooled-over-the-samples-too",
        "You get this result when a window extends over all samples of the batch. Each sample should be "
        "pooled separately.",
        _RANK,
        lambda a: a.reduce(a.pool().movedim(0, -1)) if a.X.dim() == 4 else a.pool(),
    ),
    Slip(
        "samples-and-channels-exchanged",
        "The axes of samples and channels are swapped in the result.",
        _RANK,
        lambda a: a.pool().transpose(0, 1) if a.X.dim() == 4 else a.pool(),
    ),
    Slip(
        "samples-and-channels-in-the-wrong-order",
        "The maps are all there, but in the wrong order: those of one channel come one after the other, "
        "and are then reshaped to (N, C). reshape runs along the last axis first.",
        "With N = 2 and C = 3, in which order must six maps be so that reshape(2, 3, ...) puts them in the "
        "right places?",
        lambda a: a.pool().transpose(0, 1).reshape(a.pool().shape) if a.X.dim() == 4 else a.pool(),
    ),
    Slip(
        "list-of-maps-returned",
        "A list of maps is returned, one for each channel or sample. The result should be one tensor.",
        "Which torch function joins tensors into one?",
        lambda a: list(a.pool()),
    ),
    Slip(
        "nested-list-of-maps-returned",
        "A list of maps is returned, one for each channel or sample. The result should be one tensor.",
        "Which torch function joins tensors into one?",
        lambda a: [list(maps) if maps.dim() == 3 else maps for maps in a.pool()],
    ),
)

# ------------------------------------------------------------------------------------------------- layers

_SUMMARY = {"max": "maximum", "avg": "mean"}
_LAYERS = {"MaxPool2d": "max", "AvgPool2d": "avg"}
_KEEP = "Which three things must the layer store when it is created?"


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
        "The class doesn't inherit from nn.Module, so it can't be called or put into a network.",
        "What does your class inherit from, and what does that give you?",
        _without_module,
    ),
    (
        "no-module-but-callable",
        "The class can be called, but it doesn't inherit from nn.Module, so it can't be put into a network.",
        "What does your class inherit from, and what does that give you?",
        _callable_without_module,
    ),
    (
        "super-init-forgotten",
        "The layer can't be called: super().__init__() is missing at the start of __init__.",
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
        "The layer takes a window size and nothing else. It should take a stride and a padding, too.",
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
