import torch
import torch.nn.functional as F
from torch import nn


# Hana M. / uebung 4


def pool2d(X, pool_size, mode="max", stride=None, padding=0):
    kh, kw = (pool_size, pool_size) if isinstance(pool_size, int) else pool_size
    if stride is None:
        stride = (kh, kw)
    sh, sw = (stride, stride) if isinstance(stride, int) else stride
    ph, pw = (padding, padding) if isinstance(padding, int) else padding
    if ph or pw:
        X = F.pad(X, (pw, pw, ph, ph), value=float("-inf") if mode == "max" else 0.0)
    Y = torch.zeros(((X.shape[0] - kh) // sh + 1, (X.shape[1] - kw) // sw + 1))
    for i in range(Y.shape[0]):
        for j in range(Y.shape[1]):
            window = X[i * sh:i * sh + kh, j * sw:j * sw + kw]
            if mode == "max":
                Y[i, j] = window.max().item()
            else:
                window *= 1 / (kh * kw)
                Y[i, j] = window.sum()
    return Y


def pool2d_multi_channel(X, pool_size, mode="max", stride=None, padding=0):
    if X.dim() == 4:
        return torch.stack([pool2d_multi_channel(x, pool_size, mode, stride, padding) for x in X])
    return torch.stack([pool2d(x, pool_size, mode, stride, padding) for x in X])


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
    r, jump = 1, 1
    for k, s in layers:
        r += (k - 1) * jump
        jump = jump * s
    return r
