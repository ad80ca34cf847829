"""Exercise 5."""
from __future__ import annotations

import copy
from collections import OrderedDict
from contextlib import contextmanager
from itertools import chain

import torch
import torch.nn.functional as F
from torch import Tensor, nn


def lenet_from(Conv2d, AvgPool2d) -> nn.Module:
    return nn.Sequential(OrderedDict(
        conv1=Conv2d(1, 6, 5, padding=2), act1=nn.Sigmoid(), pool1=AvgPool2d(2, 2),
        conv2=Conv2d(6, 16, 5), act2=nn.Sigmoid(), pool2=AvgPool2d(2, 2),
        flat=nn.Flatten(),
        fc1=nn.Linear(400, 120), act3=nn.Sigmoid(),
        fc2=nn.Linear(120, 84), act4=nn.Sigmoid(),
        fc3=nn.Linear(84, 10),
    ))


def lenet() -> nn.Module:
    return lenet_from(nn.Conv2d, nn.AvgPool2d)


def _anchor(net: nn.Module) -> Tensor:
    """A tensor with the device and the dtype of the network."""
    return next((t for t in chain(net.parameters(), net.buffers()) if t.is_floating_point()), torch.zeros(()))


@contextmanager
def _evaluating(net: nn.Module):
    before = {m: m.training for m in net.modules()}
    net.eval()
    try:
        with torch.no_grad():
            yield
    finally:
        for m, training in before.items():
            m.training = training


def layer_shapes(net: nn.Module, input_shape=(1, 1, 28, 28)) -> list[tuple[str, tuple[int, ...]]]:
    twin = copy.deepcopy(net).eval()
    seen: dict[str, tuple[int, ...]] = {}
    for name, child in twin.named_children():
        child.register_forward_hook(lambda m, args, out, name=name: seen.__setitem__(name, tuple(out.shape)))
    with torch.no_grad():
        twin(_anchor(net).new_zeros(input_shape))
    return [(type(c).__name__, seen[n]) for n, c in net.named_children() if n in seen]


def accuracy(net: nn.Module, data) -> float:
    device = _anchor(net).device
    right = seen = 0
    with _evaluating(net):
        for X, y in data:
            right += int((net(X.to(device)).argmax(1) == y.to(device)).sum())
            seen += len(y)
    return right / seen


def train(net: nn.Module, data, num_epochs: int, lr: float) -> list[float]:
    device = _anchor(net).device
    sgd = torch.optim.SGD(net.parameters(), lr=lr)
    history = []
    for _ in range(num_epochs):
        net.train()
        total, seen = 0.0, 0
        for X, y in data:
            X, y = X.to(device), y.to(device)
            loss = F.cross_entropy(net(X), y)
            sgd.zero_grad()
            loss.backward()
            sgd.step()
            total, seen = total + float(loss.detach()) * len(y), seen + len(y)
        history.append(total / seen)
    return history


def init_lenet(net: nn.Module) -> nn.Module:
    for m in net.modules():
        if isinstance(m, (nn.modules.conv._ConvNd, nn.Linear)):
            nn.init.xavier_uniform_(m.weight)
    return net


def feature_maps(net: nn.Module, X: Tensor) -> dict[str, Tensor]:
    maps: dict[str, Tensor] = {}
    leaves = [(n, m) for n, m in net.named_modules() if not any(m.children())]
    handles = [m.register_forward_hook(lambda _, a, out, n=n: maps.__setitem__(n, out.clone())) for n, m in leaves]
    try:
        net(X)
    finally:
        for handle in handles:
            handle.remove()
    return maps


def lenet_modern() -> nn.Module:
    """LeNet's skeleton with ReLU, max pooling and batch normalisation instead of biases: 61,932 parameters."""
    def conv(c_in, c_out, **kwargs):
        return [nn.Conv2d(c_in, c_out, 5, bias=False, **kwargs), nn.BatchNorm2d(c_out), nn.ReLU(), nn.MaxPool2d(2)]

    def dense(n_in, n_out):
        return [nn.Linear(n_in, n_out, bias=False), nn.BatchNorm1d(n_out), nn.ReLU()]

    return nn.Sequential(
        *conv(1, 6, padding=2), *conv(6, 16), nn.Flatten(), *dense(400, 120), *dense(120, 84), nn.Linear(84, 10),
    )
