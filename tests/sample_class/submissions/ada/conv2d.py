"""Exercise 1, Ada.

I wrote everything with plain loops, because then I can see what is going on.
"""
import torch
from torch import nn


def check(image_shape, kernel_shape):
    if len(image_shape) != 2 or len(kernel_shape) != 2:
        raise ValueError(f"image and kernel must be 2-D, but I got {tuple(image_shape)} and {tuple(kernel_shape)}")
    if kernel_shape[0] > image_shape[0] or kernel_shape[1] > image_shape[1]:
        raise ValueError(f"the kernel {tuple(kernel_shape)} does not fit on the image {tuple(image_shape)}")


def conv2d(X, K):
    check(X.shape, K.shape)
    kh, kw = K.shape
    rows = X.shape[0] - kh + 1
    cols = X.shape[1] - kw + 1
    Y = torch.zeros(rows, cols, dtype=torch.result_type(X, K), device=X.device)
    for i in range(rows):
        for j in range(cols):
            Y[i, j] = (X[i:i + kh, j:j + kw] * K).sum()
    return Y


class Conv2D(nn.Module):
    def __init__(self, kernel_size):
        super().__init__()
        if isinstance(kernel_size, int):
            kernel_size = (kernel_size, kernel_size)
        self.weight = nn.Parameter(torch.rand(kernel_size[0], kernel_size[1]))
        self.bias = nn.Parameter(torch.zeros(1))

    def forward(self, X):
        return conv2d(X, self.weight) + self.bias


def output_size(n, kernel, stride=1, padding=0, dilation=1):
    if stride < 1:
        raise ValueError(f"stride must be 1 or more, not {stride}")
    reach = dilation * (kernel - 1) + 1       # how far the kernel reaches, holes included
    if reach > n + 2 * padding:
        raise ValueError(f"a kernel of {kernel} (dilation {dilation}) does not fit in {n} + 2 * {padding}")
    return (n + 2 * padding - reach) // stride + 1


def conv2d_vectorized(X, K):
    raise NotImplementedError("did not have the time")


def conv2d_backward(grad_Y, X, K):
    check(X.shape, K.shape)
    kh, kw = K.shape
    if tuple(grad_Y.shape) != (X.shape[0] - kh + 1, X.shape[1] - kw + 1):
        raise ValueError(f"grad_Y {tuple(grad_Y.shape)} does not belong to {tuple(X.shape)} and {tuple(K.shape)}")
    dtype = torch.result_type(X, K)
    grad_X = torch.zeros(X.shape, dtype=dtype, device=X.device)
    grad_K = torch.zeros(K.shape, dtype=dtype, device=X.device)
    for i in range(grad_Y.shape[0]):
        for j in range(grad_Y.shape[1]):
            # every output pixel sends its gradient back to its window. += because windows overlap!
            grad_X[i:i + kh, j:j + kw] += grad_Y[i, j] * K
            grad_K += grad_Y[i, j] * X[i:i + kh, j:j + kw]
    if X.is_floating_point():
        grad_X = grad_X.to(X.dtype)
    if K.is_floating_point():
        grad_K = grad_K.to(K.dtype)
    return grad_X, grad_K


def conv2d_matrix(K, input_size):
    if isinstance(input_size, int):
        input_size = (input_size, input_size)
    check(tuple(input_size), K.shape)
    H, W = input_size
    kh, kw = K.shape
    oh, ow = H - kh + 1, W - kw + 1
    M = torch.zeros(oh * ow, H * W, dtype=K.dtype, device=K.device)
    for i in range(oh):
        for j in range(ow):
            for a in range(kh):
                for b in range(kw):
                    M[i * ow + j, (i + a) * W + (j + b)] = K[a, b]
    return M
