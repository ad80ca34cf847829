"""Networks whose every number is known: LeNet as a formula, twins on both sides, training replayed."""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from solutions import lenet as reference

from . import tolerance
from .expect import references_agree
from .strategies import tensor
from .subject import Build, Description, Module, Submission

Pool = Callable[..., Tensor]


Batch = tuple[Tensor, Tensor]


SHAPES = ((6, 1, 5, 5), (6,), (16, 6, 5, 5), (16,), (120, 400), (120,), (84, 120), (84,), (10, 84), (10,))


def known_parameters(seed: int) -> list[Tensor]:
    """Ten parameters of LeNet, float64: six times PyTorch's own scale, 1 / sqrt(fan_in)."""
    every = []
    for place, shape in enumerate(SHAPES):
        weight = SHAPES[place - place % 2]
        fan_in = torch.Size(weight[1:]).numel()
        generator = torch.Generator().manual_seed(seed * 100 + place)
        every.append((2 * torch.rand(shape, generator=generator, dtype=torch.float64) - 1) * 6 / fan_in**0.5)
    return every


def logits(X: Tensor, weights: Sequence[Tensor], pool: Pool = F.avg_pool2d) -> Tensor:
    """The network as a formula."""
    K1, b1, K2, b2, W3, b3, W4, b4, W5, b5 = weights
    X = pool(torch.sigmoid(F.conv2d(X, K1, b1, padding=2)), 2)
    X = pool(torch.sigmoid(F.conv2d(X, K2, b2)), 2)
    X = torch.sigmoid(F.linear(X.flatten(1), W3, b3))
    return F.linear(torch.sigmoid(F.linear(X, W4, b4)), W5, b5)


def expected_logits(X: Tensor, weights: Sequence[Tensor], pool: Pool = F.avg_pool2d) -> Tensor:
    """The right logits; for average pooling the reference network has to agree."""
    right = logits(X.detach(), weights, pool)
    if pool is F.avg_pool2d:
        net = reference.lenet().double()
        with torch.no_grad():
            for own, value in zip(net.parameters(), weights, strict=True):
                own.copy_(value)
            references_agree(net(X.detach()), right, tolerance.relative(right, 1e-12))
    return right


def images(count: int, seed: int) -> Tensor:
    """`count` float64 images for LeNet."""
    return tensor(count, 1, 28, 28, seed=seed, values="normal", dtype=torch.float64)


def layer(name: str, *args: Any, **kwargs: Any) -> Build:
    """`nn.name(*args, **kwargs)`, to be built on either side of the wall."""
    return Build(name, args, kwargs)


def made(build: Build) -> nn.Module:
    """The same module here; a `Recorder` changes nothing, so `Identity` stands for it."""
    if build.name == "Recorder":
        return nn.Identity()
    args = [made(item) if isinstance(item, Build) else item for item in build.args]
    module = getattr(nn, build.name)(*args, **build.kwargs)
    assert isinstance(module, nn.Module)
    return module


def twins(
    submission: Submission, *layers: Build | Module, seed: int = 0, dtype: torch.dtype = torch.float64
) -> tuple[Module, nn.Module]:
    """One `Sequential` with known parameters on both sides; a `Module` among the layers is a `Recorder`."""
    theirs = submission.build("Sequential", *layers).convert(dtype=dtype)
    theirs.title = "net"
    ours = nn.Sequential(*(made(item) if isinstance(item, Build) else nn.Identity() for item in layers)).to(
        dtype
    )
    values = []
    for place, own in enumerate(ours.parameters()):
        value = tensor(*own.shape, seed=seed * 100 + place, values="normal", dtype=dtype)
        values.append(value / max(1, own[0].numel()) ** 0.5)
        own.data.copy_(values[-1])
    theirs.assign(values)
    return theirs, ours


def differences(before: Description, after: Description) -> str:
    """What two descriptions of a network do not have in common, in words; empty if nothing."""
    if [m[0] for m in before.modules] != [m[0] for m in after.modules]:
        return "submodules were added or taken away"
    for kind, place in (("training mode", 2), ("number of hooks", 3)):
        for old, new in zip(before.modules, after.modules, strict=True):
            if old[place] != new[place]:
                which = f"module {old[0]!r} ({old[1]})" if old[0] else "the network"
                return f"the {kind} of {which} was {old[place]} before and is {new[place]} after"
    if before.trainable != after.trainable:
        return "some parameter's requires_grad is another"
    if before.state.keys() != after.state.keys():
        return "its state_dict has other entries"
    for name, value in before.state.items():
        now = after.state[name]
        if value.shape != now.shape or value.dtype != now.dtype or not torch.equal(value, now):
            return f"{name} has another value"
    return ""


