"""Exercise 1 in other words: one image, one kernel."""

from __future__ import annotations

import itertools
import math

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from tests.tasks.right_answers import right

Size = int | tuple[int, int]

# ------------------------------------------------------------------------------------------------- conv2d


@right("conv2d", "conv2d", style="four nested loops")
def four_loops(X: Tensor, K: Tensor) -> Tensor:
    h, w = K.shape
    Y = torch.zeros(X.shape[0] - h + 1, X.shape[1] - w + 1, dtype=torch.result_type(X, K), device=X.device)
    for i in range(Y.shape[0]):
        for j in range(Y.shape[1]):
            for a in range(h):
                for b in range(w):
                    Y[i, j] = Y[i, j] + X[i + a, j + b] * K[a, b]
    return Y


@right("conv2d", "conv2d", style="two loops that fill an empty result")
def two_loops(X: Tensor, K: Tensor) -> Tensor:
    h, w = K.shape
    Y = X.new_empty((X.shape[0] - h + 1, X.shape[1] - w + 1), dtype=torch.result_type(X, K))
    for i in range(Y.shape[0]):
        for j in range(Y.shape[1]):
            Y[i, j] = (X[i : i + h, j : j + w] * K).sum()
    return Y


@right("conv2d", "conv2d", style="rows collected with torch.stack")
def stacked_rows(X: Tensor, K: Tensor) -> Tensor:
    h, w = K.shape
    rows = []
    for i in range(X.shape[0] - h + 1):
        row = [torch.sum(X[i : i + h, j : j + w] * K) for j in range(X.shape[1] - w + 1)]
        rows.append(torch.stack(row))
    return torch.stack(rows)


@right("conv2d", "conv2d", style="a loop over rows, each a matrix product with the flat kernel")
def row_by_row(X: Tensor, K: Tensor) -> Tensor:
    h, w = K.shape
    dtype = torch.result_type(X, K)
    X, K = X.to(dtype), K.to(dtype)
    bands = (X[i : i + h].unfold(1, w, 1) for i in range(X.shape[0] - h + 1))
    return torch.stack([band.transpose(0, 1).reshape(-1, h * w) @ K.reshape(-1) for band in bands])


@right("conv2d", "conv2d", style="einsum over unfolded windows")
def einsum_windows(X: Tensor, K: Tensor) -> Tensor:
    dtype = torch.result_type(X, K)
    windows = X.to(dtype).unfold(0, K.shape[0], 1).unfold(1, K.shape[1], 1)
    return torch.einsum("ijab,ab->ij", windows, K.to(dtype))


@right("conv2d", "conv2d", style="windows by as_strided")
def strided_windows(X: Tensor, K: Tensor) -> Tensor:
    X = X.contiguous()
    (H, W), (h, w) = X.shape, K.shape
    windows = X.as_strided((H - h + 1, W - w + 1, h, w), (W, 1, W, 1))
    return (windows * K).sum((2, 3))


@right("conv2d", "conv2d", style="as_strided with the strides of the view")
def strided_view(X: Tensor, K: Tensor) -> Tensor:
    size = [X.size(0) - K.size(0) + 1, X.size(1) - K.size(1) + 1, *K.shape]
    windows = torch.as_strided(X, size, X.stride() * 2, X.storage_offset())
    return windows.mul(K).flatten(2).sum(-1)


@right("conv2d", "conv2d", style="shift and add")
def shift_and_add(X: Tensor, K: Tensor) -> Tensor:
    h, w = K.shape
    oh, ow = X.shape[0] - h + 1, X.shape[1] - w + 1
    dtype = torch.result_type(X, K)
    X, K = X.to(dtype), K.to(dtype)  # a single number of K would not promote X
    Y = torch.zeros(oh, ow, dtype=dtype, device=X.device)
    for a, b in itertools.product(range(h), range(w)):
        Y += K[a, b] * X[a : a + oh, b : b + ow]
    return Y


@right("conv2d", "conv2d", style="a sum of shifted images by Python's sum")
def sum_of_shifts(X: Tensor, K: Tensor) -> Tensor:
    dtype = torch.result_type(X, K)
    X, K = X.to(dtype), K.to(dtype)
    oh, ow = X.shape[0] - K.shape[0] + 1, X.shape[1] - K.shape[1] + 1
    shifted = [X[a : a + oh, b : b + ow] * K[a, b] for a in range(K.shape[0]) for b in range(K.shape[1])]
    return torch.stack(shifted).sum(0)


