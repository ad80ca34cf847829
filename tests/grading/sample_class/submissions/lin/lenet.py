# lin
import torch
from torch import nn


def lenet():
    net = nn.Sequential(
        nn.Conv2d(1, 6, kernel_size=5, padding=2), nn.Sigmoid(), nn.AvgPool2d(kernel_size=2, stride=2),
        nn.Conv2d(6, 16, kernel_size=5), nn.Sigmoid(), nn.AvgPool2d(kernel_size=2, stride=2), nn.Flatten(),
        nn.Linear(16 * 5 * 5, 120), nn.Sigmoid(), nn.Linear(120, 84), nn.Sigmoid(), nn.Linear(84, 10))
    print(net)
    return net


def device_of(net):
    for p in net.parameters():
        return p.device
    return "cpu"


def dtype_of(net):
    for p in net.parameters():
        return p.dtype
    return torch.float32


def layer_shapes(net, input_shape=(1, 1, 28, 28)):
    before = {m: m.training for m in net.modules()}
    net.eval()
    shapes = {}

    def print_shape(m, inputs, output):
        shapes[m] = tuple(output.shape)
        print(type(m).__name__, "output shape:\t", output.shape)

    hooks = [m.register_forward_hook(print_shape) for m in net.children()]
    with torch.no_grad():
        net(torch.zeros(input_shape, device=device_of(net), dtype=dtype_of(net)))
    for h in hooks:
        h.remove()
    for m in before:
        m.training = before[m]
    return [(type(m).__name__, shapes[m]) for m in net.children()]


def accuracy(net, data):
    before = {m: m.training for m in net.modules()}
    net.eval()
    right = 0
    n = 0
    with torch.no_grad():
        for X, y in data:
            y_hat = net(X.to(device_of(net))).argmax(axis=1)
            right += int((y_hat == y.to(y_hat.device)).sum())
            n += len(y)
            print(right, "of", n)
    for m in before:
        m.training = before[m]
    return right / n


def train(net, data, num_epochs, lr):
    optimizer = torch.optim.SGD(net.parameters(), lr=lr)
    loss = nn.CrossEntropyLoss()
    history = []
    for epoch in range(num_epochs):
        net.train()
        total, n = 0, 0
        for i, (X, y) in enumerate(data):
            X, y = X.to(device_of(net)), y.to(device_of(net))
            optimizer.zero_grad()
            l = loss(net(X), y)
            l.backward()
            optimizer.step()
            total += l.item() * X.shape[0]
            n += X.shape[0]
            print("epoch", epoch, "batch", i, "loss", l.item())
        history.append(total / n)
    return history


def init_lenet(net):
    for m in net.modules():
        if type(m) == nn.Linear or type(m) == nn.Conv2d:
            print("init", m)
            nn.init.xavier_uniform_(m.weight)
    return net
