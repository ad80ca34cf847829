"""Fatima, convolution.

I know convolution from signal processing: (f * g)(t) = integral f(s) g(t - s) ds,
so the kernel has to be turned around before it slides over the image.
"""
import torch
import torch.nn as nn


def conv2d(X, K):
    turned = torch.flip(K, dims=[0, 1])
    h, w = turned.shape
    n_rows = X.shape[0] - h + 1
    n_cols = X.shape[1] - w + 1
    result_type = torch.result_type(X, K)
    patches = [(X[r:r + h, c:c + w] * turned).sum() for r in range(n_rows) for c in range(n_cols)]
    return torch.stack(patches).reshape(n_rows, n_cols).to(result_type)


class Conv2D(nn.Module):
    """A layer with one kernel and one bias."""

    def __init__(self, kernel_size):
        super().__init__()
        shape = (kernel_size, kernel_size) if isinstance(kernel_size, int) else kernel_size
        self.weight = nn.Parameter(torch.rand(*shape))
        self.bias = nn.Parameter(torch.zeros(1))

    def forward(self, X):
        return conv2d(X, self.weight) + self.bias


def output_size(n, kernel, stride=1, padding=0, dilation=1):
    window = dilation * (kernel - 1) + 1
    return (n + padding - window) // stride + 1


def conv2d_vectorized(X, K):
    turned = K.flip(0).flip(1).to(torch.result_type(X, K))
    X = X.to(turned.dtype)
    h, w = turned.shape
    rows, cols = X.shape[0] - h + 1, X.shape[1] - w + 1
    Y = 0
    for a in range(h):
        for b in range(w):
            Y = Y + turned[a, b] * X[a:a + rows, b:b + cols]
    return Y
