"""Exercise 2 in other words: a kernel learned by descent, or solved for."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from tests.tasks.right_answers import right

Size = int | tuple[int, int]


def _pair(size: Size) -> tuple[int, int]:
    return (size, size) if isinstance(size, int) else (size[0], size[1])


def _windows(X: Tensor, size: Size) -> Tensor:
    h, w = _pair(size)
    return X.unfold(0, h, 1).unfold(1, w, 1).reshape(-1, h * w)


# --------------------------------------------------------------------------------------------- edge_image


@right("kernel_learning", "edge_image", style="comparing column numbers")
def stripe_by_columns(height: int = 6, width: int = 8, left: int = 2, right: int = 6) -> Tensor:
    column = torch.arange(width)
    row = ((column < left) | (column >= right)).float()
    return row.repeat(height, 1)


@right("kernel_learning", "edge_image", style="nested lists")
def stripe_by_lists(height: int = 6, width: int = 8, left: int = 2, right: int = 6) -> Tensor:
    pixels = [[0.0 if left <= j < right else 1.0 for j in range(width)] for _ in range(height)]
    return torch.tensor(pixels, dtype=torch.float32)


@right("kernel_learning", "edge_image", style="three blocks side by side")
def stripe_by_blocks(height: int = 6, width: int = 8, left: int = 2, right: int = 6) -> Tensor:
    blocks = [torch.ones(height, left), torch.zeros(height, right - left), torch.ones(height, width - right)]
    return torch.cat(blocks, dim=1)


# --------------------------------------------------------------------------------------------- train_step


@right("kernel_learning", "train_step", style="torch.optim.SGD")
def step_by_optimizer(weight: Tensor, X: Tensor, Y: Tensor, lr: float) -> tuple[Tensor, float]:
    kernel = nn.Parameter(weight.detach().clone())
    optimizer = torch.optim.SGD([kernel], lr=lr)
    optimizer.zero_grad()
    loss = ((Y - F.conv2d(X[None, None], kernel[None, None])[0, 0]) ** 2).sum()
    loss.backward()  # type: ignore[no-untyped-call]
    optimizer.step()
    return kernel.detach(), loss.item()


@right("kernel_learning", "train_step", style="autograd and no_grad, mse_loss with sum")
def step_by_autograd(weight: Tensor, X: Tensor, Y: Tensor, lr: float) -> tuple[Tensor, Tensor]:
    kernel = weight.detach().clone().requires_grad_(True)
    Y_hat = F.conv2d(X.unsqueeze(0).unsqueeze(0), kernel.unsqueeze(0).unsqueeze(0)).squeeze(0).squeeze(0)
    loss = F.mse_loss(Y_hat, Y, reduction="sum")
    loss.backward()  # type: ignore[no-untyped-call]
    assert kernel.grad is not None
    with torch.no_grad():
        kernel -= lr * kernel.grad
    return kernel, loss.detach()


@right("kernel_learning", "train_step", style="the gradient by hand, a convolution with the residual")
def step_by_hand(weight: Tensor, X: Tensor, Y: Tensor, lr: float) -> tuple[Tensor, float]:
    with torch.no_grad():
        residual = F.conv2d(X[None, None], weight[None, None])[0, 0] - Y
        gradient = 2 * F.conv2d(X[None, None], residual[None, None])[0, 0]
        return weight - lr * gradient, float((residual**2).sum())


@right("kernel_learning", "train_step", style="a linear model of windows, in float64")
def step_by_matrix(weight: Tensor, X: Tensor, Y: Tensor, lr: float) -> tuple[Tensor, float]:
    A, y, w = (
        v.detach().double()
        for v in (_windows(X, (weight.shape[0], weight.shape[1])), Y.flatten(), weight.flatten())
    )
    residual = A @ w - y
    stepped = w - lr * 2 * (A.T @ residual)
    return stepped.reshape(weight.shape).to(weight.dtype), float(residual @ residual)


@right("kernel_learning", "train_step", style="torch.func")
def step_by_func(weight: Tensor, X: Tensor, Y: Tensor, lr: float) -> tuple[Tensor, float]:
    def squared_error(kernel: Tensor) -> Tensor:
        return (F.conv2d(X[None, None], kernel[None, None])[0, 0] - Y).square().sum()

    gradient, loss = torch.func.grad_and_value(squared_error)(weight.detach())
    return weight.detach() - lr * gradient, loss.item()


# ------------------------------------------------------------------------------------------- learn_kernel


@right("kernel_learning", "learn_kernel", style="one optimizer for all epochs")
def learn_by_optimizer(
    X: Tensor,
    Y: Tensor,
    kernel_size: Size,
    num_epochs: int = 10,
    lr: float = 0.03,
    init: Tensor | None = None,
) -> tuple[Tensor, list[float]]:
    start = torch.rand(_pair(kernel_size), dtype=X.dtype, device=X.device) if init is None else init
    kernel = nn.Parameter(start.detach().clone())
    optimizer = torch.optim.SGD([kernel], lr=lr)
    losses = []
    for _ in range(num_epochs):
        optimizer.zero_grad()
        loss = ((F.conv2d(X[None, None], kernel[None, None])[0, 0] - Y) ** 2).sum()
        loss.backward()  # type: ignore[no-untyped-call]
        optimizer.step()
        losses.append(loss.item())
    return kernel.detach(), losses


@right("kernel_learning", "learn_kernel", style="an nn.Conv2d without bias")
def learn_by_layer(
    X: Tensor,
    Y: Tensor,
    kernel_size: Size,
    num_epochs: int = 10,
    lr: float = 0.03,
    init: Tensor | None = None,
) -> tuple[Tensor, list[float]]:
    layer = nn.Conv2d(1, 1, kernel_size, bias=False, dtype=X.dtype, device=X.device)
    with torch.no_grad():
        layer.weight.copy_(torch.rand_like(layer.weight) if init is None else init[None, None])
    losses = []
    for _ in range(num_epochs):
        layer.zero_grad()
        loss = (layer(X[None, None])[0, 0] - Y).pow(2).sum()
        losses.append(loss.item())
        loss.backward()
        assert layer.weight.grad is not None
        layer.weight.data -= lr * layer.weight.grad
    return layer.weight.data[0, 0], losses


@right("kernel_learning", "learn_kernel", style="train_step again and again")
def learn_by_steps(
    X: Tensor,
    Y: Tensor,
    kernel_size: Size,
    num_epochs: int = 10,
    lr: float = 0.03,
    init: Tensor | None = None,
) -> tuple[Tensor, list[float]]:
    kernel = torch.rand(*_pair(kernel_size)).to(X) if init is None else init.clone()
    losses: list[float] = []
    while len(losses) < num_epochs:
        kernel, loss = step_by_hand(kernel, X, Y, lr)
        losses += [loss]
    return kernel, losses


@right("kernel_learning", "learn_kernel", style="gradients added up and cleared by hand")
def learn_by_autograd(
    X: Tensor,
    Y: Tensor,
    kernel_size: Size,
    num_epochs: int = 10,
    lr: float = 0.03,
    init: Tensor | None = None,
) -> tuple[Tensor, list[float]]:
    h, w = _pair(kernel_size)
    kernel = torch.rand((h, w), dtype=X.dtype, device=X.device) if init is None else init.detach().clone()
    kernel.requires_grad_()
    losses = []
    for _ in range(num_epochs):
        loss = ((Y - F.conv2d(X.reshape(1, 1, *X.shape), kernel.reshape(1, 1, h, w))[0, 0]) ** 2).sum()
        losses.append(loss.item())
        loss.backward()  # type: ignore[no-untyped-call]
        assert kernel.grad is not None
        with torch.no_grad():
            kernel.sub_(kernel.grad, alpha=lr)
            kernel.grad.zero_()
    return kernel.detach(), losses


# ------------------------------------------------------------------------------------------ max_stable_lr


@right("kernel_learning", "max_stable_lr", style="eigenvalues of the Hessian")
def limit_by_eigenvalues(X: Tensor, kernel_size: Size) -> float:
    A = _windows(X.detach().double(), kernel_size)
    return 2 / float(torch.linalg.eigvalsh(2 * A.T @ A).max())


@right("kernel_learning", "max_stable_lr", style="the largest singular value")
def limit_by_singular_value(X: Tensor, kernel_size: Size) -> float:
    columns = F.unfold(X[None, None], _pair(kernel_size))[0]
    return 1 / torch.linalg.matrix_norm(columns, ord=2).item() ** 2  # type: ignore[no-any-return]


@right("kernel_learning", "max_stable_lr", style="the Hessian by autograd")
def limit_by_autograd(X: Tensor, kernel_size: Size) -> float:
    h, w = _pair(kernel_size)
    X = X.detach().double()

    def loss(kernel: Tensor) -> Tensor:
        return (F.conv2d(X[None, None], kernel.reshape(1, 1, h, w)) ** 2).sum()

    hessian = torch.autograd.functional.hessian(loss, torch.zeros(h * w, dtype=X.dtype))  # type: ignore[no-untyped-call]
    return 2.0 / float(torch.linalg.eigvalsh(hessian)[-1])


@right("kernel_learning", "max_stable_lr", style="power iteration")
def limit_by_iteration(X: Tensor, kernel_size: Size) -> float:
    A = _windows(X.detach().double(), kernel_size)
    H = 2 * A.T @ A
    # Squared again and again the matrix keeps its largest direction only.
    power = H / H.norm()
    for _ in range(60):
        power = power @ power
        power = power / power.norm()
    return 2 / float((H @ power).trace() / power.trace())


# ------------------------------------------------------------------------------------- closed_form_kernel


@right("kernel_learning", "closed_form_kernel", style="lstsq with gelsd")
def solved_by_lstsq(X: Tensor, Y: Tensor, kernel_size: Size) -> Tensor:
    A, y = _windows(X, kernel_size), Y.reshape(-1, 1)
    return torch.linalg.lstsq(A, y, driver="gelsd").solution.reshape(_pair(kernel_size))  # type: ignore[no-any-return]


@right("kernel_learning", "closed_form_kernel", style="lstsq as it comes")
def solved_by_default(X: Tensor, Y: Tensor, kernel_size: Size) -> Tensor:
    solved = torch.linalg.lstsq(_windows(X, kernel_size), Y.reshape(-1, 1))
    return solved.solution.reshape(_pair(kernel_size))  # type: ignore[no-any-return]


@right("kernel_learning", "closed_form_kernel", style="pinv")
def solved_by_pinv(X: Tensor, Y: Tensor, kernel_size: Size) -> Tensor:
    return (torch.linalg.pinv(_windows(X, kernel_size)) @ Y.flatten()).reshape(_pair(kernel_size))  # type: ignore[no-any-return]


@right("kernel_learning", "closed_form_kernel", style="normal equations with a pseudo-inverse, in float64")
def solved_by_normal_equations(X: Tensor, Y: Tensor, kernel_size: Size) -> Tensor:
    A, y = _windows(X, kernel_size).double(), Y.double().flatten()
    kernel = torch.linalg.pinv(A.T @ A, hermitian=True) @ (A.T @ y)
    return kernel.reshape(_pair(kernel_size)).to(X.dtype)  # type: ignore[no-any-return]


@right("kernel_learning", "closed_form_kernel", style="singular values, the small ones left out")
def solved_by_svd(X: Tensor, Y: Tensor, kernel_size: Size) -> Tensor:
    A = _windows(X.double(), kernel_size)
    U, S, Vh = torch.linalg.svd(A, full_matrices=False)
    kept = S.max() * max(A.shape) * torch.finfo(S.dtype).eps < S
    inverse = torch.where(kept, 1 / S.clamp_min(math.ulp(0.0) * 2**60), torch.zeros_like(S))
    kernel = Vh.T @ (inverse * (U.T @ Y.double().flatten()))
    return kernel.reshape(_pair(kernel_size)).to(X.dtype)  # type: ignore[no-any-return]
