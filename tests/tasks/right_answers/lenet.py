"""Exercise 5 in other words: networks, their training and what is seen inside them."""

from __future__ import annotations

import copy
import itertools
import math
from collections import OrderedDict
from collections.abc import Callable, Iterable

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from tests.tasks.right_answers import right

Batches = Iterable[tuple[Tensor, Tensor]]


# -------------------------------------------------------------------------------------------------- lenet


@right("lenet", "lenet", style="a Sequential with names")
def named_layers() -> nn.Module:
    layers: list[tuple[str, nn.Module]] = [
        ("conv1", nn.Conv2d(1, 6, kernel_size=5, padding=2)),
        ("sigmoid1", nn.Sigmoid()),
        ("pool1", nn.AvgPool2d(kernel_size=2, stride=2)),
        ("conv2", nn.Conv2d(6, 16, kernel_size=5)),
        ("sigmoid2", nn.Sigmoid()),
        ("pool2", nn.AvgPool2d(kernel_size=2, stride=2)),
        ("flatten", nn.Flatten()),
        ("linear1", nn.Linear(400, 120)),
        ("sigmoid3", nn.Sigmoid()),
        ("linear2", nn.Linear(120, 84)),
        ("sigmoid4", nn.Sigmoid()),
        ("linear3", nn.Linear(84, 10)),
    ]
    return nn.Sequential(OrderedDict(layers))


