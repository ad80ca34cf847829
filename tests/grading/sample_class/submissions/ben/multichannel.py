"""Exercise 3. conv2d_general does the work, the rest are its special cases."""
from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from shapes import pair, reject


def _split(extent: int) -> tuple[int, int]:
    """'same' padding: the odd one goes to the far side, as in PyTorch."""
    return (extent - 1) // 2, (extent - 1) - (extent - 1) // 2


def _patches(X: Tensor, kernel, stride, padding, dilation) -> Tensor:
    """(N, C, H, W) -> (N, C, oh, ow, kh, kw)."""
    kernel, stride, dilation = pair(kernel), pair(stride), pair(dilation)
    reject(min(stride) < 1, f"stride {stride} below 1")
    reject(min(dilation) < 1, f"dilation {dilation} below 1")
    eh, ew = (d * (k - 1) + 1 for k, d in zip(kernel, dilation))
    if padding == "same":
        reject(stride != (1, 1), f"padding='same' needs stride 1, got {stride}")
        (top, bottom), (left, right) = _split(eh), _split(ew)
    elif padding == "valid":
        top = bottom = left = right = 0
    else:
        reject(isinstance(padding, str), f"unknown padding {padding!r}")
        top, left = pair(padding)
        reject(min(top, left) < 0, f"negative padding {padding}")
        bottom, right = top, left
    padded = F.pad(X, (left, right, top, bottom))
    H, W = padded.shape[-2:]
    reject(eh > H or ew > W, f"kernel extent {(eh, ew)} larger than padded image {(H, W)}")
    return padded.unfold(2, eh, stride[0]).unfold(3, ew, stride[1])[..., :: dilation[0], :: dilation[1]]


def _check(X: Tensor, weight: Tensor, bias: Tensor | None, groups: int = 1) -> None:
    xs, ws = tuple(X.shape), tuple(weight.shape)
    reject(len(xs) != 4, f"X must be (N, c_in, H, W), got {xs}")
    reject(len(ws) != 4, f"weight must be (c_out, c_in / groups, kh, kw), got {ws}")
    reject(groups < 1 or xs[1] % groups != 0 or ws[0] % groups != 0, f"{groups} groups do not divide {xs[1]} or {ws[0]}")
    reject(xs[1] != ws[1] * groups, f"channels disagree: X {xs}, weight {ws}, groups {groups}")
    if bias is not None:
        reject(tuple(bias.shape) != (ws[0],), f"bias {tuple(bias.shape)} for {ws[0]} output channels")


def conv2d_general(X, weight, bias=None, stride=1, padding=0, dilation=1, groups=1) -> Tensor:
    if X.dim() == 3:  # unbatched, as PyTorch allows
        return conv2d_general(X[None], weight, bias, stride, padding, dilation, groups)[0]
    _check(X, weight, bias, groups)
    dtype = torch.result_type(X, weight)
    patches = _patches(X.to(dtype), weight.shape[2:], stride, padding, dilation)
    patches = patches.unflatten(1, (groups, weight.shape[1]))
    kernels = weight.to(dtype).unflatten(0, (groups, weight.shape[0] // groups))
    Y = torch.einsum("ngcijab,gocab->ngoij", patches, kernels).flatten(1, 2)
    return Y if bias is None else Y + bias.to(dtype)[:, None, None]


def conv2d_batched(X, weight, bias=None, stride=1, padding=0) -> Tensor:
    _check(X, weight, bias)
    return conv2d_general(X, weight, bias, stride, padding)


def conv2d_im2col(X, weight, bias=None, stride=1, padding=0) -> Tensor:
    _check(X, weight, bias)
    dtype = torch.result_type(X, weight)
    patches = _patches(X.to(dtype), weight.shape[2:], stride, padding, 1)
    N, _, oh, ow = patches.shape[:4]
    columns = patches.permute(0, 2, 3, 1, 4, 5).flatten(3).flatten(0, 2)
    Y = columns @ weight.to(dtype).flatten(1).T
    if bias is not None:
        Y = Y + bias.to(dtype)
    return Y.unflatten(0, (N, oh, ow)).permute(0, 3, 1, 2)


def conv2d_multi_in(X: Tensor, K: Tensor) -> Tensor:
    reject(X.dim() != 3, f"X must be (c_in, H, W), got {tuple(X.shape)}")
    reject(K.dim() != 3, f"K must be (c_in, kh, kw), got {tuple(K.shape)}")
    return conv2d_batched(X[None], K[None])[0, 0]


def conv2d_multi_in_out(X: Tensor, K: Tensor) -> Tensor:
    reject(X.dim() != 3, f"X must be (c_in, H, W), got {tuple(X.shape)}")
    return conv2d_batched(X[None], K)[0]


def conv2d_1x1(X: Tensor, K: Tensor) -> Tensor:
    reject(X.dim() != 3, f"X must be (c_in, H, W), got {tuple(X.shape)}")
    reject(K.dim() != 4 or tuple(K.shape[2:]) != (1, 1), f"K must be (c_out, c_in, 1, 1), got {tuple(K.shape)}")
    reject(K.shape[1] != X.shape[0], f"channels disagree: X {tuple(X.shape)}, K {tuple(K.shape)}")
    dtype = torch.result_type(X, K)
    return (K[:, :, 0, 0].to(dtype) @ X.to(dtype).flatten(1)).unflatten(1, X.shape[1:])


class MultiChannelConv2d(nn.Module):
    def __init__(self, in_channels, out_channels, kernel_size, stride=1, padding=0, bias=True):
        super().__init__()
        self.stride, self.padding = stride, padding
        self.weight = nn.Parameter(torch.empty(out_channels, in_channels, *pair(kernel_size)))
        nn.init.kaiming_uniform_(self.weight, a=math.sqrt(5))
        if bias:
            bound = 1 / math.sqrt(self.weight[0].numel())
            self.bias = nn.Parameter(torch.empty(out_channels).uniform_(-bound, bound))
        else:
            self.register_parameter("bias", None)

    def forward(self, X: Tensor) -> Tensor:
        return conv2d_batched(X, self.weight, self.bias, self.stride, self.padding)


def num_parameters(in_channels: int, out_channels: int, kernel_size, bias: bool = True) -> int:
    return out_channels * (in_channels * math.prod(pair(kernel_size)) + bool(bias))
