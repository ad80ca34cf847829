import torch
from torch import nn
from torch.nn.functional import cross_entropy


def lenet():
    layers = []
    for c_in, c_out, p in [(1, 6, 2), (6, 16, 0)]:
        layers += [nn.Conv2d(c_in, c_out, 5, padding=p), nn.Sigmoid(), nn.AvgPool2d(2, 2)]
    layers += [nn.Flatten()]
    for n_in, n_out in [(400, 120), (120, 84)]:
        layers += [nn.Linear(n_in, n_out), nn.Sigmoid()]
    layers += [nn.Linear(84, 10)]
    return nn.Sequential(*layers)


class no_training:
    """with no_training(net): evaluation mode, no gradients, afterwards everything as before"""

    def __init__(self, net):
        self.net = net
        self.grad = torch.no_grad()

    def __enter__(self):
        self.before = [(m, m.training) for m in self.net.modules()]
        self.net.eval()
        self.grad.__enter__()

    def __exit__(self, *args):
        self.grad.__exit__(*args)
        for m, t in self.before:
            m.training = t


def some_parameter(net):
    ps = list(net.parameters())
    return ps[0] if ps else torch.zeros(1)


def layer_shapes(net, input_shape=(1, 1, 28, 28)):
    p = some_parameter(net)
    shapes = {}
    handles = [m.register_forward_hook(lambda m, i, o: shapes.update({m: tuple(o.shape)})) for m in net.children()]
    with no_training(net):
        net(torch.ones(input_shape, dtype=p.dtype, device=p.device))
    for h in handles:
        h.remove()
    return [(type(m).__name__, shapes[m]) for m in net.children()]


def accuracy(net, data):
    right, total = 0, 0
    device = some_parameter(net).device
    with no_training(net):
        for X, y in data:
            right += net(X.to(device)).argmax(1).eq(y.to(device)).sum().item()
            total += y.shape[0]
    return right / total


def train(net, data, num_epochs, lr):
    device = some_parameter(net).device
    sgd = torch.optim.SGD(net.parameters(), lr=lr)
    result = []
    while len(result) < num_epochs:
        net.train()
        s = n = 0
        for X, y in data:
            net.zero_grad()
            loss = cross_entropy(net(X.to(device)), y.to(device))
            loss.backward()
            sgd.step()
            s += loss.item() * y.shape[0]
            n += y.shape[0]
        result.append(s / n)
    return result


def init_lenet(net):
    for m in net.modules():
        if isinstance(m, (nn.Conv2d, nn.Linear)):
            nn.init.xavier_uniform_(m.weight)
    return net
