import torch
import torch.nn.functional as F
from torch import nn


class LeNet5(nn.Module):
    def __init__(self):
        super().__init__()
        self.c1 = nn.Conv2d(1, 6, 5, padding=2)
        self.c2 = nn.Conv2d(6, 16, 5)
        self.f1 = nn.Linear(400, 120)
        self.f2 = nn.Linear(120, 84)
        self.f3 = nn.Linear(84, 10)

    def forward(self, x):
        x = F.avg_pool2d(torch.sigmoid(self.c1(x)), 2, 2)
        x = F.avg_pool2d(torch.sigmoid(self.c2(x)), 2, 2)
        x = torch.sigmoid(self.f1(x.flatten(start_dim=1)))
        x = torch.sigmoid(self.f2(x))
        return self.f3(x)


def lenet():
    return LeNet5()


def _home(net):
    try:
        p = next(net.parameters())
    except StopIteration:
        return torch.zeros(1)
    return p


def _modes(net):
    return [m.training for m in net.modules()]


def _set_modes(net, modes):
    for m, flag in zip(net.modules(), modes):
        m.training = flag


def layer_shapes(net, input_shape=(1, 1, 28, 28)):
    modes = _modes(net)
    home = _home(net)
    order = {}
    handles = []
    for i, child in enumerate(net.children()):
        handles.append(child.register_forward_hook(
            lambda m, x, y, i=i: order.update({i: (type(m).__name__, tuple(y.shape))})))
    try:
        net.eval()
        with torch.no_grad():
            net(torch.zeros(*input_shape, dtype=home.dtype, device=home.device))
    finally:
        [h.remove() for h in handles]
        _set_modes(net, modes)
    return [order[i] for i in sorted(order)]


def accuracy(net, data):
    modes = _modes(net)
    device = _home(net).device
    try:
        net.eval()
        with torch.no_grad():
            verdicts = [net(X.to(device)).argmax(1).eq(y.to(device)) for X, y in data]
    finally:
        _set_modes(net, modes)
    return torch.cat(verdicts).double().mean().item()


def train(net, data, num_epochs, lr):
    net.train()
    device = _home(net).device
    opt = torch.optim.SGD(net.parameters(), lr)
    means = []
    for _ in range(num_epochs):
        losses, sizes = [], []
        for X, y in data:
            opt.zero_grad()
            loss = F.cross_entropy(net(X.to(device)), y.to(device))
            loss.backward()
            opt.step()
            losses.append(loss.item())
            sizes.append(len(X))
        means.append(sum(a * b for a, b in zip(losses, sizes)) / sum(sizes))
    return means


def init_lenet(net):
    with torch.no_grad():
        for m in net.modules():
            if isinstance(m, nn.Linear) or isinstance(m, nn.Conv2d):
                torch.nn.init.xavier_uniform_(m.weight, gain=1.0)
    return net
