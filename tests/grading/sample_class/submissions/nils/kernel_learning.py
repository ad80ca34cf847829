import torch
import torch.nn.functional as F


def edge_image(height=6, width=8, left=2, right=6):
    X = torch.ones((height, width))
    X[:, left:right] = 0
    return X


def train_step(weight, X, Y, lr):
    # ich rechne den Gradienten direkt aus: jedes Gewicht sieht einen verschobenen Ausschnitt von X
    with torch.no_grad():
        dtype = torch.result_type(X, weight)
        Y_hat = F.conv2d(X.to(dtype)[None, None], weight.to(dtype)[None, None])[0, 0]
        diff = Y_hat - Y
        loss = diff.pow(2).sum().item()
        new_weight = weight.clone()
        for a in range(weight.shape[0]):
            for b in range(weight.shape[1]):
                ausschnitt = X[a:a + diff.shape[0], b:b + diff.shape[1]]
                new_weight[a, b] -= lr * 2 * (diff * ausschnitt).sum()
    return new_weight, loss


def learn_kernel(X, Y, kernel_size, num_epochs=10, lr=0.03, init=None):
    if isinstance(kernel_size, int):
        kernel_size = (kernel_size, kernel_size)
    if init is not None:
        weight = init.detach().clone()
    else:
        weight = torch.rand(tuple(kernel_size), dtype=X.dtype, device=X.device)
    losses = []
    for _ in range(num_epochs):
        weight, loss = train_step(weight, X, Y, lr)
        losses.append(loss)
    return weight, losses
