# george k., convolution homework
import math

import torch
from torch import nn


def conv2d(X, K):
    # kernels are always square! (min just in case)
    k = min(K.shape)
    H, W = X.shape
    Y = torch.zeros(W - k + 1, H - k + 1, dtype=torch.result_type(X, K), device=X.device)
    for x in range(W - k + 1):
        for y in range(H - k + 1):
            Y[x, y] = (X[y:y+k, x:x+k] * K[:k, :k]).sum()
    return Y


class Conv2D(nn.Module):
    def __init__(self, kernel_size):
        super().__init__()
        if type(kernel_size) is int:
            kernel_size = kernel_size, kernel_size
        self.weight = nn.Parameter(torch.rand(kernel_size))
        self.bias = nn.Parameter(torch.zeros(1))

    def forward(self, X):
        return conv2d(X, self.weight) + self.bias


def output_size(n, kernel, stride=1, padding=0, dilation=1):
    return math.floor((n + 2*padding - dilation*(kernel-1) - 1) / stride + 1)
