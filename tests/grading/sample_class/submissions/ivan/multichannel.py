import torch
from torch import nn
from torch.nn.functional import pad


def two(x):
    return [x, x] if isinstance(x, int) else x


def conv2d_batched(X, weight, bias=None, stride=1, padding=0):
    if X.dim() != 4 or weight.dim() != 4:
        raise ValueError("need four dimensions, got %s and %s" % (tuple(X.shape), tuple(weight.shape)))
    if X.shape[1] != weight.shape[1]:
        raise ValueError("channels disagree: %s and %s" % (tuple(X.shape), tuple(weight.shape)))
    if bias is not None and tuple(bias.shape) != (weight.shape[0],):
        raise ValueError("bias has shape %s, weight %s" % (tuple(bias.shape), tuple(weight.shape)))
    sh, sw = two(stride)
    ph, pw = two(padding)
    if sh < 1 or sw < 1:
        raise ValueError("stride %s is below 1" % (stride,))
    if ph < 0 or pw < 0:
        raise ValueError("padding %s is negative" % (padding,))
    t = torch.result_type(X, weight)
    X, weight = pad(X.to(t), (pw, pw, ph, ph)), weight.to(t)
    kh, kw = weight.shape[2:]
    if kh > X.shape[2] or kw > X.shape[3]:
        raise ValueError("kernel %s is larger than padded image %s" % ((kh, kw), tuple(X.shape[2:])))
    rows, cols = (X.shape[2] - kh) // sh + 1, (X.shape[3] - kw) // sw + 1
    Y = torch.zeros(X.shape[0], weight.shape[0], rows, cols, dtype=t, device=X.device)
    for a in range(kh):
        for b in range(kw):
            pixels = X[:, :, a:a + (rows - 1) * sh + 1:sh, b:b + (cols - 1) * sw + 1:sw]
            Y = Y + torch.tensordot(pixels, weight[:, :, a, b], dims=([1], [1])).permute(0, 3, 1, 2)
    return Y if bias is None else Y + bias[None, :, None, None].to(t)


def conv2d_multi_in(X, K):
    if X.dim() != 3 or K.dim() != 3:
        raise ValueError("need three dimensions, got %s and %s" % (tuple(X.shape), tuple(K.shape)))
    return conv2d_batched(X[None], K[None])[0, 0]


def conv2d_multi_in_out(X, K):
    if X.dim() != 3:
        raise ValueError("need three dimensions, got %s" % (tuple(X.shape),))
    return conv2d_batched(X[None], K)[0]


def conv2d_1x1(X, K):
    if X.dim() != 3 or K.dim() != 4 or tuple(K.shape[2:]) != (1, 1) or K.shape[1] != X.shape[0]:
        raise ValueError("no 1x1 convolution of %s with %s" % (tuple(X.shape), tuple(K.shape)))
    t = torch.result_type(X, K)
    c, h, w = X.shape
    return torch.mm(K.to(t)[:, :, 0, 0], X.to(t).reshape(c, h * w)).reshape(-1, h, w)


class MultiChannelConv2d(nn.Module):
    def __init__(self, in_channels, out_channels, kernel_size, stride=1, padding=0, bias=True):
        super().__init__()
        self.weight = nn.Parameter(torch.randn(out_channels, in_channels, *two(kernel_size)))
        self.register_parameter("bias", nn.Parameter(torch.randn(out_channels)) if bias else None)
        self.stride = stride
        self.padding = padding

    def forward(self, X):
        return conv2d_batched(X, self.weight, self.bias, self.stride, self.padding)


def num_parameters(in_channels, out_channels, kernel_size, bias=True):
    a, b = two(kernel_size)
    return in_channels * out_channels * a * b + out_channels * bias