@right("conv2d", "conv2d", style="FFT in the dtype of the result")
def fourier(X: Tensor, K: Tensor) -> Tensor:
    dtype = torch.result_type(X, K)
    X, K = X.to(dtype), K.to(dtype)
    spectrum = torch.fft.rfft2(X) * torch.fft.rfft2(K, s=X.shape).conj()
    Y = torch.fft.irfft2(spectrum, s=X.shape)
    return Y[: X.shape[0] - K.shape[0] + 1, : X.shape[1] - K.shape[1] + 1]  # type: ignore[no-any-return]


@right("conv2d", "conv2d", style="FFT in float64, padded to powers of two, the kernel flipped")
def fourier_in_double(X: Tensor, K: Tensor) -> Tensor:
    (H, W), (h, w) = X.shape, K.shape
    size = [2 ** math.ceil(math.log2(n + k)) for n, k in zip(X.shape, K.shape, strict=True)]
    flipped = K.double().flip(0, 1)
    full = torch.fft.ifft2(torch.fft.fft2(X.double(), s=size) * torch.fft.fft2(flipped, s=size)).real
    return full[h - 1 : H, w - 1 : W].to(torch.result_type(X, K))  # type: ignore[no-any-return]


@right("conv2d", "conv2d", style="F.unfold and a matrix product")
def unfold_and_matmul(X: Tensor, K: Tensor) -> Tensor:
    dtype = torch.result_type(X, K)
    columns = F.unfold(X.to(dtype)[None, None], tuple(K.shape))
    Y = K.to(dtype).reshape(1, -1) @ columns[0]
    return Y.reshape(X.shape[0] - K.shape[0] + 1, -1)


@right("conv2d", "conv2d", style="vmap over the places of a window")
def mapped(X: Tensor, K: Tensor) -> Tensor:
    h, w = K.shape
    oh, ow = X.shape[0] - h + 1, X.shape[1] - w + 1
    rows, columns = torch.arange(h, device=X.device), torch.arange(w, device=X.device)

    def at(i: Tensor, j: Tensor) -> Tensor:
        return (X[(i + rows)[:, None], (j + columns)[None, :]] * K).sum()

    over_columns = torch.vmap(at, in_dims=(None, 0))
    everywhere = torch.vmap(over_columns, in_dims=(0, None))
    return everywhere(torch.arange(oh, device=X.device), torch.arange(ow, device=X.device))


@right("conv2d", "conv2d", style="index tables")
def index_tables(X: Tensor, K: Tensor) -> Tensor:
    (H, W), (h, w) = X.shape, K.shape
    starts = torch.arange(H - h + 1)[:, None] * W + torch.arange(W - w + 1)
    offsets = torch.arange(h)[:, None] * W + torch.arange(w)
    places = (starts[:, :, None, None] + offsets).to(X.device)
    return (X.reshape(-1)[places] * K).sum(dim=(-1, -2))


@right("conv2d", "conv2d", style="two Toeplitz factors, one row of the kernel at a time")
def toeplitz_bands(X: Tensor, K: Tensor) -> Tensor:
    dtype = torch.result_type(X, K)
    X, K = X.to(dtype), K.to(dtype)
    (H, W), (h, w) = X.shape, K.shape
    total = X.new_zeros(H - h + 1, W - w + 1)
    for a in range(h):
        band = X.new_zeros(W, W - w + 1)
        for b in range(w):
            band = band + torch.diag(K[a, b].expand(W), 0)[:, : W - w + 1].roll(b, 0)
        total = total + X[a : a + H - h + 1] @ band
    return total


@right("conv2d", "conv2d", style="loops in float64, rounded once at the end")
def loops_in_double(X: Tensor, K: Tensor) -> Tensor:
    h, w = K.shape
    rows = [
        [(X[i : i + h, j : j + w].double() * K.double()).sum() for j in range(X.shape[1] - w + 1)]
        for i in range(X.shape[0] - h + 1)
    ]
    return torch.stack([torch.stack(row) for row in rows]).to(torch.result_type(X, K))


