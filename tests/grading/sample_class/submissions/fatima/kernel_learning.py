"""Fatima, learning a kernel."""
import torch
from torch.nn import functional as F


def edge_image(height=6, width=8, left=2, right=6):
    """White, with a black stripe."""
    image = torch.ones((height, width), dtype=torch.float32)
    image[:, left:right] = torch.zeros(())
    return image


def predict(X, weight):
    common = torch.result_type(X, weight)
    return F.conv2d(X.to(common).unsqueeze(0).unsqueeze(0), weight.to(common).unsqueeze(0).unsqueeze(0))[0][0]


def train_step(weight, X, Y, lr):
    weight = weight.detach().clone().requires_grad_(True)
    loss = torch.sum((Y - predict(X, weight)) ** 2)
    gradient = torch.autograd.grad(loss, weight)[0]
    with torch.no_grad():
        new_weight = weight - lr * gradient
    return new_weight, loss.item()


def learn_kernel(X, Y, kernel_size, num_epochs=10, lr=0.03, init=None):
    shape = (kernel_size, kernel_size) if isinstance(kernel_size, int) else tuple(kernel_size)
    kernel = init.clone().detach() if init is not None else torch.rand(shape).to(X.device, X.dtype)
    losses = []
    for epoch in range(1, num_epochs + 1):
        kernel, loss = train_step(kernel, X, Y, lr)
        losses.append(loss)
        if epoch % 2 == 0:
            print(f"epoch {epoch}, loss {loss:.3f}")
    return kernel, losses