class _Net(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(1, 6, 5, padding=2)
        self.conv2 = nn.Conv2d(6, 16, 5)
        self.fc1 = nn.Linear(16 * 5 * 5, 120)
        self.fc2 = nn.Linear(120, 84)
        self.fc3 = nn.Linear(84, 10)

    def forward(self, x: Tensor) -> Tensor:
        x = F.avg_pool2d(torch.sigmoid(self.conv1(x)), 2)
        x = F.avg_pool2d(torch.sigmoid(self.conv2(x)), 2)
        x = x.view(x.size(0), -1)
        x = torch.sigmoid(self.fc1(x))
        x = torch.sigmoid(self.fc2(x))
        return self.fc3(x)  # type: ignore[no-any-return]


@right("lenet", "lenet", style="a class with functional layers")
def net_of_a_class() -> nn.Module:
    return _Net()


@right("lenet", "lenet", style="features and classifier, one pooling and one sigmoid shared")
def two_parts() -> nn.Module:
    pool, act = nn.AvgPool2d(2), nn.Sigmoid()
    features = nn.Sequential(nn.Conv2d(1, 6, 5, padding="same"), act, pool, nn.Conv2d(6, 16, 5), act, pool)
    classifier = nn.Sequential(nn.Linear(400, 120), act, nn.Linear(120, 84), act, nn.Linear(84, 10))
    return nn.Sequential(features, nn.Flatten(start_dim=1), classifier)


@right("lenet", "lenet", style="a list of layers, strided pooling through reshape")
class ReshapingNet(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.convolutions = nn.ModuleList([nn.Conv2d(1, 6, 5, 1, 2), nn.Conv2d(6, 16, 5)])
        self.dense = nn.ModuleList([nn.Linear(400, 120), nn.Linear(120, 84), nn.Linear(84, 10)])

    def forward(self, X: Tensor) -> Tensor:
        for convolution in self.convolutions:
            X = convolution(X).sigmoid()
            n, c, h, w = X.shape
            X = X.reshape(n, c, h // 2, 2, w // 2, 2).mean(dim=(3, 5))
        X = X.flatten(1)
        for number, linear in enumerate(self.dense):
            X = linear(X) if number == 0 else linear(X.sigmoid())
        return X


# ------------------------------------------------------------------------------------------- layer_shapes


Shapes = list[tuple[str, tuple[int, ...]]]


@right("lenet", "layer_shapes", style="child after child in evaluation mode")
def shapes_by_children(net: nn.Module, input_shape: tuple[int, ...] = (1, 1, 28, 28)) -> Shapes:
    modes = {module: module.training for module in net.modules()}
    like = next(net.parameters(), torch.zeros(()))
    X = torch.zeros(input_shape, dtype=like.dtype, device=like.device)
    shapes: Shapes = []
    net.eval()
    try:
        with torch.no_grad():
            for child in net.children():
                X = child(X)
                shapes.append((type(child).__name__, tuple(X.shape)))
    finally:
        for module, mode in modes.items():
            module.training = mode
    return shapes


@right("lenet", "layer_shapes", style="hooks, removed again")
def shapes_by_hooks(net: nn.Module, input_shape: tuple[int, ...] = (1, 1, 28, 28)) -> Shapes:
    found: Shapes = []

    def note(module: nn.Module, inputs: tuple[Tensor, ...], output: Tensor) -> None:
        found.append((module.__class__.__name__, tuple(output.shape)))

    hooks = [child.register_forward_hook(note) for child in net.children()]
    modes = [(module, module.training) for module in net.modules()]
    try:
        net.eval()
        with torch.inference_mode():
            net(torch.zeros(*input_shape))
    finally:
        for hook in hooks:
            hook.remove()
        for module, mode in modes:
            module.training = mode
    return found


@right("lenet", "layer_shapes", style="on a copy")
def shapes_on_a_copy(net: nn.Module, input_shape: tuple[int, ...] = (1, 1, 28, 28)) -> Shapes:
    twin = copy.deepcopy(net).eval()
    X = torch.rand(input_shape)
    shapes: Shapes = []
    for child in twin.children():
        X = child(X).detach()
        shapes.append((type(child).__name__, tuple(X.size())))
    return shapes


# ----------------------------------------------------------------------------------------------- accuracy


@right("lenet", "accuracy", style="counting with argmax")
def share_by_argmax(net: nn.Module, data: Batches) -> float:
    modes = [(module, module.training) for module in net.modules()]
    device = next((parameter.device for parameter in net.parameters()), torch.device("cpu"))
    right_ones = total = 0
    net.eval()
    with torch.no_grad():
        for X, y in data:
            right_ones += int((net(X.to(device)).argmax(1) == y.to(device)).sum())
            total += y.numel()
    for module, mode in modes:
        module.training = mode
    return right_ones / total


@right("lenet", "accuracy", style="every prediction collected, one mean")
def share_by_mean(net: nn.Module, data: Batches) -> float:
    before = {name: module.training for name, module in net.named_modules()}
    first = next(net.parameters(), torch.empty(0))
    net.train(False)
    try:
        hits = []
        with torch.inference_mode():
            for X, y in data:
                hits.append(net(X.to(first.device)).max(dim=1).indices.cpu().eq(y.cpu()))
        return torch.cat(hits).double().mean().item()
    finally:
        for name, module in net.named_modules():
            module.train(before[name]) if not list(module.children()) else None
            module.training = before[name]


@right("lenet", "accuracy", style="softmax and topk, weighted batch means")
@torch.no_grad()
def share_by_batches(net: nn.Module, data: Batches) -> float:
    modes = [module.training for module in net.modules()]
    net.eval()
    weighted, count = 0.0, 0
    for X, y in data:
        for parameter in net.parameters():
            X = X.to(parameter.device)
        guess = F.softmax(net(X), dim=-1).topk(1).indices[:, 0]
        weighted += float((guess == y.to(guess.device)).double().mean()) * len(y)
        count += len(y)
    for module, mode in zip(net.modules(), modes, strict=True):
        module.training = mode
    return weighted / count


# -------------------------------------------------------------------------------------------------- train


@right("lenet", "train", style="optimizer and CrossEntropyLoss")
def trained_by_optimizer(net: nn.Module, data: Batches, num_epochs: int, lr: float) -> list[float]:
    criterion = nn.CrossEntropyLoss()
    device = next(net.parameters()).device
    optimizer = torch.optim.SGD(net.parameters(), lr)
    history = []
    for _ in range(num_epochs):
        net.train()
        running, seen = 0.0, 0
        for X, y in data:
            X, y = X.to(device), y.to(device)
            loss = criterion(net(X), y)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            running += loss.item() * X.shape[0]
            seen += X.shape[0]
        history.append(running / seen)
    return history


@right("lenet", "train", style="gradients of autograd.grad, steps by hand")
def trained_by_hand(net: nn.Module, data: Batches, num_epochs: int, lr: float) -> list[float]:
    parameters = [parameter for parameter in net.parameters() if parameter.requires_grad]
    net.train()
    losses = []
    for _ in range(num_epochs):
        sums: list[float] = []
        sizes: list[int] = []
        for X, y in data:
            logits = net(X.to(parameters[0].device))
            each = F.cross_entropy(logits, y.to(logits.device), reduction="none")
            gradients = torch.autograd.grad(each.mean(), parameters)
            with torch.no_grad():
                for parameter, gradient in zip(parameters, gradients, strict=True):
                    parameter.sub_(gradient, alpha=lr)
            sums.append(each.sum().item())
            sizes.append(len(y))
        losses.append(math.fsum(sums) / sum(sizes))
    return losses


@right("lenet", "train", style="log_softmax and nll_loss, one gradient cleared after each step")
def trained_by_likelihood(net: nn.Module, data: Batches, num_epochs: int, lr: float) -> list[float]:
    net.train(True)
    net.zero_grad()
    device = next(net.parameters()).device
    means: list[float] = []
    for _ in range(num_epochs):
        total, count = torch.zeros((), dtype=torch.float64, device=device), 0
        for X, y in ((X.to(device), y.to(device)) for X, y in data):
            loss = F.nll_loss(F.log_softmax(net(X), dim=1), y)
            loss.backward()  # type: ignore[no-untyped-call]
            for parameter in net.parameters():
                if parameter.grad is not None:
                    parameter.data.add_(parameter.grad, alpha=-lr)
                    parameter.grad = None
            total += loss.detach() * len(y)
            count += len(y)
        means.append(float(total / count))
    return means


@right("lenet", "train", style="functional, the formula of the loss written out")
def trained_functionally(net: nn.Module, data: Batches, num_epochs: int, lr: float) -> list[float]:
    net.train()
    losses: list[float] = []
    for _ in range(num_epochs):
        of_epoch: list[float] = []
        for X, y in data:
            values = {name: value.detach().requires_grad_() for name, value in net.named_parameters()}
            anywhere = next(iter(values.values()))
            logits = torch.func.functional_call(net, values, (X.to(anywhere.device),))
            each = logits.logsumexp(1) - logits[torch.arange(len(y)), y]
            gradients = torch.autograd.grad(each.mean(), list(values.values()))
            of_epoch += each.tolist()
            with torch.no_grad():
                for parameter, gradient in zip(net.parameters(), gradients, strict=True):
                    parameter.sub_(lr * gradient)
        losses.append(sum(of_epoch) / len(of_epoch))
    return losses


# --------------------------------------------------------------------------------------------- init_lenet


@right("lenet", "init_lenet", style="net.apply")
def drawn_by_apply(net: nn.Module) -> nn.Module:
    def draw(module: nn.Module) -> None:
        if isinstance(module, (nn.Conv2d, nn.Linear)):
            nn.init.xavier_uniform_(module.weight)

    return net.apply(draw)


@right("lenet", "init_lenet", style="the bound by hand")
def drawn_by_hand(net: nn.Module) -> nn.Module:
    for module in net.modules():
        if type(module) in (nn.Conv2d, nn.Linear):
            weight = module.weight
            assert isinstance(weight, Tensor)
            window = weight[0, 0].numel()
            bound = math.sqrt(6 / (window * (weight.shape[0] + weight.shape[1])))
            weight.data.uniform_(-bound, bound)
    return net


@right("lenet", "init_lenet", style="torch.rand, scaled and copied in")
def drawn_by_rand(net: nn.Module) -> nn.Module:
    with torch.no_grad():
        for layer in (m for m in net.modules() if isinstance(m, (nn.Conv2d, nn.Linear))):
            fans = layer.weight.shape[0] + layer.weight.shape[1]
            half = (6 / (fans * math.prod(layer.weight.shape[2:]))) ** 0.5
            layer.weight.copy_((2 * torch.rand_like(layer.weight) - 1) * half)
    return net


@right("lenet", "init_lenet", style="every weight with more than one axis")
def drawn_by_axes(net: nn.Module) -> nn.Module:
    for parameter in net.parameters():
        if parameter.dim() > 1:
            nn.init.xavier_uniform_(parameter)
    return net


# ---------------------------------------------------------------------------------------------- lenet_from


@right("lenet", "lenet_from", style="a class")
def network_of_a_class(Conv2d: Callable[..., nn.Module], AvgPool2d: Callable[..., nn.Module]) -> nn.Module:
    class Built(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.first, self.pool1 = Conv2d(1, 6, 5, padding=2), AvgPool2d(2, 2)
            self.second, self.pool2 = Conv2d(6, 16, 5), AvgPool2d(2, 2)
            self.rest = nn.Sequential(
                nn.Linear(400, 120), nn.Sigmoid(), nn.Linear(120, 84), nn.Sigmoid(), nn.Linear(84, 10)
            )

        def forward(self, X: Tensor) -> Tensor:
            X = self.pool1(self.first(X).sigmoid())
            X = self.pool2(self.second(X).sigmoid())
            return self.rest(X.flatten(1))  # type: ignore[no-any-return]

    return Built()


@right("lenet", "lenet_from", style="blocks in a loop")
def network_of_blocks(Conv2d: Callable[..., nn.Module], AvgPool2d: Callable[..., nn.Module]) -> nn.Module:
    layers: list[nn.Module] = []
    for before, after, frame in ((1, 6, 2), (6, 16, 0)):
        layers += [Conv2d(before, after, 5, padding=frame), nn.Sigmoid(), AvgPool2d(2, 2)]
    layers.append(nn.Flatten())
    sizes = (400, 120, 84, 10)
    for before, after in itertools.pairwise(sizes):
        layers += [nn.Linear(before, after), nn.Sigmoid()]
    return nn.Sequential(*layers[:-1])


# ------------------------------------------------------------------------------------------- feature_maps


@right("lenet", "feature_maps", style="hooks with default arguments")
def maps_by_hooks(net: nn.Module, X: Tensor) -> dict[str, Tensor]:
    maps: dict[str, Tensor] = {}
    handles = []
    for name, module in net.named_modules():
        if next(module.children(), None) is None:

            def keep(_m: nn.Module, _i: tuple[Tensor, ...], output: Tensor, name: str = name) -> None:
                maps[name] = output.detach().clone()

            handles.append(module.register_forward_hook(keep))
    try:
        net(X)
    finally:
        [handle.remove() for handle in handles]
    return maps


# ------------------------------------------------------------------------------------------- lenet_modern


@right("lenet", "lenet_modern", style="two wide blocks with batch normalisation and ReLU")
def two_wide_blocks() -> nn.Module:
    return nn.Sequential(
        nn.Conv2d(1, 12, 5, padding=2),
        nn.BatchNorm2d(12, momentum=0.3),
        nn.ReLU(),
        nn.MaxPool2d(2),
        nn.Conv2d(12, 32, 5),
        nn.BatchNorm2d(32, momentum=0.3),
        nn.ReLU(),
        nn.MaxPool2d(2),
        nn.Flatten(),
        nn.Linear(32 * 5 * 5, 32),
        nn.ReLU(),
        nn.Linear(32, 10),
    )


@right("lenet", "lenet_modern", style="LeNet with tanh")
class LeNetWithTanh(_Net):
    def forward(self, x: Tensor) -> Tensor:
        x = F.avg_pool2d(torch.tanh(self.conv1(x)), 2)
        x = F.avg_pool2d(torch.tanh(self.conv2(x)), 2)
        x = torch.tanh(self.fc1(x.flatten(1)))
        return self.fc3(torch.tanh(self.fc2(x)))  # type: ignore[no-any-return]


@right("lenet", "lenet_modern", style="ReLU, max pooling and dropout")
def with_dropout() -> nn.Module:
    return nn.Sequential(
        *(nn.Conv2d(1, 6, 5, padding=2), nn.ReLU(), nn.MaxPool2d(2)),
        *(nn.Conv2d(6, 16, 5), nn.ReLU(), nn.MaxPool2d(2), nn.Flatten()),
        *(nn.Linear(400, 120), nn.ReLU(), nn.Dropout(0.5)),
        *(nn.Linear(120, 84), nn.ReLU(), nn.Dropout(0.5), nn.Linear(84, 10)),
    )


@right("lenet", "lenet_modern", style="batch normalisation and global pooling")
def globally_pooled() -> nn.Module:
    def block(before: int, after: int) -> list[nn.Module]:
        return [nn.Conv2d(before, after, 3, padding=1), nn.BatchNorm2d(after), nn.ReLU()]

    return nn.Sequential(
        *(*block(1, 16), nn.MaxPool2d(2), *block(16, 32), nn.MaxPool2d(2), *block(32, 64)),
        *(nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(64, 10)),
    )
