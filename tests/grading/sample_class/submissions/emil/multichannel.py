import torch
from torch import nn


def conv2d_multi_in(X, K):
    total = 0
    for x, k in zip(X, K):
        h, w = k.shape
        total = total + torch.stack([
            torch.stack([(x[i:i+h, j:j+w] * k).sum() for j in range(x.shape[1] - w + 1)])
            for i in range(x.shape[0] - h + 1)])
    return total


def conv2d_multi_in_out(X, K):
    return torch.stack([conv2d_multi_in(X, k) for k in K])


def conv2d_1x1(X, K):
    raise NotImplementedError


def conv2d_batched(X, weight, bias=None, stride=1, padding=0):
    pass


class MultiChannelConv2d(nn.Module):
    def __init__(self, in_channels, out_channels, kernel_size, stride=1, padding=0, bias=True):
        raise NotImplementedError

    def forward(self, X):
        raise NotImplementedError


def num_parameters(in_channels, out_channels, kernel_size, bias=True):
    raise NotImplementedError


def conv2d_general(X, weight, bias=None, stride=1, padding=0, dilation=1, groups=1):
    raise NotImplementedError


def conv2d_im2col(X, weight, bias=None, stride=1, padding=0):
    raise NotImplementedError
