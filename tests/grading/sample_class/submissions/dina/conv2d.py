"""Correlation theorem:  corr(x, k)  <->  X(f) * conj(K(f)).

Working in double precision inside, so a float32 result is right to the last bit or so.
The circular wrap-around only touches the last kh-1 rows and kw-1 columns, which a 'valid'
correlation throws away anyway -> no zero padding needed.
"""
import torch
from torch import fft, nn


def conv2d(X, K):
    H, W = X.shape
    kh, kw = K.shape
    spectrum = fft.rfft2(X.double()) * fft.rfft2(K.double(), s=(H, W)).conj()
    circular = fft.irfft2(spectrum, s=(H, W))
    return circular[: H - kh + 1, : W - kw + 1].to(torch.result_type(X, K))


def conv2d_vectorized(X, K):
    return conv2d(X, K)     # there is no loop in it in the first place


class Conv2D(nn.Module):
    def __init__(self, kernel_size):
        super().__init__()
        kh, kw = kernel_size if not isinstance(kernel_size, int) else (kernel_size, kernel_size)
        self.weight = nn.Parameter(torch.rand(kh, kw))
        self.bias = nn.Parameter(torch.zeros(1))

    def forward(self, X):
        return conv2d(X, self.weight) + self.bias


def output_size(n, kernel, stride=1, padding=0, dilation=1):
    effective = kernel + (kernel - 1) * (dilation - 1)
    return (n + 2 * padding - effective) // stride + 1


def conv2d_backward(grad_Y, X, K):
    H, W = X.shape
    G = fft.rfft2(grad_Y.double(), s=(H, W))
    # the input's gradient is a true convolution (no conj), "full" size = size of the image
    grad_X = fft.irfft2(G * fft.rfft2(K.double(), s=(H, W)), s=(H, W))
    # the kernel's gradient is the correlation of image and grad_Y
    grad_K = fft.irfft2(fft.rfft2(X.double()) * G.conj(), s=(H, W))[: K.shape[0], : K.shape[1]]
    both = torch.result_type(X, K)
    return (grad_X.to(X.dtype if X.is_floating_point() else both),
            grad_K.to(K.dtype if K.is_floating_point() else both))
