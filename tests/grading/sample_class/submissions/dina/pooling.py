"""Pooling has no nice spectrum (max is not linear), so windows it is."""
import torch
import torch.nn.functional as F
from torch import nn


def _pair(v):
    return (v, v) if isinstance(v, int) else (v[0], v[1])


def pool2d(X, pool_size, mode="max", stride=None, padding=0):
    return pool2d_multi_channel(X.unsqueeze(0), pool_size, mode, stride, padding).squeeze(0)


def pool2d_multi_channel(X, pool_size, mode="max", stride=None, padding=0):
    kh, kw = _pair(pool_size)
    sh, sw = _pair(stride if stride is not None else pool_size)
    ph, pw = _pair(padding)
    lead, (H, W) = X.shape[:-2], X.shape[-2:]
    frame = -torch.inf if mode == "max" else 0.0
    images = F.pad(X.reshape(-1, 1, H, W), (pw, pw, ph, ph), value=frame)
    cells = F.unfold(images, (kh, kw), stride=(sh, sw))          # (images, kh*kw, windows)
    pooled = cells.max(dim=1)[0] if mode == "max" else cells.mean(dim=1)
    oh = (H + 2 * ph - kh) // sh + 1
    ow = (W + 2 * pw - kw) // sw + 1
    return pooled.reshape(*lead, oh, ow)


class MaxPool2d(nn.Module):
    mode = "max"

    def __init__(self, kernel_size, stride=None, padding=0):
        super().__init__()
        self.kernel_size, self.stride, self.padding = kernel_size, stride, padding

    def forward(self, X):
        return pool2d_multi_channel(X, self.kernel_size, self.mode, self.stride, self.padding)


class AvgPool2d(MaxPool2d):
    mode = "avg"


def receptive_field(layers):
    kernels = [k for k, _ in layers]
    strides = [s for _, s in layers]
    size = 1
    for depth, k in enumerate(kernels):
        spacing = 1
        for s in strides[:depth]:
            spacing *= s
        size += (k - 1) * spacing
    return size
