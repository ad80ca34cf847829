"""mia"""
import torch
import torch.nn.functional as F
from torch import nn


def lenet():
    return nn.Sequential(
        nn.Sequential(nn.Conv2d(1, 6, 5, padding=2), nn.Sigmoid(), nn.AvgPool2d(2, 2)),
        nn.Sequential(nn.Conv2d(6, 16, 5), nn.Sigmoid(), nn.AvgPool2d(2, 2)),
        nn.Flatten(),
        nn.Sequential(nn.Linear(400, 120), nn.Sigmoid(), nn.Linear(120, 84), nn.Sigmoid(), nn.Linear(84, 10)),
    )


def anchor(net):
    return next(net.parameters(), torch.zeros(1))


class Frozen:
    def __init__(self, net):
        self.flags = [(m, m.training) for m in net.modules()]
        net.eval()

    def thaw(self):
        for m, flag in self.flags:
            m.training = flag


def layer_shapes(net, input_shape=(1, 1, 28, 28)):
    frozen = Frozen(net)
    rows = {}

    def note(m, i, o):
        rows[m] = (type(m).__name__, tuple(o.shape))

    handles = [m.register_forward_hook(note) for m in net.children()]
    with torch.no_grad():
        net(torch.zeros(input_shape).to(anchor(net)))
    for h in handles:
        h.remove()
    frozen.thaw()
    return [rows[m] for m in net.children()]


def accuracy(net, data):
    frozen = Frozen(net)
    scores = []
    with torch.no_grad():
        for X, y in data:
            scores.append((net(X.to(anchor(net).device)).argmax(dim=1).cpu() == y.cpu()).float())
    frozen.thaw()
    scores = torch.cat(scores)
    return scores.sum().item() / len(scores)


def train(net, data, num_epochs, lr):
    opt = torch.optim.SGD(net.parameters(), lr=lr)
    dev = anchor(net).device
    net.train()
    history = []
    for _ in range(num_epochs):
        s, n = 0.0, 0
        for X, y in data:
            opt.zero_grad(set_to_none=True)
            loss = F.nll_loss(F.log_softmax(net(X.to(dev)), dim=1), y.to(dev))
            loss.backward()
            opt.step()
            s += loss.item() * len(X)
            n += len(X)
        history.append(s / n)
    return history


def init_lenet(net):
    def xavier(m):
        if isinstance(m, (nn.Conv2d, nn.Linear)):
            nn.init.xavier_uniform_(m.weight)
    return net.apply(xavier)