@right("conv2d", "conv2d", style="tensordot over windows")
def tensordot_windows(X: Tensor, K: Tensor) -> Tensor:
    dtype = torch.promote_types(X.dtype, K.dtype)
    windows = X.to(dtype).unfold(0, K.size(0), 1).unfold(1, K.size(1), 1)
    return torch.tensordot(windows, K.to(dtype), dims=2)  # type: ignore[no-any-return]


# ------------------------------------------------------------------------------------------------- Conv2D


@right("conv2d", "Conv2D", style="Parameters in __init__, the loops in forward")
class LoopsInForward(nn.Module):
    def __init__(self, kernel_size: Size) -> None:
        super().__init__()
        size = (kernel_size, kernel_size) if isinstance(kernel_size, int) else tuple(kernel_size)
        self.weight = nn.Parameter(torch.rand(size))
        self.bias = nn.Parameter(torch.zeros(1))

    def forward(self, X: Tensor) -> Tensor:
        return two_loops(X, self.weight) + self.bias


@right("conv2d", "Conv2D", style="register_parameter, bias first")
class Registered(nn.Module):
    weight: nn.Parameter
    bias: nn.Parameter

    def __init__(self, kernel_size: Size) -> None:
        super().__init__()
        if isinstance(kernel_size, int):
            kernel_size = (kernel_size,) * 2
        self.register_parameter("bias", nn.Parameter(torch.tensor([0.0])))
        self.register_parameter("weight", nn.Parameter(torch.rand(*kernel_size)))

    def forward(self, X: Tensor) -> Tensor:
        return self.bias + einsum_windows(X, self.weight)


@right("conv2d", "Conv2D", style="empty parameters filled by init")
class Filled(nn.Module):
    weight: nn.Parameter
    bias: nn.Parameter

    def __init__(self, kernel_size: Size) -> None:
        super().__init__()
        h, w = kernel_size if isinstance(kernel_size, (tuple, list)) else (kernel_size, kernel_size)
        self.weight = nn.Parameter(torch.empty(h, w))
        self.bias = nn.Parameter(torch.empty(1))
        self.reset_parameters()

    def reset_parameters(self) -> None:
        nn.init.uniform_(self.weight)
        nn.init.zeros_(self.bias)

    def forward(self, X: Tensor) -> Tensor:
        return shift_and_add(X, self.weight).add(self.bias)


# -------------------------------------------------------------------------------------------- output_size


@right("conv2d", "output_size", style="PyTorch's formula")
def by_formula(n: int, kernel: int, stride: int = 1, padding: int = 0, dilation: int = 1) -> int:
    return (n + 2 * padding - dilation * (kernel - 1) - 1) // stride + 1


@right("conv2d", "output_size", style="counting the places")
def by_counting(n: int, kernel: int, stride: int = 1, padding: int = 0, dilation: int = 1) -> int:
    last = (kernel - 1) * dilation
    return len([start for start in range(0, n + 2 * padding, stride) if start + last < n + 2 * padding])


@right("conv2d", "output_size", style="math.floor of the quotient")
def by_floor(n: int, kernel: int, stride: int = 1, padding: int = 0, dilation: int = 1) -> int:
    return math.floor((n + 2 * padding - (dilation * (kernel - 1) + 1)) / stride + 1)


@right("conv2d", "output_size", style="the length of a range")
def by_range(n: int, kernel: int, stride: int = 1, padding: int = 0, dilation: int = 1) -> int:
    return len(range(-padding, n + padding - dilation * (kernel - 1), stride))


# -------------------------------------------------------------------------------------- conv2d_vectorized

right("conv2d", "conv2d_vectorized", style="einsum over unfolded windows")(einsum_windows)
right("conv2d", "conv2d_vectorized", style="shift and add")(shift_and_add)
right("conv2d", "conv2d_vectorized", style="windows by as_strided")(strided_windows)
right("conv2d", "conv2d_vectorized", style="F.unfold and a matrix product")(unfold_and_matmul)
right("conv2d", "conv2d_vectorized", style="FFT in the dtype of the result")(fourier)
right("conv2d", "conv2d_vectorized", style="vmap over the places of a window")(mapped)
right("conv2d", "conv2d_vectorized", style="index tables")(index_tables)
right("conv2d", "conv2d_vectorized", style="tensordot over windows")(tensordot_windows)


