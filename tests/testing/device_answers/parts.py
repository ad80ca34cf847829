"""The parts of which the answers are made: beginnings, loops, whole functions with a gap to fill."""

from __future__ import annotations

HEAD = """
import numpy as np
import torch
import torch.nn.functional as F
from torch import nn
"""

CONV = "def conv2d(X, K):\n    (H, W), (kh, kw) = X.shape, K.shape\n    oh, ow = H - kh + 1, W - kw + 1\n"
WINDOWS = """    kh, kw = K.shape
    Y = (X.unfold(0, kh, 1).unfold(1, kw, 1) * K).sum((-2, -1))
    return Y{back}
"""
LOOP = """    for i in range(oh):
        for j in range(ow):
            Y[i, j] = (X[i:i + kh, j:j + kw] * K).sum()
    return Y
"""
SHIFTS = """    for a in range(kh):
        for b in range(kw):
            Y = Y + X[a:a + oh, b:b + ow] * K[a, b]
    return Y
"""
CAST = "    d = torch.result_type(X, K)\n    X, K = X.to(d), K.to(d)\n"
POOL = """
def pool2d(X, pool_size, mode="max", stride=None, padding=0):
    two = lambda v: (v, v) if isinstance(v, int) else tuple(v)
    (kh, kw), (ph, pw) = two(pool_size), two(padding)
    sh, sw = two(pool_size if stride is None else stride)
    H, W = X.shape
    fill = float("-inf") if mode == "max" else 0.0
    oh, ow = (H + 2 * ph - kh) // sh + 1, (W + 2 * pw - kw) // sw + 1
    reduce = (lambda w: w.max()) if mode == "max" else (lambda w: w.mean())
"""
POOL_LOOP = """
    for i in range(oh):
        for j in range(ow):
            Y[i, j] = reduce(P[i * sh:i * sh + kh, j * sw:j * sw + kw])
    return Y
"""
LENET = """
def lenet():
    return nn.Sequential(
        nn.Conv2d(1, 6, 5, padding=2), nn.Sigmoid(), nn.AvgPool2d(2), nn.Conv2d(6, 16, 5), nn.Sigmoid(),
        nn.AvgPool2d(2), nn.Flatten(), nn.Linear(400, 120), nn.Sigmoid(), nn.Linear(120, 84), nn.Sigmoid(),
        nn.Linear(84, 10))
"""
ACCURACY = """
def accuracy(net, data):
    mode = [(m, m.training) for m in net.modules()]
    net.eval()
    right = total = 0
    with torch.no_grad():
        for X, y in data:
            {move}
            right += int((net(X).argmax(1) == y).sum())
            total += len(y)
    for m, training in mode:
        m.training = training
    return right / total
"""
TRAIN = """
def train(net, data, num_epochs, lr):
    device = next((p.device for p in net.parameters()), torch.device("cpu"))
    optimizer = torch.optim.SGD(net.parameters(), lr=lr)
    net.train()
    losses = []
    for _ in range(num_epochs):
        {start}
        seen = 0
        for X, y in data:
            {move}
            optimizer.zero_grad()
            loss = F.cross_entropy(net(X), y)
            loss.backward()
            optimizer.step()
            {add}
            seen += len(y)
        losses.append({mean})
    return losses
"""
MOVE = "X, y = X.to(device), y.to(device)"
LAYER = (
    CONV
    + "    Y = X.new_zeros(oh, ow, dtype=torch.result_type(X, K))\n"
    + LOOP
    + """
class Conv2D(nn.Module):
    def __init__(self, kernel_size):
        super().__init__()
        size = (kernel_size, kernel_size) if isinstance(kernel_size, int) else tuple(kernel_size)
        self.weight = nn.Parameter(torch.rand(size))
        self.bias = nn.Parameter(torch.zeros(1))
        {more}

    def forward(self, X):
        return {result}
"""
)
DATED = 'device = torch.device("cuda" if torch.cuda.is_available() else "cpu")\n'
