"""Exercise 2. Everything in terms of the design matrix A: one window per row."""
from __future__ import annotations

import torch
from torch import Tensor

from shapes import pair


def _design(X: Tensor, kernel_size) -> Tensor:
    kh, kw = pair(kernel_size)
    return X.unfold(0, kh, 1).unfold(1, kw, 1).reshape(-1, kh * kw)


def edge_image(height: int = 6, width: int = 8, left: int = 2, right: int = 6) -> Tensor:
    X = torch.ones((height, width), dtype=torch.float32)
    X[:, left:right] = 0.0
    return X


@torch.no_grad()
def train_step(weight: Tensor, X: Tensor, Y: Tensor, lr: float) -> tuple[Tensor, float]:
    dtype = torch.result_type(X, weight)
    A = _design(X, weight.shape).to(dtype)
    residual = Y.reshape(-1) - A @ weight.reshape(-1).to(dtype)
    gradient = -2 * A.T @ residual.to(dtype)
    new = weight - lr * gradient.reshape(weight.shape).to(weight.dtype)
    return new, float(residual.square().sum())


def learn_kernel(X, Y, kernel_size, num_epochs: int = 10, lr: float = 0.03, init: Tensor | None = None):
    if init is None:
        kernel = torch.rand(pair(kernel_size), dtype=X.dtype, device=X.device)
    else:
        kernel = init.detach().clone()
    losses: list[float] = []
    for _ in range(num_epochs):
        kernel, loss = train_step(kernel, X, Y, lr)
        losses.append(loss)
    return kernel, losses


def max_stable_lr(X: Tensor, kernel_size) -> float:
    A = _design(X.detach().double(), kernel_size)
    return float(1 / torch.linalg.matrix_norm(A, 2).square())


def closed_form_kernel(X: Tensor, Y: Tensor, kernel_size) -> Tensor:
    dtype = torch.result_type(X, Y)
    A = _design(X.double(), kernel_size)
    k = torch.linalg.pinv(A) @ Y.double().reshape(-1)
    return k.reshape(pair(kernel_size)).to(dtype)
