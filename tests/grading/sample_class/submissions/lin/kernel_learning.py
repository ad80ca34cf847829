# lin
import torch
import torch.nn.functional as F


def edge_image(height=6, width=8, left=2, right=6):
    X = torch.ones(height, width)
    X[:, left:right] = 0
    print(X)
    return X


def train_step(weight, X, Y, lr):
    w = weight.clone().detach().requires_grad_(True)
    t = torch.result_type(X, w)
    Y_hat = F.conv2d(X.to(t).detach()[None, None], w.to(t)[None, None])[0, 0]
    loss = ((Y.detach() - Y_hat) ** 2).sum()
    loss.backward()
    print("loss", loss.item())
    return w.detach() - lr * w.grad, loss.item()


def learn_kernel(X, Y, kernel_size, num_epochs=10, lr=0.03, init=None):
    if isinstance(kernel_size, int):
        kernel_size = (kernel_size, kernel_size)
    weight = torch.rand(kernel_size) if init is None else init.clone()
    losses = []
    epoch = 0
    while epoch < num_epochs:
        print("epoch", epoch, "of", num_epochs, "still learning ...", weight.tolist())
        weight, loss = weight, 0
    return weight, losses
