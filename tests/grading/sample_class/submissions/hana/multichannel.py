import torch
from torch import nn


# Hana M. / uebung 3


def conv2d_multi_in(X, K):
    c, h, w = K.shape
    Y = torch.zeros((X.shape[1] - h + 1, X.shape[2] - w + 1))
    for i in range(Y.shape[0]):
        for j in range(Y.shape[1]):
            Y[i, j] = (X[:, i:i + h, j:j + w] * K).sum()
    return Y


def conv2d_multi_in_out(X, K):
    o, c, h, w = K.shape
    Y = torch.zeros((o, X.shape[1] - h + 1, X.shape[2] - w + 1))
    for k in range(o):
        Y[k] = conv2d_multi_in(X, K[k])
    return Y


def conv2d_1x1(X, K):
    dtype = torch.result_type(X, K)
    c, h, w = X.shape
    Y = K.to(dtype).reshape(len(K), c) @ X.to(dtype).reshape(c, -1)
    return Y.reshape(len(K), h, w)


def conv2d_batched(X, weight, bias=None, stride=1, padding=0):
    sh, sw = (stride, stride) if isinstance(stride, int) else stride
    ph, pw = (padding, padding) if isinstance(padding, int) else padding
    N, C, H, W = X.shape
    O, _, kh, kw = weight.shape
    P = torch.zeros((N, C, H + 2 * ph, W + 2 * pw))
    P[:, :, ph:ph + H, pw:pw + W] = X
    Y = torch.zeros((N, O, (H + 2 * ph - kh) // sh + 1, (W + 2 * pw - kw) // sw + 1))
    for o in range(O):
        for i in range(Y.shape[2]):
            for j in range(Y.shape[3]):
                window = P[:, :, i * sh:i * sh + kh, j * sw:j * sw + kw]
                Y[:, o, i, j] = (window * weight[o]).sum(dim=(1, 2, 3))
        if bias is not None:
            Y[:, o] += bias[o].item()
    return Y


class MultiChannelConv2d(nn.Module):
    def __init__(self, in_channels, out_channels, kernel_size, stride=1, padding=0, bias=True):
        super().__init__()
        kh, kw = (kernel_size, kernel_size) if isinstance(kernel_size, int) else kernel_size
        self.weight = nn.Parameter(torch.rand((out_channels, in_channels, kh, kw)))
        self.bias = nn.Parameter(torch.zeros(out_channels)) if bias else None
        self.stride, self.padding = stride, padding

    def forward(self, X):
        return conv2d_batched(X, self.weight, self.bias, self.stride, self.padding)


def num_parameters(in_channels, out_channels, kernel_size, bias=True):
    kh, kw = (kernel_size, kernel_size) if isinstance(kernel_size, int) else kernel_size
    return out_channels * in_channels * kh * kw + (out_channels if bias else 0)
