import torch
from torch import nn


class pool2d(nn.Module):
    """pool2d(2)(X)"""

    def __init__(self, pool_size):
        super().__init__()
        self.pool_size = pool_size

    def forward(self, X):
        k = self.pool_size
        return X.unfold(-2, k, k).unfold(-2, k, k).amax((-2, -1))


class MaxPool2d(nn.Module):
    def __init__(self, kernel_size, stride=None, padding=0):
        super().__init__()
        self.k = (kernel_size, kernel_size) if isinstance(kernel_size, int) else kernel_size
        s = self.k if stride is None else stride
        self.s = (s, s) if isinstance(s, int) else s
        self.p = (padding, padding) if isinstance(padding, int) else padding

    def forward(self, X):
        X = nn.functional.pad(X, (self.p[1], self.p[1], self.p[0], self.p[0]), value=float("-inf"))
        Y = X.unfold(-2, self.k[0], self.s[0]).unfold(-2, self.k[1], self.s[1]).amax((-2, -1))
        return [image for image in Y]       # one for every image of the batch


def receptive_field(layers):
    field, jump = 1, 1
    for k, s in layers:
        field += (k - 1) * jump
        jump *= s
    return field, jump
