import torch
from torch import nn
from torch.nn.functional import pad


def two(x):
    return [x, x] if isinstance(x, int) else x


def pool2d(X, pool_size, mode="max", stride=None, padding=0):
    kh, kw = two(pool_size)
    sh, sw = two(pool_size if stride is None else stride)
    ph, pw = two(padding)
    X = pad(X, (pw, pw, ph, ph), value=float("-inf") if mode == "max" else 0)
    rows, cols = (X.shape[-2] - kh) // sh + 1, (X.shape[-1] - kw) // sw + 1
    shifted = torch.stack([X[..., a:a + (rows - 1) * sh + 1:sh, b:b + (cols - 1) * sw + 1:sw]
                           for a in range(kh) for b in range(kw)])
    if mode == "max":
        return shifted.max(0).values
    return shifted.mean(0)


def pool2d_multi_channel(X, pool_size, mode="max", stride=None, padding=0):
    return pool2d(X, pool_size, mode, stride, padding)     # the dots take care of it


class MaxPool2d(nn.Module):
    def __init__(self, kernel_size, stride=None, padding=0):
        super().__init__()
        self.k, self.s, self.p = kernel_size, stride, padding

    def forward(self, X):
        return pool2d(X, self.k, "max", self.s, self.p)


class AvgPool2d(nn.Module):
    def __init__(self, kernel_size, stride=None, padding=0):
        super().__init__()
        self.k, self.s, self.p = kernel_size, stride, padding

    def forward(self, X):
        return pool2d(X, self.k, "avg", self.s, self.p)


def receptive_field(layers):
    # the first and the last input pixel that matters for output 0
    last = 0
    for k, s in list(layers)[::-1]:
        last = last * s + k - 1
    return last + 1


def pool2d_backward(grad_Y, X, pool_size, mode="max", stride=None):
    kh, kw = two(pool_size)
    sh, sw = two(pool_size if stride is None else stride)
    grad_X = torch.zeros_like(X)
    for i in range(grad_Y.shape[0]):
        for j in range(grad_Y.shape[1]):
            r, c = slice(i * sh, i * sh + kh), slice(j * sw, j * sw + kw)
            if mode == "max":
                share = torch.zeros_like(X[r, c]).reshape(-1)
                share[int(X[r, c].reshape(-1).argmax())] = 1
                grad_X[r, c] += grad_Y[i, j] * share.reshape(kh, kw)
            else:
                grad_X[r, c] += grad_Y[i, j] / (kh * kw)
    return grad_X
