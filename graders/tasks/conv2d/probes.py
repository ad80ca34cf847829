"""The questions by which answers to the tasks of exercise 1 are told apart."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from graders.diagnosis.mistakes import Probe
from graders.diagnosis.observing import effort, plain, settled, telling, value_of
from graders.tasks.convolutions import Convolution, convolution_probes
from graders.testing.module import Module
from graders.testing.strategies import tensor
from graders.testing.submission import Submission

NO_INIT = "Module.__init__"


def _new(submission: Submission, kernel_size: Any) -> Any:
    return submission.create("Conv2D", kernel_size)


def _kinds(kernel_size: int | tuple[int, int]) -> Probe:
    """Which parameters and buffers a layer has: their shapes, and whether they have the right names."""

    def probe(submission: Submission) -> Any:
        layer = _new(submission, kernel_size)
        if not isinstance(layer, Module) or not layer.is_module():
            return "no module"
        about = layer.describe()
        shapes = sorted(tuple(value.shape) for _, value in about.parameters)
        named = {name for name, _ in about.parameters} <= {"weight", "bias"}
        return (shapes, named, len(about.buffers), sorted(about.trainable.values()))

    return telling(settled(probe), NO_INIT)


def _start(submission: Submission) -> Any:
    """What can be said of the first weights whatever the random numbers are."""
    layers = [_new(submission, (31, 32)) for _ in range(2)]
    weights: list[Tensor] = []
    biases: list[Tensor] = []
    for layer in layers:
        if not isinstance(layer, Module) or not layer.is_module():
            return "no module"
        found = [value for _, value in layer.describe().parameters]
        weights += [value for value in found if value.dim() == 2 and value.numel() > 900][:1]
        biases += [value for value in found if value.numel() == 1][:1]
    about = [
        (bool((w < 0).any()), bool((w >= 1).any()), bool((w.abs() > 1.5).any()), len(w.unique()) == 1)
        for w in weights
    ]
    alike = len(weights) == 2 and torch.equal(weights[0], weights[1])
    return (about, alike, [(float(b) == 0, float(b) == 1) for b in biases])


def _set(layer: Module, kernel: tuple[int, int]) -> dict[str, str]:
    """Give the layer known parameters, by shape; a label for each of its names."""
    labels: dict[str, str] = {}
    values = []
    for number, (name, value) in enumerate(layer.describe().parameters):
        weight = tuple(value.shape) == kernel and "weight" not in labels.values()
        labels[name] = "weight" if weight else f"other of shape {tuple(value.shape)}"
        values.append(tensor(*value.shape, seed=41 if weight else 42 + (number if number > 1 else 0)))
    layer.assign(values)
    return labels


def forgotten(layer: Module, X: Tensor, labels: dict[str, str]) -> bool:
    """Whether each call leaves another weight behind, and answers by it."""
    seen = []
    for _ in range(2):
        answer = layer(X.detach())
        weight = next((w for name, w in layer.describe().parameters if labels.get(name) == "weight"), None)
        if weight is None or not isinstance(answer, Tensor):
            return False
        seen.append((weight, answer))
    (one, first), (other, second) = seen
    return not torch.equal(one, other) and not torch.equal(first.detach(), second.detach())


def _forward(
    kernel_size: int | tuple[int, int], image: tuple[int, int], dtype: torch.dtype = torch.float32
) -> Probe:
    """The answer with known parameters, and all gradients."""
    kernel = (kernel_size, kernel_size) if isinstance(kernel_size, int) else kernel_size
    cotangent = tensor(image[0] - kernel[0] + 1, image[1] - kernel[1] + 1, seed=43)

    def probe(submission: Submission) -> Any:
        layer = _new(submission, kernel_size)
        if not isinstance(layer, Module) or not layer.is_module():
            return "no module"
        labels = _set(layer, kernel)
        X = tensor(*image, seed=44, dtype=dtype).requires_grad_()
        if "weight" not in labels.values():
            # The weight cannot be known: only whether it stays the same from call to call.
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


def _backward(
    image: tuple[int, int], kernel: tuple[int, int], seed: int, dtype: torch.dtype = torch.float32
) -> Probe:
    shape = image[0] - kernel[0] + 1, image[1] - kernel[1] + 1
    G, X, K = (tensor(*size, seed=seed + n, dtype=dtype) for n, size in enumerate((shape, image, kernel)))

    def probe(submission: Submission) -> Any:
        reply = plain(submission.ask("conv2d_backward", G, X, K, return_arguments=True))
        value = reply.value
        if isinstance(value, tuple) and value[:1] == ("list",):
            value = value[1]
        gradients = tuple(value) if isinstance(value, (tuple, list)) else value
        return (gradients, reply.arguments)

    return settled(probe)


def _of_matrix(kernel: tuple[int, int], size: Any, seed: int, dtype: torch.dtype = torch.float32) -> Probe:
    K = tensor(*kernel, seed=seed, dtype=dtype)
    return lambda submission: plain(submission.ask("conv2d_matrix", K, size, return_arguments=True))


def _gradient_of_matrix(submission: Submission) -> Any:
    K = tensor(2, 3, seed=6).requires_grad_()
    return plain(submission.ask("conv2d_matrix", K, (3, 5), cotangent=tensor(6, 15, seed=7)))


def _right(X: Tensor, K: Tensor) -> Any:
    return Convolution(X=X, K=K).answer()


PROBES: dict[str, tuple[Probe, ...]] = {
    "conv2d": convolution_probes(
        "conv2d",
        ((4, 6), (2, 3)),
        ((5, 4), (3, 2)),
        ((4, 4), (2, 2)),
        ((3, 5), (2, 2)),
        ((5, 5), (2, 3)),
        ((4, 4), (4, 2)),
        ((4, 5), (1, 2)),
    ),
    "Conv2D": (
        _kinds((2, 3)),
        _kinds(4),
        telling(settled(_start), NO_INIT),
        _forward((2, 3), (4, 6)),
        _forward((3, 2), (5, 4)),
        _forward((2, 2), (3, 5)),
        _forward(2, (4, 4)),
        _forward((4, 2), (4, 4)),
        _forward((2, 3), (4, 6), torch.float64),
    ),
    "output_size": (
        *(value_of("output_size", n, k) for n, k in ((5, 3), (8, 2), (1, 1), (28, 5))),
        *(
            value_of("output_size", *sizes)
            for sizes in ((7, 3, 2), (8, 3, 2), (9, 1, 4), (10, 4, 4), (11, 3, 5))
        ),
        *(
            value_of("output_size", *sizes)
            for sizes in ((8, 3, 2, 1), (9, 2, 3, 2), (6, 3, 7, 1), (5, 3, 1, 2))
        ),
        value_of("output_size", 8, 3, padding=1, stride=2),
        value_of("output_size", 12, 3, padding=1),
        *(value_of("output_size", *sizes) for sizes in ((9, 3, 1, 0, 2), (12, 3, 2, 1, 3), (20, 4, 1, 2, 3))),
        value_of("output_size", 14, 2, dilation=3),
    ),
    "conv2d_vectorized": (
        *convolution_probes(
            "conv2d_vectorized", ((4, 6), (2, 3)), ((5, 4), (3, 2)), ((4, 4), (2, 2)), ((4, 4), (4, 2))
        ),
        effort(
            "conv2d_vectorized", _right, *((tensor(n, n + 1, seed=n), tensor(3, 2, seed=2)) for n in (6, 12))
        ),
    ),
    "conv2d_backward": (
        _backward((4, 6), (2, 3), 1),
        _backward((5, 4), (3, 2), 11),
        _backward((4, 4), (2, 2), 21),
        _backward((3, 5), (3, 1), 31),
        _backward((4, 6), (2, 3), 41, torch.float64),
    ),
    "conv2d_matrix": (
        _of_matrix((2, 3), (3, 5), 1),
        _of_matrix((3, 2), (5, 4), 2),
        _of_matrix((2, 2), (3, 3), 3),
        _of_matrix((2, 1), (4, 3), 4),
        _of_matrix((2, 3), (3, 5), 5, torch.float64),
        _gradient_of_matrix,
    ),
}