# ---------------------------------------------------------------------------------------- conv2d_backward


@right("conv2d", "conv2d_backward", style="loops over kernel taps")
def backward_by_taps(grad_Y: Tensor, X: Tensor, K: Tensor) -> tuple[Tensor, Tensor]:
    dtype, (oh, ow) = torch.result_type(X, K), grad_Y.shape
    grad_X = torch.zeros_like(X, dtype=dtype)
    grad_K = torch.zeros_like(K, dtype=dtype)
    for a in range(K.shape[0]):
        for b in range(K.shape[1]):
            grad_X[a : a + oh, b : b + ow] += grad_Y * K[a, b]
            grad_K[a, b] = (grad_Y * X[a : a + oh, b : b + ow]).sum()
    return grad_X, grad_K


@right("conv2d", "conv2d_backward", style="two convolutions, one with padding and the flipped kernel")
def backward_by_convolutions(grad_Y: Tensor, X: Tensor, K: Tensor) -> tuple[Tensor, Tensor]:
    h, w = K.shape
    dtype = torch.result_type(X, K)
    grad_Y = grad_Y.to(dtype)
    framed = F.pad(grad_Y, (w - 1, w - 1, h - 1, h - 1))
    return einsum_windows(framed, K.flip(0, 1)), einsum_windows(X, grad_Y)


@right("conv2d", "conv2d_backward", style="F.unfold and F.fold")
def backward_by_fold(grad_Y: Tensor, X: Tensor, K: Tensor) -> tuple[Tensor, Tensor]:
    dtype = torch.result_type(X, K)
    columns = F.unfold(X.to(dtype)[None, None], tuple(K.shape))[0]
    above = grad_Y.to(dtype).reshape(1, -1)
    spread = K.to(dtype).reshape(-1, 1) @ above
    grad_X = F.fold(spread[None], tuple(X.shape), tuple(K.shape))[0, 0]
    return grad_X, (above @ columns.T).reshape(K.shape)


@right("conv2d", "conv2d_backward", style="the matrix and its transpose")
def backward_by_matrix(grad_Y: Tensor, X: Tensor, K: Tensor) -> tuple[Tensor, Tensor]:
    dtype = torch.result_type(X, K)
    M = matrix_by_places(K.to(dtype), (X.shape[0], X.shape[1]))
    grad_X = (M.T @ grad_Y.to(dtype).flatten()).reshape(X.shape)
    return grad_X, strided_windows(X.to(dtype), grad_Y.to(dtype))


# ------------------------------------------------------------------------------------------ conv2d_matrix


@right("conv2d", "conv2d_matrix", style="one number at a time")
def matrix_by_places(K: Tensor, input_size: Size) -> Tensor:
    H, W = (input_size, input_size) if isinstance(input_size, int) else input_size
    oh, ow = H - K.shape[0] + 1, W - K.shape[1] + 1
    M = torch.zeros(oh * ow, H * W, dtype=K.dtype, device=K.device)
    for i, j, a, b in itertools.product(range(oh), range(ow), range(K.shape[0]), range(K.shape[1])):
        M[i * ow + j, (i + a) * W + j + b] = K[a, b]
    return M


@right("conv2d", "conv2d_matrix", style="convolving every picture with a single one")
def matrix_by_pictures(K: Tensor, input_size: Size) -> Tensor:
    H, W = (input_size, input_size) if isinstance(input_size, int) else input_size
    pictures = torch.eye(H * W, dtype=K.dtype, device=K.device).reshape(-1, H, W)
    return torch.stack([shift_and_add(picture, K).flatten() for picture in pictures], dim=1)


@right("conv2d", "conv2d_matrix", style="the kernel padded to the image and rolled")
def matrix_by_rolling(K: Tensor, input_size: Size) -> Tensor:
    H, W = (input_size, input_size) if isinstance(input_size, int) else input_size
    h, w = K.shape
    first = F.pad(K, (0, W - w, 0, H - h)).flatten()
    return torch.stack([first.roll(i * W + j) for i in range(H - h + 1) for j in range(W - w + 1)])
