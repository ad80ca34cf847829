import torch
from torch import nn


def conv2d(X, K):
    """Cross-correlation of an image (H, W) with a kernel (kh, kw)."""
    h, w = K.shape
    out = []
    for i in range(X.shape[0] - h + 1):
        row = []
        for j in range(X.shape[1] - w + 1):
            row.append((X[i:i+h, j:j+w] * K).sum())
        out.append(torch.stack(row))
    return torch.stack(out)


class Conv2D(nn.Module):
    def __init__(self, kernel_size):
        super().__init__()
        # TODO weight, bias
        raise NotImplementedError

    def forward(self, X):
        pass


def output_size(n, kernel, stride=1, padding=0, dilation=1):
    return int((n + 2*padding - dilation*(kernel - 1) - 1) / stride) + 1


def conv2d_vectorized(X, K):
    raise NotImplementedError


def conv2d_backward(grad_Y, X, K):
    raise NotImplementedError


def conv2d_matrix(K, input_size):
    raise NotImplementedError
