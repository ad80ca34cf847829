"""mia: here conv2d from torch is allowed"""
import torch
import torch.nn.functional as F


def edge_image(height=6, width=8, left=2, right=6):
    X = torch.ones(height, width, dtype=torch.float32)
    X[:, left:right] = 0
    return X


def model(X, weight):
    dtype = torch.result_type(X, weight)
    return F.conv2d(X.to(dtype)[None, None], weight.to(dtype)[None, None])[0, 0]


def train_step(weight, X, Y, lr):
    # functional style, weight is never touched
    def objective(w):
        return (Y - model(X, w)).pow(2).sum()

    gradient, loss = torch.func.grad_and_value(objective)(weight.detach())
    return (weight - lr * gradient).detach(), loss.item()


def learn_kernel(X, Y, kernel_size, num_epochs=10, lr=0.03, init=None):
    size = (kernel_size, kernel_size) if isinstance(kernel_size, int) else tuple(kernel_size)
    weight = init.detach().clone() if init is not None else torch.rand(size, dtype=X.dtype, device=X.device)
    losses = []
    for _ in range(num_epochs):
        weight, loss = train_step(weight, X, Y, lr)
        losses.append(loss)
    return weight, losses


def max_stable_lr(X, kernel_size):
    size = (kernel_size, kernel_size) if isinstance(kernel_size, int) else tuple(kernel_size)
    X = X.detach().double()
    zero = torch.zeros(size, dtype=X.dtype, device=X.device)
    H = torch.autograd.functional.hessian(lambda w: model(X, w).pow(2).sum(), zero)
    H = H.reshape(zero.numel(), zero.numel())
    return (2.0 / torch.linalg.eigvalsh(H).max()).item()
