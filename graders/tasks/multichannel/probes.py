"""The questions by which answers to the tasks of exercise 3 are told apart."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from graders.diagnosis.mistakes import Probe
from graders.diagnosis.observing import calls, effort, settled, telling, value_of
from graders.tasks.conv2d.probes import NO_INIT, forgotten
from graders.tasks.convolutions import Convolution, convolution_probes
from graders.tasks.windows import pair
from graders.testing.module import Module
from graders.testing.strategies import tensor
from graders.testing.submission import Submission


def answers(
    name: str,
    image: tuple[int, ...],
    kernel: tuple[int, ...],
    seed: int,
    *order: Any,
    bias: bool = False,
    cotangent: Tensor | None = None,
    **options: Any,
) -> Probe:
    """What a function answers to `(X, K, bias, *order)`, or with names."""
    X, K, b = (tensor(*size, seed=seed + n) for n, size in enumerate((image, kernel, kernel[:1])))
    if cotangent is not None:
        X, K, b = X.requires_grad_(), K.requires_grad_(), b.requires_grad_()
        options["cotangent"] = cotangent
    if order:
        return settled(calls(name, X, K, b, *order, **options))
    return settled(calls(name, X, K, **({"bias": b} if bias else {}), **options))


def batch_probes(name: str) -> tuple[Probe, ...]:
    """What every convolution of a batch is asked."""
    return (
        *convolution_probes(
            name,
            ((2, 3, 4, 6), (4, 3, 2, 3)),
            ((2, 3, 4, 5), (3, 3, 2, 2)),
            ((1, 2, 5, 4), (3, 2, 3, 2)),
            ((3, 2, 4, 4), (2, 2, 4, 2)),
            ((2, 1, 3, 5), (1, 1, 2, 2)),
        ),
        answers(name, (2, 3, 4, 5), (4, 3, 2, 2), 31, bias=True),
        answers(name, (2, 3, 4, 6), (3, 3, 2, 2), 34, bias=True),
        answers(name, (3, 2, 3, 6), (3, 2, 2, 2), 37, bias=True),
        answers(name, (2, 2, 8, 9), (3, 2, 3, 2), 40, stride=(2, 3)),
        answers(name, (1, 2, 6, 7), (2, 2, 3, 2), 43, stride=2),
        answers(name, (2, 2, 4, 5), (3, 2, 2, 3), 46, padding=(2, 1)),
        answers(name, (1, 2, 4, 3), (2, 2, 2, 2), 49, padding=1),
        answers(name, (1, 2, 2, 3), (2, 2, 4, 4), 52, padding=(1, 1)),
        answers(name, (2, 3, 6, 5), (4, 3, 3, 2), 55, bias=True, stride=(2, 3), padding=(1, 2)),
        answers(name, (1, 2, 5, 6), (3, 2, 2, 2), 58, (2, 1), (1, 0)),
        answers(name, (2, 2, 3, 4), (3, 2, 2, 2), 61, bias=True, cotangent=tensor(2, 3, 2, 3, seed=64)),
    )


def growing(name: str, *sizes: tuple[tuple[int, ...], tuple[int, ...]]) -> Probe:
    """Whether the effort grows along the sizes of image and kernel."""
    questions = [
        (tensor(*image, seed=n), tensor(*kernel, seed=n + 5)) for n, (image, kernel) in enumerate(sizes)
    ]
    return effort(name, lambda X, K: Convolution(X=X, K=K).answer(), *questions)


def _new(submission: Submission, *args: Any, **kwargs: Any) -> Any:
    return submission.create("MultiChannelConv2d", *args, **kwargs)


def _kinds(*args: Any, **kwargs: Any) -> Probe:
    """Which parameters, buffers and saved tensors a layer has, and whether they have the right names."""

    def probe(submission: Submission) -> Any:
        layer = _new(submission, *args, **kwargs)
        if not isinstance(layer, Module) or not layer.is_module():
            return "no module"
        about = layer.describe()
        names = {name for name, _ in about.parameters}
        named = (
            "right"
            if names <= {"weight", "bias"}
            else "inner"
            if any("." in name for name in names)
            else "other"
        )
        shapes = sorted(tuple(value.shape) for _, value in about.parameters)
        return (shapes, named, len(about.buffers), len(about.state), sorted(about.trainable.values()))

    return telling(settled(probe), NO_INIT)


def _start(submission: Submission) -> Any:
    """What can be said of the first weights whatever the random numbers are."""
    weights = []
    for _ in range(2):
        layer = _new(submission, 3, 4, (2, 5))
        if not isinstance(layer, Module) or not layer.is_module():
            return "no module"
        weights += [value for _, value in layer.describe().parameters if value.numel() == 120][:1]
    alike = len(weights) == 2 and torch.equal(weights[0], weights[1])
    return (
        alike,
        [(len(w.unique()) == 1, bool((w == 1).all()), len(w.flatten(1).unique(dim=0))) for w in weights],
    )


def _set(layer: Module, shape: tuple[int, ...]) -> dict[str, str]:
    """Give the layer known parameters, whatever their names; a label for each."""
    labels: dict[str, str] = {}
    values = []
    for name, value in layer.describe().parameters:
        weight = (
            value.numel() == torch.Size(shape).numel()
            and value.dim() == 4
            and "weight" not in labels.values()
        )
        labels[name] = "weight" if weight else f"other of shape {tuple(value.shape)}"
        values.append(tensor(*value.shape, seed=41 if weight else 42))
    layer.assign(values)
    return labels


def _forward(
    image: tuple[int, int, int, int],
    channels: int,
    kernel_size: Any,
    *order: Any,
    dtype: torch.dtype = torch.float32,
    **options: Any,
) -> Probe:
    """The answer with known parameters, and all gradients."""
    shape = (channels, image[1], *pair(kernel_size))
    given = [*order, 1, 0][:2] if order else [options.get("stride", 1), options.get("padding", 0)]
    right = Convolution(X=torch.zeros(image), K=torch.zeros(shape), stride=given[0], padding=given[1])
    cotangent = tensor(*right.answer().shape, seed=43)

    def probe(submission: Submission) -> Any:
        layer = _new(submission, image[1], channels, kernel_size, *order, **options)
        if not isinstance(layer, Module) or not layer.is_module():
            return "no module"
        labels = _set(layer, shape)
        X = tensor(*image, seed=44, dtype=dtype).requires_grad_()
        if "weight" not in labels.values() or len(labels) < 1 + options.get("bias", True):
            # A parameter cannot be known: only whether it stays the same from call to call.
            X = X.detach().float()
            one, other = layer(X), layer(X)
            return isinstance(one, Tensor) and isinstance(other, Tensor) and torch.equal(one, other)
        if dtype != torch.float32:
            layer.convert(dtype=dtype)
        if forgotten(layer, X, labels):
            return "weight drawn anew"
        reply = submission.ask(layer, X, cotangent=cotangent)
        gradients = {labels.get(name, name): value for name, value in reply.parameter_gradients.items()}
        return (reply.value, reply.gradients, dict(sorted(gradients.items())))

    return telling(settled(probe), NO_INIT)


PROBES: dict[str, tuple[Probe, ...]] = {
    "conv2d_multi_in": convolution_probes(
        "conv2d_multi_in",
        ((3, 4, 6), (3, 2, 3)),
        ((2, 5, 4), (2, 3, 2)),
        ((3, 4, 4), (3, 2, 2)),
        ((2, 4, 4), (2, 4, 2)),
        ((1, 3, 5), (1, 2, 2)),
        ((4, 5, 5), (4, 2, 3)),
    ),
    "conv2d_multi_in_out": convolution_probes(
        "conv2d_multi_in_out",
        ((3, 4, 6), (2, 3, 2, 3)),
        ((2, 5, 4), (4, 2, 3, 2)),
        ((3, 4, 4), (3, 3, 2, 2)),
        ((2, 4, 4), (3, 2, 4, 2)),
        ((1, 3, 5), (2, 1, 2, 2)),
        ((2, 5, 5), (1, 2, 2, 3)),
        ((4, 4, 5), (2, 4, 2, 2)),
    ),
    "conv2d_1x1": (
        *convolution_probes(
            "conv2d_1x1",
            ((3, 4, 5), (2, 3, 1, 1)),
            ((2, 5, 3), (4, 2, 1, 1)),
            ((3, 3, 3), (3, 3, 1, 1)),
            ((2, 1, 4), (3, 2, 1, 1)),
            ((1, 2, 3), (2, 1, 1, 1)),
            ((2, 2, 3), (1, 2, 1, 1)),
        ),
        growing("conv2d_1x1", *(((2, n, 3), (3, 2, 1, 1)) for n in (3, 8))),
        growing("conv2d_1x1", *(((n, 2, 3), (3, n, 1, 1)) for n in (3, 8))),
        growing("conv2d_1x1", *(((2, 2, 3), (n, 2, 1, 1)) for n in (3, 8))),
    ),
    "num_parameters": tuple(
        value_of("num_parameters", *args)
        for args in ((1, 6, 5), (6, 16, 5), (3, 4, (2, 5)), (5, 2, (1, 7)), (3, 4, 2, False), (2, 3, 4, True))
    ),
    "conv2d_batched": batch_probes("conv2d_batched"),
    "conv2d_general": (
        *batch_probes("conv2d_general"),
        answers("conv2d_general", (1, 2, 7, 8), (2, 2, 2, 3), 71, dilation=(3, 2)),
        answers("conv2d_general", (2, 1, 6, 6), (2, 1, 2, 2), 74, dilation=2),
        answers("conv2d_general", (2, 4, 3, 4), (6, 2, 2, 2), 77, groups=2),
        answers("conv2d_general", (1, 3, 4, 3), (6, 1, 3, 2), 80, groups=3, bias=True),
        answers("conv2d_general", (1, 4, 9, 8), (2, 2, 3, 2), 83, (2, 3), (1, 2), (3, 4), 2),
        answers("conv2d_general", (1, 2, 5, 5), (2, 1, 2, 2), 86, 1, 0, 1, 2),
    ),
    "conv2d_im2col": (
        *batch_probes("conv2d_im2col"),
        growing("conv2d_im2col", *(((n, 2, 3, 4), (2, 2, 2, 2)) for n in (2, 7))),
        growing("conv2d_im2col", *(((2, n, 3, 4), (2, n, 2, 2)) for n in (2, 7))),
        growing("conv2d_im2col", *(((2, 2, 3, 4), (n, 2, 2, 2)) for n in (2, 7))),
        growing("conv2d_im2col", *(((2, 2, n, n + 1), (2, 2, 2, 2)) for n in (3, 6))),
    ),
    "MultiChannelConv2d": (
        _kinds(3, 2, (2, 4)),
        _kinds(2, 3, 3),
        _kinds(2, 3, 2, bias=False),
        telling(settled(_start), NO_INIT),
        _forward((2, 3, 4, 5), 4, (2, 3)),
        _forward((2, 3, 4, 5), 3, (2, 2)),
        _forward((1, 2, 5, 4), 3, 2),
        _forward((2, 3, 3, 5), 2, (2, 2), bias=False),
        _forward((2, 2, 8, 9), 3, (3, 2), stride=(2, 3)),
        _forward((1, 2, 6, 7), 2, (3, 2), stride=2),
        _forward((2, 2, 4, 5), 3, (2, 3), padding=(2, 1)),
        _forward((1, 2, 2, 3), 2, (4, 4), padding=1),
        _forward((2, 3, 6, 5), 4, (3, 2), stride=(2, 3), padding=(1, 2)),
        _forward((1, 2, 5, 6), 3, (2, 2), (2, 1), (1, 0)),
        _forward((2, 3, 4, 5), 4, (2, 3), dtype=torch.float64),
    ),
}
