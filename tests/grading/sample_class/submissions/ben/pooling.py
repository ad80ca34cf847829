"""Exercise 4."""
from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from shapes import pair, reject


def _pool(X: Tensor, pool_size, mode: str, stride, padding) -> Tensor:
    """Pools the last two axes."""
    k, p = pair(pool_size), pair(padding)
    s = k if stride is None else pair(stride)
    reject(mode not in ("max", "avg"), f"unknown mode {mode!r}, expected 'max' or 'avg'")
    reject(min(k) < 1, f"pool_size {k} below 1")
    reject(min(s) < 1, f"stride {s} below 1")
    reject(min(p) < 0 or 2 * p[0] > k[0] or 2 * p[1] > k[1], f"padding {p} is more than half of the window {k}")
    H, W = X.shape[-2:]
    reject(k[0] > H + 2 * p[0] or k[1] > W + 2 * p[1], f"window {k} larger than image {(H, W)} padded by {p}")
    if any(p):
        X = F.pad(X, (p[1], p[1], p[0], p[0]), value=-math.inf if mode == "max" else 0.0)
    windows = X.unfold(-2, k[0], s[0]).unfold(-2, k[1], s[1]).flatten(-2)
    return windows.max(dim=-1).values if mode == "max" else windows.mean(dim=-1)


def pool2d(X: Tensor, pool_size, mode="max", stride=None, padding=0) -> Tensor:
    reject(X.dim() != 2, f"X must be (H, W), got {tuple(X.shape)}")
    return _pool(X, pool_size, mode, stride, padding)


def pool2d_multi_channel(X: Tensor, pool_size, mode="max", stride=None, padding=0) -> Tensor:
    reject(X.dim() not in (3, 4), f"X must be (C, H, W) or (N, C, H, W), got {tuple(X.shape)}")
    return _pool(X, pool_size, mode, stride, padding)


class _Pool2d(nn.Module):
    mode: str

    def __init__(self, kernel_size, stride=None, padding=0):
        super().__init__()
        self.kernel_size = kernel_size
        self.stride = kernel_size if stride is None else stride
        self.padding = padding

    def forward(self, X: Tensor) -> Tensor:
        return pool2d_multi_channel(X, self.kernel_size, self.mode, self.stride, self.padding)


class MaxPool2d(_Pool2d):
    mode = "max"


class AvgPool2d(_Pool2d):
    mode = "avg"


def receptive_field(layers) -> int:
    field, jump = 1, 1
    for kernel, stride in layers:
        field, jump = field + (kernel - 1) * jump, jump * stride
    return field


def avg_pool_as_conv(channels: int, kernel_size) -> nn.Conv2d:
    k = pair(kernel_size)
    conv = nn.Conv2d(channels, channels, k, stride=k, groups=channels, bias=False)
    nn.init.constant_(conv.weight, 1 / math.prod(k))
    return conv.requires_grad_(False)


def pool2d_backward(grad_Y: Tensor, X: Tensor, pool_size, mode="max", stride=None) -> Tensor:
    reject(X.dim() != 2, f"X must be (H, W), got {tuple(X.shape)}")
    k = pair(pool_size)
    s = k if stride is None else pair(stride)
    pooled = _pool(X.detach(), k, mode, s, 0)  # for its checks and its shape
    reject(grad_Y.shape != pooled.shape, f"grad_Y {tuple(grad_Y.shape)}, output {tuple(pooled.shape)}")
    oh, ow = pooled.shape
    G = grad_Y.to(X.dtype)
    W = X.shape[1]
    grad = torch.zeros(X.numel(), dtype=X.dtype, device=X.device)
    corner = (torch.arange(oh, device=X.device) * s[0] * W)[:, None] + torch.arange(ow, device=X.device) * s[1]
    if mode == "max":
        first = X.unfold(0, k[0], s[0]).unfold(1, k[1], s[1]).flatten(-2).argmax(-1)
        target = corner + first // k[1] * W + first % k[1]
        return grad.index_add(0, target.flatten(), G.flatten()).reshape(X.shape)
    inside = (torch.arange(k[0], device=X.device) * W)[:, None] + torch.arange(k[1], device=X.device)
    target = corner[:, :, None, None] + inside
    share = (G / math.prod(k))[:, :, None, None].expand(target.shape)
    return grad.index_add(0, target.flatten(), share.flatten()).reshape(X.shape)
