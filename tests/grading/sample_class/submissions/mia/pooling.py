"""mia"""
import torch
import torch.nn.functional as magic
from torch import nn
from torch.nn import MaxPool2d as Pool


def pool2d(X, pool_size, mode="max", stride=None, padding=0):
    pool = Pool if mode == "max" else nn.AvgPool2d
    return pool(pool_size, stride, padding)(X[None, None])[0, 0]


def pool2d_multi_channel(X, pool_size, mode="max", stride=None, padding=0):
    if mode == "max":
        return magic.max_pool2d(X, pool_size, stride, padding)
    return magic.avg_pool2d(X, pool_size, stride, padding)


class MaxPool2d(Pool):
    def __init__(self, kernel_size, stride=None, padding=0):
        super().__init__(kernel_size, stride, padding)


class AvgPool2d(nn.Module):
    def __init__(self, kernel_size, stride=None, padding=0):
        super().__init__()
        self.inner = torch.nn.AvgPool2d(kernel_size, stride, padding)

    def forward(self, X):
        return self.inner(X)


def receptive_field(layers):
    r, d = 1, 1
    for k, s in layers:
        r, d = r + d * (k - 1), d * s
    return r


def avg_pool_as_conv(channels, kernel_size):
    conv = nn.Conv2d(channels, channels, kernel_size, stride=kernel_size, groups=channels, bias=False)
    conv.weight.requires_grad_(False)
    conv.weight.fill_(1.0 / conv.weight[0].numel())
    return conv
