from torch import nn
import torch


class Net(nn.Module):
    def __init__(self):
        super(Net, self).__init__()
        self.conv1 = nn.Conv2d(1, 6, 5, padding=2)
        self.pool1 = nn.AvgPool2d(2, 2)
        self.conv2 = nn.Conv2d(6, 16, 5)
        self.pool2 = nn.AvgPool2d(2, 2)
        self.fc1 = nn.Linear(400, 120)
        self.fc2 = nn.Linear(120, 84)
        self.fc3 = nn.Linear(84, 10)

    def forward(self, X):
        X = self.pool1(self.conv1(X).sigmoid())
        X = self.pool2(self.conv2(X).sigmoid())
        X = X.reshape(X.shape[0], -1)
        X = self.fc1(X).sigmoid()
        X = self.fc2(X).sigmoid()
        return self.fc3(X)


def lenet():
    return Net()


def _param(net):
    found = [p for p in net.parameters() if p.is_floating_point()]
    return found[0] if found else torch.zeros(())


def _eval(net):
    """everything to evaluation mode, returns a function that undoes it"""
    training = [m for m in net.modules() if m.training]
    net.eval()

    def undo():
        for m in training:
            m.training = True
    return undo


@torch.no_grad()
def layer_shapes(net, input_shape=(1, 1, 28, 28)):
    undo = _eval(net)
    names = {child: i for i, child in enumerate(net.children())}
    table = [None] * len(names)

    def hook(child, args, out):
        table[names[child]] = (type(child).__name__, tuple(out.shape))

    handles = [child.register_forward_hook(hook) for child in names]
    p = _param(net)
    net(torch.zeros(input_shape, dtype=p.dtype, device=p.device))
    for handle in handles:
        handle.remove()
    undo()
    return table


@torch.no_grad()
def accuracy(net, data):
    undo = _eval(net)
    device = _param(net).device
    right = []
    for X, y in data:
        right += (net(X.to(device)).argmax(1) == y.to(device)).tolist()
    undo()
    return sum(right) / len(right)


def train(net, data, num_epochs, lr):
    net.train()
    device = _param(net).device
    opt = torch.optim.SGD(net.parameters(), lr=lr, momentum=0)
    cel = nn.CrossEntropyLoss()
    out = []
    for epoch in range(num_epochs):
        weighted = []
        for X, y in data:
            X, y = X.to(device), y.to(device)
            loss = cel(net(X), y)
            opt.zero_grad()
            loss.backward()
            opt.step()
            weighted.append((loss.item(), len(y)))
        n = sum(k for _, k in weighted)
        out.append(sum(v * k for v, k in weighted) / n)
    return out


def init_lenet(net):
    for m in net.modules():
        if isinstance(m, (nn.Linear, nn.Conv2d)):
            nn.init.xavier_uniform_(m.weight)
    return net


def feature_maps(net, X):
    out, handles = {}, []
    try:
        for name, m in net.named_modules():
            if name and not list(m.children()):
                handles.append(m.register_forward_hook(lambda m, a, y, name=name: out.update({name: y.clone()})))
        net(X)
    finally:
        while handles:
            handles.pop().remove()
    return out
