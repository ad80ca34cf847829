from torch import nn
import torch


def _positions(n, k, s, device):
    """(number of windows, k)"""
    starts = torch.arange(0, n - k + 1, s, device=device)
    return starts[:, None] + torch.arange(k, device=device)[None, :]


def _pool(X, pool_size, mode, stride, padding):
    kh, kw = [pool_size] * 2 if isinstance(pool_size, int) else pool_size
    stride = (kh, kw) if stride is None else stride
    sh, sw = [stride] * 2 if isinstance(stride, int) else stride
    ph, pw = [padding] * 2 if isinstance(padding, int) else padding
    border = float("-inf") if mode == "max" else 0.0
    X = nn.functional.pad(X, (pw, pw, ph, ph), "constant", border)
    rows = _positions(X.shape[-2], kh, sh, X.device)
    cols = _positions(X.shape[-1], kw, sw, X.device)
    windows = X[..., rows[:, None, :, None], cols[None, :, None, :]]
    return windows.amax((-2, -1)) if mode == "max" else windows.mean((-2, -1))


def pool2d(X, pool_size, mode="max", stride=None, padding=0):
    return _pool(X, pool_size, mode, stride, padding)


def pool2d_multi_channel(X, pool_size, mode="max", stride=None, padding=0):
    return _pool(X, pool_size, mode, stride, padding)


class MaxPool2d(nn.Module):
    def __init__(self, kernel_size, stride=None, padding=0):
        super(MaxPool2d, self).__init__()
        self.kernel_size, self.stride, self.padding = kernel_size, stride, padding

    def forward(self, X):
        return _pool(X, self.kernel_size, "max", self.stride, self.padding)


class AvgPool2d(nn.Module):
    def __init__(self, kernel_size, stride=None, padding=0):
        super(AvgPool2d, self).__init__()
        self.kernel_size, self.stride, self.padding = kernel_size, stride, padding

    def forward(self, X):
        return _pool(X, self.kernel_size, "avg", self.stride, self.padding)


def receptive_field(layers):
    if len(layers) == 0:
        return 1
    k, s = layers[0]
    return k + s * (receptive_field(layers[1:]) - 1)
