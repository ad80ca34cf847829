import torch
from torch import nn


def edge_image(height=6, width=8, left=2, right=6):
    return torch.tensor([[0.0 if left <= c < right else 1.0 for c in range(width)] for r in range(height)],
                        dtype=torch.float32)


def _layer(weight, dtype):
    layer = nn.Conv2d(1, 1, tuple(weight.shape), bias=False, dtype=dtype, device=weight.device)
    with torch.no_grad():
        layer.weight.copy_(weight[None, None])
    return layer


def train_step(weight, X, Y, lr):
    layer = _layer(weight, torch.result_type(X, weight))
    out = layer(X.detach()[None, None].to(layer.weight.dtype))[0, 0]
    loss = ((Y.detach() - out) ** 2).sum()
    layer.zero_grad()
    loss.backward()
    new_weight = layer.weight.data - lr * layer.weight.grad
    return new_weight[0, 0].to(weight.dtype), loss.item()


def learn_kernel(X, Y, kernel_size, num_epochs=10, lr=0.03, init=None):
    if not isinstance(kernel_size, (tuple, list)):
        kernel_size = [kernel_size] * 2
    weight = torch.rand(*kernel_size, dtype=X.dtype, device=X.device) if init is None else init.detach().clone()
    losses = []
    while len(losses) < num_epochs:
        weight, loss = train_step(weight, X, Y, lr)
        losses.append(loss)
    return weight, losses
