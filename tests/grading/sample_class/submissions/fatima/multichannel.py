"""Fatima, many channels. (In this exercise nothing is turned around: the text says cross-correlation.)"""
import torch
import torch.nn as nn


def as_pair(x):
    return (x, x) if isinstance(x, int) else tuple(x)


def slide(X, K, stride=(1, 1)):
    """X (..., H, W), K (kh, kw): adds up shifted copies of the image."""
    kh, kw = K.shape
    sh, sw = stride
    rows = (X.shape[-2] - kh) // sh + 1
    cols = (X.shape[-1] - kw) // sw + 1
    common = torch.result_type(X, K)
    X, K = X.to(common), K.to(common)
    Y = torch.zeros(*X.shape[:-2], rows, cols, dtype=common, device=X.device)
    for a in range(kh):
        for b in range(kw):
            Y = Y + K[a, b] * X[..., a:a + sh * (rows - 1) + 1:sh, b:b + sw * (cols - 1) + 1:sw]
    return Y


def conv2d_multi_in(X, K):
    return sum(slide(x, k) for x, k in zip(X, K))


def conv2d_multi_in_out(X, K):
    return torch.stack([conv2d_multi_in(X, k) for k in K], dim=0)


def conv2d_1x1(X, K):
    common = torch.result_type(X, K)
    matrix = K.flatten(1).to(common)                  # (c_out, c_in)
    pixels = X.flatten(1).to(common)                  # (c_in, H * W)
    return torch.matmul(matrix, pixels).reshape(-1, *X.shape[1:])


def conv2d_batched(X, weight, bias=None, stride=1, padding=0):
    stride, padding = as_pair(stride), as_pair(padding)
    # a stripe of zeros above and below
    n, c, h, w = X.shape
    stripe = X.new_zeros(n, c, padding[0], w)
    X = torch.cat([stripe, X, stripe], dim=2)
    maps = []
    for o in range(weight.shape[0]):
        one = sum(slide(X[:, i], weight[o, i], stride) for i in range(c))
        if bias is not None:
            one = one + bias[o]
        maps.append(one)
    return torch.stack(maps, dim=1)


class MultiChannelConv2d(nn.Module):
    def __init__(self, in_channels, out_channels, kernel_size, stride=1, padding=0, bias=True):
        super().__init__()
        self.stride = as_pair(stride)
        self.padding = as_pair(padding)
        self.weight = nn.Parameter(torch.empty(out_channels, in_channels, *as_pair(kernel_size)))
        nn.init.kaiming_normal_(self.weight)
        self.bias = nn.Parameter(torch.rand(out_channels)) if bias else None

    def forward(self, X):
        return conv2d_batched(X, self.weight, self.bias, self.stride, self.padding)


def num_parameters(in_channels, out_channels, kernel_size, bias=True):
    kh, kw = as_pair(kernel_size)
    return (in_channels * kh * kw + int(bias)) * out_channels
