import torch
import torch.nn.functional as F


# Hana M. / uebung 2


def edge_image(height=6, width=8, left=2, right=6):
    X = torch.ones((height, width))
    X[:, left:right] = 0
    return X


def train_step(weight, X, Y, lr):
    weight.requires_grad_(True)
    weight.grad = None
    Y_hat = F.conv2d(X.reshape(1, 1, *X.shape), weight.reshape(1, 1, *weight.shape))
    loss = ((Y_hat.reshape(Y.shape) - Y) ** 2).sum()
    loss.backward()
    weight.data -= lr * weight.grad
    return weight, loss.item()


def learn_kernel(X, Y, kernel_size, num_epochs=10, lr=0.03, init=None):
    if isinstance(kernel_size, int):
        kernel_size = (kernel_size, kernel_size)
    kernel = torch.rand(kernel_size) if init is None else init
    losses = []
    for epoch in range(num_epochs):
        kernel, loss = train_step(kernel, X, Y, lr)
        losses.append(loss)
    return kernel, losses
