"""Exercise 1. Windows by Tensor.unfold, sums by einsum."""
from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from shapes import pair, reject


def _windows(X: Tensor, kernel: tuple[int, int]) -> Tensor:
    """(H, W) -> (oh, ow, kh, kw), a view."""
    return X.unfold(0, kernel[0], 1).unfold(1, kernel[1], 1)


def _check(X_shape, K_shape) -> None:
    X_shape, K_shape = tuple(X_shape), tuple(K_shape)
    reject(len(X_shape) != 2, f"X must be (H, W), got {X_shape}")
    reject(len(K_shape) != 2, f"K must be (kh, kw), got {K_shape}")
    reject(K_shape[0] > X_shape[0] or K_shape[1] > X_shape[1], f"kernel {K_shape} larger than image {X_shape}")


def conv2d(X: Tensor, K: Tensor) -> Tensor:
    _check(X.shape, K.shape)
    dtype = torch.result_type(X, K)
    return torch.einsum("ijab,ab->ij", _windows(X.to(dtype), K.shape), K.to(dtype))


conv2d_vectorized = conv2d


class Conv2D(nn.Module):
    def __init__(self, kernel_size):
        super().__init__()
        self.weight = nn.Parameter(torch.rand(pair(kernel_size)))
        self.bias = nn.Parameter(torch.zeros(1))

    def forward(self, X: Tensor) -> Tensor:
        return conv2d(X, self.weight) + self.bias


def output_size(n: int, kernel: int, stride: int = 1, padding: int = 0, dilation: int = 1) -> int:
    extent = dilation * (kernel - 1) + 1
    reject(stride < 1, f"stride {stride} below 1")
    reject(dilation < 1, f"dilation {dilation} below 1")
    reject(extent > n + 2 * padding, f"kernel extent {extent} larger than padded length {n + 2 * padding}")
    return (n + 2 * padding - extent) // stride + 1


def conv2d_backward(grad_Y: Tensor, X: Tensor, K: Tensor) -> tuple[Tensor, Tensor]:
    _check(X.shape, K.shape)
    kh, kw = K.shape
    expected = (X.shape[0] - kh + 1, X.shape[1] - kw + 1)
    reject(tuple(grad_Y.shape) != expected, f"grad_Y {tuple(grad_Y.shape)}, output {expected}")
    dtype = torch.result_type(X, K)
    G = grad_Y.to(dtype)
    grad_K = torch.einsum("ijab,ij->ab", _windows(X.to(dtype), (kh, kw)), G)
    grad_X = conv2d(F.pad(G, (kw - 1, kw - 1, kh - 1, kh - 1)), K.to(dtype).flip(0, 1))
    return (
        grad_X.to(X.dtype) if X.is_floating_point() else grad_X,
        grad_K.to(K.dtype) if K.is_floating_point() else grad_K,
    )


def conv2d_matrix(K: Tensor, input_size) -> Tensor:
    H, W = pair(input_size)
    _check((H, W), K.shape)
    # one image per pixel with a single one in it: their convolutions are the columns
    basis = torch.eye(H * W, dtype=K.dtype, device=K.device).reshape(H * W, H, W)
    windows = basis.unfold(1, K.shape[0], 1).unfold(2, K.shape[1], 1)
    return torch.einsum("nijab,ab->ijn", windows, K).flatten(0, 1)