def guesses(sizes: Sequence[int], seed: int, classes: int = 4) -> tuple[list[Batch], int]:
    """Batches of images whose own numbers are the logits, and how many of their labels are right.

    Logits are distinct integers, so that no rounding decides a prediction.
    """
    generator = torch.Generator().manual_seed(seed)
    batches, right = [], 0
    for size in sizes:
        X = torch.stack([torch.randperm(classes, generator=generator) for _ in range(size)]).float()
        keep = torch.rand(size, generator=generator) < 0.6
        y = torch.where(keep, X.argmax(1), torch.randint(0, classes, (size,), generator=generator))
        right += int((X.argmax(1) == y).sum())
        batches.append((X.reshape(size, 1, 2, classes // 2), y))
    return batches, right


def replay(net: nn.Module, data: Sequence[Batch], epochs: int, lr: float) -> list[float]:
    """Minibatch gradient descent by formula; changes `net` and returns the losses."""
    losses = []
    net.train()
    for _ in range(epochs):
        total, count = 0.0, 0
        for X, y in data:
            log_p = F.log_softmax(net(X), dim=1)
            each = -log_p[torch.arange(len(y)), y]
            gradients = torch.autograd.grad(each.mean(), list(net.parameters()))
            with torch.no_grad():
                for weight, gradient in zip(net.parameters(), gradients, strict=True):
                    weight.sub_(lr * gradient)
            total, count = total + float(each.detach().sum()), count + len(y)
        losses.append(total / count)
    return losses


def expected_training(net: nn.Module, data: Sequence[Batch], epochs: int, lr: float) -> list[float]:
    """`replay`, after a look whether the reference does the same from the same start."""
    start = {name: value.clone() for name, value in net.state_dict().items()}
    theirs = torch.tensor(reference.train(net, data, epochs, lr), dtype=torch.float64)
    trained = [weight.detach().clone() for weight in net.parameters()]
    net.load_state_dict(start)
    losses = replay(net, data, epochs, lr)
    ours = torch.tensor(losses, dtype=torch.float64)
    references_agree(theirs, ours, tolerance.relative(ours, 1e-10))
    for one, other in zip(trained, net.parameters(), strict=True):
        references_agree(one, other.detach(), tolerance.relative(other.detach(), 1e-10))
    return losses


def expected_maps(net: nn.Module, X: Tensor) -> dict[str, Tensor]:
    """The output of every leaf of a `Sequential` of `Sequential`s, by walking through it."""
    maps: dict[str, Tensor] = {}

    def walk(module: nn.Module, name: str, value: Tensor) -> Tensor:
        children = list(module.named_children())
        for child_name, child in children:
            value = walk(child, f"{name}.{child_name}".lstrip("."), value)
        if not children:
            value = module(value.clone())
            maps[name] = value.clone()
        return value

    with torch.no_grad():
        walk(net, "", X.clone())
        theirs = reference.feature_maps(net, X.clone())
    references_agree(torch.tensor(set(theirs) == set(maps)), torch.tensor(True), torch.tensor(0))
    for name, value in maps.items():
        references_agree(theirs[name], value, tolerance.relative(value, 1e-12))
    return maps


# The one training for `lenet_modern`, by plain SGD. Measured over ten seeds each, the share right of 200 new
# images, and CPU time on one thread: classic LeNet .08, with Xavier's start .08 (it needs many more steps);
# the reference 1.00, 1.1 s. LeNet with tanh 1.00, with ReLU, leaky ReLU or GELU .99 to 1.00, with ReLU and
# average pooling .68 to 1.00, with batch normalisation and sigmoids 1.00. Three small blocks with ReLU,
# ELU or SiLU 1.00, with batch normalisation and global pooling 1.00 (1.7 s); with dropout 1.00. Four wide
# convolutions, four seeds: 1.00 (4.6 s).
STEPS, BATCH, LR, MOMENTUM = 120, 16, 0.02, 0.9
HELD_OUT = 200


def patterns(count: int, seed: int) -> Batch:
    """Images of ten smooth patterns, shifted by up to one pixel and noisy, with their classes."""
    generator = torch.Generator().manual_seed(1998)
    coarse = torch.randn(10, 1, 7, 7, generator=generator)
    templates = F.interpolate(coarse, size=(28, 28), mode="bilinear", align_corners=False)
    generator = torch.Generator().manual_seed(seed)
    y = torch.randint(0, 10, (count,), generator=generator)
    shifts = torch.randint(-1, 2, (count, 2), generator=generator).tolist()
    X = torch.stack(
        [torch.roll(templates[k], tuple(shift), (1, 2)) for k, shift in zip(y.tolist(), shifts, strict=True)]
    )
    return X + 0.3 * torch.randn(X.shape, generator=generator), y


@functools.cache
def training_data() -> list[Batch]:
    """The batches that every design is trained on, once each."""
    X, y = patterns(STEPS * BATCH, seed=1)
    return list(zip(X.split(BATCH), y.split(BATCH), strict=True))


def share_right(scores: Tensor, y: Tensor) -> float:
    """The share of rows whose largest score is at the label."""
    return float((scores.argmax(1) == y).double().mean())


@functools.cache
def classic_share() -> float:
    """What the classic network makes of the same training, on this side of the wall."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(1998)
        net = reference.lenet()
    optimizer = torch.optim.SGD(net.parameters(), lr=LR, momentum=MOMENTUM)
    for X, y in training_data():
        optimizer.zero_grad()
        F.cross_entropy(net(X), y).backward()  # type: ignore[no-untyped-call]
        optimizer.step()
    X, y = patterns(HELD_OUT, seed=2)
    with torch.no_grad():
        return share_right(net(X), y)
