import torch
from torch import nn


class lenet(nn.Module):
    """a class instead of a function, lenet() makes one"""

    def __init__(self):
        super().__init__()
        self.body = nn.Sequential(
            nn.Conv2d(1, 6, 5, padding=2), nn.Sigmoid(), nn.AvgPool2d(2, 2),
            nn.Conv2d(6, 16, 5), nn.Sigmoid(), nn.AvgPool2d(2, 2))
        self.head = nn.Sequential(
            nn.Linear(400, 120), nn.Sigmoid(), nn.Linear(120, 84), nn.Sigmoid(), nn.Linear(84, 10))

    def forward(self, X):
        return self.head(self.body(X).flatten(1))


def layer_shapes(net, input_shape=(1, 1, 28, 28)):
    shapes = {}
    p = next(net.parameters())
    hooks = [m.register_forward_hook(lambda m, i, o, n=n: shapes.update({n: o.shape})) for n, m in net.named_children()]
    with torch.no_grad():
        net(torch.zeros(input_shape, dtype=p.dtype, device=p.device))
    for h in hooks:
        h.remove()
    return shapes


def accuracy(net, X, y):
    return (net(X).argmax(1) == y).float().mean()


def train(net, data, num_epochs, lr):
    opt = torch.optim.SGD(net.parameters(), lr=lr)
    for epoch in range(num_epochs):
        for X, y in data:
            opt.zero_grad()
            loss = nn.functional.cross_entropy(net(X), y)
            loss.backward()
            opt.step()
    return loss.item()


def init_lenet(net):
    for m in net.modules():
        if isinstance(m, (nn.Conv2d, nn.Linear)):
            nn.init.xavier_uniform_(m.weight)
    return net


def feature_maps(net, X):
    maps = []
    hooks = [m.register_forward_hook(lambda m, i, o: maps.append(o)) for m in net.modules() if not list(m.children())]
    net(X)
    for h in hooks:
        h.remove()
    return maps


def lenet_modern():
    return nn.Sequential(
        nn.Conv2d(1, 32, 5, padding=2), nn.ReLU(), nn.MaxPool2d(2),
        nn.Conv2d(32, 64, 5), nn.ReLU(), nn.MaxPool2d(2), nn.Flatten(),
        nn.Linear(1600, 256), nn.ReLU(), nn.Linear(256, 10))
