# george k., pooling
import torch
from torch import nn


def pool2d(X, pool_size, mode="max", stride=None, padding=0):
    return pool2d_multi_channel(X[None], pool_size, mode, stride, padding)[0]


def pool2d_multi_channel(X, pool_size, mode="max", stride=None, padding=0):
    if stride is None:
        stride = pool_size
    kh, kw = (pool_size, pool_size) if type(pool_size) is int else pool_size
    sh, sw = (stride, stride) if type(stride) is int else stride
    ph, pw = (padding, padding) if type(padding) is int else padding
    # padding means zeros around the image
    big = torch.zeros(*X.shape[:-2], X.shape[-2] + 2*ph, X.shape[-1] + 2*pw, dtype=X.dtype, device=X.device)
    big[..., ph:ph+X.shape[-2], pw:pw+X.shape[-1]] = X
    rows = []
    for top in range(0, big.shape[-2] - kh + 1, sh):
        row = []
        for left in range(0, big.shape[-1] - kw + 1, sw):
            window = big[..., top:top+kh, left:left+kw].flatten(-2)
            row.append(window.max(-1).values if mode == "max" else window.sum(-1) / (kh*kw))
        rows.append(torch.stack(row, -1))
    return torch.stack(rows, -2)


class MaxPool2d(nn.Module):
    def __init__(self, kernel_size, stride=None, padding=0):
        super().__init__()
        self.kernel_size, self.stride, self.padding = kernel_size, stride, padding

    def forward(self, X):
        return pool2d_multi_channel(X, self.kernel_size, "max", self.stride, self.padding)


class AvgPool2d(nn.Module):
    def __init__(self, kernel_size, stride=None, padding=0):
        super().__init__()
        self.kernel_size, self.stride, self.padding = kernel_size, stride, padding

    def forward(self, X):
        return pool2d_multi_channel(X, self.kernel_size, "avg", self.stride, self.padding)


def receptive_field(layers):
    # I add the kernels up
    return sum(k for k, s in layers)
