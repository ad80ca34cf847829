"""Fatima, pooling."""
import math

import torch
import torch.nn as nn


def as_pair(x):
    return (x, x) if isinstance(x, int) else tuple(x)


def frame(X, padding, value):
    ph, pw = padding
    h, w = X.shape
    framed = X.new_full((h + 2 * ph, w + 2 * pw), value)
    framed[ph:ph + h, pw:pw + w] = X
    return framed


def pool2d(X, pool_size, mode="max", stride=None, padding=0):
    kh, kw = as_pair(pool_size)
    sh, sw = as_pair(stride) if stride else (kh, kw)
    X = frame(X, as_pair(padding), -math.inf if mode == "max" else 0)
    reduce = torch.max if mode == "max" else torch.mean
    rows = []
    for top in range(0, X.shape[0] - kh + 1, sh):
        rows.append(torch.stack([reduce(X[top:top + kh, left:left + kw])
                                 for left in range(0, X.shape[1] - kw + 1, sw)]))
    return torch.stack(rows)


def pool2d_multi_channel(X, pool_size, mode="max", stride=None, padding=0):
    flat = X.reshape(-1, *X.shape[-2:])
    pooled = torch.stack([pool2d(channel, pool_size, mode, stride, padding) for channel in flat])
    return pooled.reshape(*X.shape[:-2], *pooled.shape[-2:])


class MaxPool2d(nn.Module):
    def __init__(self, kernel_size, stride=None, padding=0):
        super().__init__()
        self.how = dict(pool_size=kernel_size, mode="max", stride=stride, padding=padding)

    def forward(self, X):
        return pool2d_multi_channel(X, **self.how)


class AvgPool2d(nn.Module):
    def __init__(self, kernel_size, stride=None, padding=0):
        super().__init__()
        self.how = dict(pool_size=kernel_size, mode="avg", stride=stride, padding=padding)

    def forward(self, X):
        return pool2d_multi_channel(X, **self.how)


def receptive_field(layers):
    seen, spacing = 1, 1
    for kernel, stride in layers:
        seen += (kernel - 1) * spacing
        spacing *= stride
    return seen
