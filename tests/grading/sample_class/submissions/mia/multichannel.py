"""mia"""
import torch
import torch.nn.functional as magic
from torch import nn


def conv2d_multi_in(X, K):
    dtype = torch.result_type(X, K)
    return magic.conv2d(X.to(dtype)[None], K.to(dtype)[None])[0, 0]


def conv2d_multi_in_out(X, K):
    dtype = torch.result_type(X, K)
    return magic.conv2d(X.to(dtype)[None], K.to(dtype))[0]


def conv2d_1x1(X, K):
    if X.dim() != 3 or K.dim() != 4 or K.shape[1] != X.shape[0] or K.shape[2] != 1 or K.shape[3] != 1:
        raise ValueError(f"shapes {tuple(X.shape)} and {tuple(K.shape)} do not fit")
    dtype = torch.result_type(X, K)
    return torch.einsum("oc,chw->ohw", K[:, :, 0, 0].to(dtype), X.to(dtype))


def conv2d_batched(X, weight, bias=None, stride=1, padding=0):
    dtype = torch.result_type(X, weight)
    return magic.conv2d(X.to(dtype), weight.to(dtype), bias, stride, padding)


class MultiChannelConv2d(nn.Conv2d):
    def __init__(self, in_channels, out_channels, kernel_size, stride=1, padding=0, bias=True):
        super().__init__(in_channels, out_channels, kernel_size, stride=stride, padding=padding, bias=bias)


def num_parameters(in_channels, out_channels, kernel_size, bias=True):
    return sum(p.numel() for p in nn.Conv2d(in_channels, out_channels, kernel_size, bias=bias).parameters())


conv2d_general = torch.conv2d
