# lin -- i like to print everything, then i understand it
import torch
from torch import nn


def conv2d(X, K):
    print("conv2d of", tuple(X.shape), "with", tuple(K.shape))
    kh, kw = K.shape
    Y = []
    for i in range(X.shape[0] - kh + 1):
        for j in range(X.shape[1] - kw + 1):
            Y += [(X[i:i + kh, j:j + kw] * K).sum()]
    return torch.stack(Y).view(X.shape[0] - kh + 1, X.shape[1] - kw + 1)


class Conv2D(nn.Module):
    def __init__(self, kernel_size):
        super().__init__()
        if isinstance(kernel_size, int):
            kernel_size = (kernel_size, kernel_size)
        self.weight = nn.Parameter(torch.rand(kernel_size[0], kernel_size[1]))
        self.bias = nn.Parameter(torch.zeros(1))
        print("made", self)

    def forward(self, X):
        return conv2d(X, self.weight) + self.bias


def output_size(n, kernel, stride=1, padding=0, dilation=1):
    total = n + 2 * padding
    covered = dilation * (kernel - 1) + 1
    size = (total - covered) // stride + 1
    print(f"{n=} {kernel=} {stride=} {padding=} {dilation=} -> {size}")
    return size


print("conv2d.py is loaded")
