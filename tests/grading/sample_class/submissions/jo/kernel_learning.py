import torch
import torch.nn.functional as F


def edge_image(height=6, width=8, left=2, right=6):
    x = torch.ones(height, width)
    if right > left:
        x[:, left:right] = 0
    return x.float()


def train_step(weight, x, y, lr):
    w = weight.detach().clone()
    dtype = torch.result_type(x, w)
    w.requires_grad = True
    with torch.enable_grad():
        out = F.conv2d(x.detach()[None, None].to(dtype), w[None, None].to(dtype))[0, 0]
        loss = (out - y.detach()).square().sum()
        loss.backward()
    return (w - lr * w.grad).detach(), float(loss)


def learn_kernel(x, y, kernel_size, num_epochs=10, lr=0.03, init=None):
    if not hasattr(kernel_size, "__len__"):
        kernel_size = (kernel_size, kernel_size)
    if init is None:
        init = torch.rand(*kernel_size, dtype=x.dtype, device=x.device)
    w = init.detach().clone()
    losses = [0.0] * num_epochs
    for epoch in range(num_epochs):
        w, losses[epoch] = train_step(w, x, y, lr)
    return w, losses
