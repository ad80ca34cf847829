"""Exercise 3 in other words: channels, batches, strides and paddings."""

from __future__ import annotations

import itertools
import math

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from tests.tasks.right_answers import right

Size = int | tuple[int, int]


def _pair(size: Size) -> tuple[int, int]:
    return (size, size) if isinstance(size, int) else (size[0], size[1])


def _loops(X: Tensor, K: Tensor) -> Tensor:
    h, w = K.shape
    Y = X.new_zeros(X.shape[0] - h + 1, X.shape[1] - w + 1, dtype=torch.result_type(X, K))
    for i in range(Y.shape[0]):
        for j in range(Y.shape[1]):
            Y[i, j] = (X[i : i + h, j : j + w] * K).sum()
    return Y


def _shifts(X: Tensor, K: Tensor) -> Tensor:
    oh, ow = X.shape[0] - K.shape[0] + 1, X.shape[1] - K.shape[1] + 1
    dtype = torch.result_type(X, K)
    X, K = X.to(dtype), K.to(dtype)  # a single number of K would not promote X
    Y = torch.zeros(oh, ow, dtype=dtype, device=X.device)
    for a, b in itertools.product(*map(range, K.shape)):
        Y = Y + X[a : a + oh, b : b + ow] * K[a, b]
    return Y


# ---------------------------------------------------------------------------------------- conv2d_multi_in


@right("multichannel", "conv2d_multi_in", style="a sum over channels by Python's sum")
def sum_of_channels(X: Tensor, K: Tensor) -> Tensor:
    first, *others = (_loops(x, k) for x, k in zip(X, K, strict=True))
    return sum(others, start=first)


@right("multichannel", "conv2d_multi_in", style="channels stacked, then summed")
def stacked_channels(X: Tensor, K: Tensor) -> Tensor:
    return torch.stack([_shifts(X[c], K[c]) for c in range(X.shape[0])]).sum(dim=0)


@right("multichannel", "conv2d_multi_in", style="windows of all channels at once")
def windows_of_channels(X: Tensor, K: Tensor) -> Tensor:
    _, h, w = K.shape
    rows = [
        torch.stack([(X[:, i : i + h, j : j + w] * K).sum() for j in range(X.shape[2] - w + 1)])
        for i in range(X.shape[1] - h + 1)
    ]
    return torch.stack(rows)


@right("multichannel", "conv2d_multi_in", style="einsum over windows")
def einsum_of_channels(X: Tensor, K: Tensor) -> Tensor:
    dtype = torch.result_type(X, K)
    windows = X.to(dtype).unfold(1, K.shape[1], 1).unfold(2, K.shape[2], 1)
    return torch.einsum("cijab,cab->ij", windows, K.to(dtype))


# ------------------------------------------------------------------------------------ conv2d_multi_in_out


@right("multichannel", "conv2d_multi_in_out", style="one kernel group after the other")
def groups_stacked(X: Tensor, K: Tensor) -> Tensor:
    return torch.stack([sum_of_channels(X, k) for k in K], 0)


@right("multichannel", "conv2d_multi_in_out", style="channels in two loops into zeros")
def channels_in_loops(X: Tensor, K: Tensor) -> Tensor:
    c_out, c_in, h, w = K.shape
    Y = torch.zeros(
        c_out, X.shape[1] - h + 1, X.shape[2] - w + 1, dtype=torch.result_type(X, K), device=X.device
    )
    for o in range(c_out):
        for c in range(c_in):
            Y[o] += _shifts(X[c], K[o, c])
    return Y


@right("multichannel", "conv2d_multi_in_out", style="one matrix product for each kernel tap")
def product_for_each_tap(X: Tensor, K: Tensor) -> Tensor:
    dtype = torch.result_type(X, K)
    X, K = X.to(dtype), K.to(dtype)
    oh, ow = X.shape[1] - K.shape[2] + 1, X.shape[2] - K.shape[3] + 1
    Y = X.new_zeros(K.shape[0], oh * ow)
    for a in range(K.shape[2]):
        for b in range(K.shape[3]):
            Y = Y + K[:, :, a, b] @ X[:, a : a + oh, b : b + ow].reshape(X.shape[0], -1)
    return Y.view(-1, oh, ow)


@right("multichannel", "conv2d_multi_in_out", style="tensordot over windows")
def tensordot_of_windows(X: Tensor, K: Tensor) -> Tensor:
    dtype = torch.result_type(X, K)
    windows = X.to(dtype).unfold(1, K.shape[2], 1).unfold(2, K.shape[3], 1)
    return torch.tensordot(K.to(dtype), windows, dims=([1, 2, 3], [0, 3, 4]))  # type: ignore[no-any-return]


@right("multichannel", "conv2d_multi_in_out", style="vmap over output channels")
def mapped_over_outputs(X: Tensor, K: Tensor) -> Tensor:
    return torch.vmap(lambda k: einsum_of_channels(X, k))(K)


# --------------------------------------------------------------------------------------------- conv2d_1x1


@right("multichannel", "conv2d_1x1", style="matmul")
def mixed_by_matmul(X: Tensor, K: Tensor) -> Tensor:
    dtype = torch.result_type(X, K)
    Y = torch.matmul(K.to(dtype).flatten(1), X.to(dtype).flatten(1))
    return Y.reshape(K.shape[0], *X.shape[1:])


@right("multichannel", "conv2d_1x1", style="einsum")
def mixed_by_einsum(X: Tensor, K: Tensor) -> Tensor:
    dtype = torch.result_type(X, K)
    return torch.einsum("oc,chw->ohw", K[:, :, 0, 0].to(dtype), X.to(dtype))


@right("multichannel", "conv2d_1x1", style="tensordot")
def mixed_by_tensordot(X: Tensor, K: Tensor) -> Tensor:
    dtype = torch.result_type(X, K)
    return torch.tensordot(K.squeeze(-1).squeeze(-1).to(dtype), X.to(dtype), dims=1)  # type: ignore[no-any-return]


@right("multichannel", "conv2d_1x1", style="F.linear with channels last")
def mixed_by_linear(X: Tensor, K: Tensor) -> Tensor:
    dtype = torch.result_type(X, K)
    return F.linear(X.to(dtype).permute(1, 2, 0), K.to(dtype)[..., 0, 0]).permute(2, 0, 1)


@right("multichannel", "conv2d_1x1", style="broadcast product and sum")
def mixed_by_broadcast(X: Tensor, K: Tensor) -> Tensor:
    return (K * X.unsqueeze(0)).sum(dim=1)


# ----------------------------------------------------------------------------------------- conv2d_batched


@right("multichannel", "conv2d_batched", style="loops over the places of the window")
def batch_by_places(
    X: Tensor, weight: Tensor, bias: Tensor | None = None, stride: Size = 1, padding: Size = 0
) -> Tensor:
    (sh, sw), (ph, pw) = _pair(stride), _pair(padding)
    X = F.pad(X, (pw, pw, ph, ph))
    n, o, h, w = X.shape[0], *(weight.shape[k] for k in (0, 2, 3))
    oh, ow = (X.shape[2] - h) // sh + 1, (X.shape[3] - w) // sw + 1
    Y = torch.zeros(n, o, oh, ow, dtype=torch.result_type(X, weight), device=X.device)
    for i in range(oh):
        for j in range(ow):
            window = X[:, None, :, i * sh : i * sh + h, j * sw : j * sw + w]
            Y[:, :, i, j] = (window * weight).sum(dim=(2, 3, 4))
    return Y if bias is None else Y + bias[None, :, None, None]


@right("multichannel", "conv2d_batched", style="einsum over unfolded windows")
def batch_by_einsum(
    X: Tensor, weight: Tensor, bias: Tensor | None = None, stride: Size = 1, padding: Size = 0
) -> Tensor:
    dtype = torch.result_type(X, weight)
    (sh, sw), (ph, pw) = _pair(stride), _pair(padding)
    framed = F.pad(X.to(dtype), (pw, pw, ph, ph))
    windows = framed.unfold(2, weight.shape[2], sh).unfold(3, weight.shape[3], sw)
    Y = torch.einsum("ncijab,ocab->noij", windows, weight.to(dtype))
    if bias is not None:
        Y = Y + bias.reshape(-1, 1, 1)
    return Y


@right("multichannel", "conv2d_batched", style="shift and add with strided slices")
def batch_by_shifts(
    X: Tensor, weight: Tensor, bias: Tensor | None = None, stride: Size = 1, padding: Size = 0
) -> Tensor:
    dtype = torch.result_type(X, weight)
    (sh, sw), (ph, pw), (o, c, h, w) = _pair(stride), _pair(padding), weight.shape
    n, _, H, W = X.shape
    framed = torch.zeros(n, c, H + 2 * ph, W + 2 * pw, dtype=dtype, device=X.device)
    framed[:, :, ph : ph + H, pw : pw + W] = X
    oh, ow = (H + 2 * ph - h) // sh + 1, (W + 2 * pw - w) // sw + 1
    Y = framed.new_zeros(n, o, oh, ow)
    for a, b in itertools.product(range(h), range(w)):
        piece = framed[:, :, a : a + (oh - 1) * sh + 1 : sh, b : b + (ow - 1) * sw + 1 : sw]
        Y = Y + (weight[:, :, a, b].to(dtype) @ piece.reshape(n, c, -1)).reshape(n, o, oh, ow)
    return Y + (0 if bias is None else bias.view(1, -1, 1, 1))


@right("multichannel", "conv2d_batched", style="all windows at stride 1, then every s-th")
def batch_by_thinning(
    X: Tensor, weight: Tensor, bias: Tensor | None = None, stride: Size = 1, padding: Size = 0
) -> Tensor:
    ph, pw = _pair(padding)
    framed = F.pad(X, (pw, pw, ph, ph))
    full = torch.stack([tensordot_of_windows(image, weight) for image in framed])
    Y = full[:, :, :: _pair(stride)[0], :: _pair(stride)[1]]
    return Y if bias is None else Y + bias[:, None, None]


@right("multichannel", "conv2d_batched", style="FFT in float64")
def batch_by_fourier(
    X: Tensor, weight: Tensor, bias: Tensor | None = None, stride: Size = 1, padding: Size = 0
) -> Tensor:
    (sh, sw), (ph, pw) = _pair(stride), _pair(padding)
    framed = F.pad(X.double(), (pw, pw, ph, ph))
    size = framed.shape[2:]
    spectrum = torch.einsum(
        "nchw,ochw->nohw", torch.fft.rfft2(framed), torch.fft.rfft2(weight.double(), s=size).conj()
    )
    full = torch.fft.irfft2(spectrum, s=size)
    Y = full[..., : size[0] - weight.shape[2] + 1 : sh, : size[1] - weight.shape[3] + 1 : sw]
    Y = Y if bias is None else Y + bias.double().reshape(1, -1, 1, 1)
    return Y.to(torch.result_type(X, weight))  # type: ignore[no-any-return]


@right("multichannel", "conv2d_batched", style="FFT in the dtype of the result")
def batch_by_plain_fourier(
    X: Tensor, weight: Tensor, bias: Tensor | None = None, stride: Size = 1, padding: Size = 0
) -> Tensor:
    dtype = torch.result_type(X, weight)
    (sh, sw), (ph, pw) = _pair(stride), _pair(padding)
    framed = F.pad(X.to(dtype), (pw, pw, ph, ph))
    H, W = size = framed.shape[2:]
    images, kernels = torch.fft.rfft2(framed), torch.fft.rfft2(weight.to(dtype), s=size)
    full = torch.fft.irfft2((images[:, None] * kernels.conj()).sum(2), s=size)
    Y = full[..., : H - weight.shape[2] + 1 : sh, : W - weight.shape[3] + 1 : sw]
    return Y if bias is None else Y + bias.reshape(1, -1, 1, 1)  # type: ignore[no-any-return]


# ------------------------------------------------------------------------------------- MultiChannelConv2d


class _Layer(nn.Module):
    bias: nn.Parameter | None
    weight: nn.Parameter

    def __init__(self, stride: Size, padding: Size) -> None:
        super().__init__()
        self.stride, self.padding = stride, padding

    def forward(self, X: Tensor) -> Tensor:
        return batch_by_einsum(X, self.weight, self.bias, self.stride, self.padding)


@right("multichannel", "MultiChannelConv2d", style="normally distributed weights, zero bias")
class NormalLayer(_Layer):
    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel_size: Size,
        stride: Size = 1,
        padding: Size = 0,
        bias: bool = True,
    ) -> None:
        super().__init__(stride, padding)
        self.weight = nn.Parameter(torch.randn(out_channels, in_channels, *_pair(kernel_size)))
        self.bias = nn.Parameter(torch.zeros(out_channels)) if bias else None


@right("multichannel", "MultiChannelConv2d", style="as nn.Conv2d, Kaiming-uniform, register_parameter")
class TorchLikeLayer(_Layer):
    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel_size: Size,
        stride: Size = 1,
        padding: Size = 0,
        bias: bool = True,
    ) -> None:
        super().__init__(_pair(stride), _pair(padding))
        self.weight = nn.Parameter(torch.empty((out_channels, in_channels, *_pair(kernel_size))))
        nn.init.kaiming_uniform_(self.weight, a=math.sqrt(5))
        if bias:
            edge = 1 / math.sqrt(self.weight[0].numel())
            self.bias = nn.Parameter(torch.empty(out_channels).uniform_(-edge, edge))
        else:
            self.register_parameter("bias", None)


@right("multichannel", "MultiChannelConv2d", style="torch.rand, no attribute bias without a bias")
class UniformLayer(nn.Module):
    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel_size: Size,
        stride: Size = 1,
        padding: Size = 0,
        bias: bool = True,
    ) -> None:
        super().__init__()
        h, w = _pair(kernel_size)
        self.settings = {"stride": stride, "padding": padding}
        self.weight = nn.Parameter(torch.rand(out_channels, in_channels, h, w) * 0.1)
        if bias:
            self.bias = nn.Parameter(torch.zeros(out_channels))

    def forward(self, X: Tensor) -> Tensor:
        return batch_by_shifts(X, self.weight, getattr(self, "bias", None), **self.settings)


# ----------------------------------------------------------------------------------------- num_parameters


@right("multichannel", "num_parameters", style="a product and a sum")
def counted(in_channels: int, out_channels: int, kernel_size: Size, bias: bool = True) -> int:
    h, w = _pair(kernel_size)
    return out_channels * (in_channels * h * w + bias)


@right("multichannel", "num_parameters", style="counting those of a layer")
def counted_by_layer(in_channels: int, out_channels: int, kernel_size: Size, bias: bool = True) -> int:
    layer = NormalLayer(in_channels, out_channels, kernel_size, bias=bias)
    return sum(parameter.numel() for parameter in layer.parameters())


# ----------------------------------------------------------------------------------------- conv2d_general


@right("multichannel", "conv2d_general", style="windows by as_strided, groups by einsum")
def general_by_strides(
    X: Tensor,
    weight: Tensor,
    bias: Tensor | None = None,
    stride: Size = 1,
    padding: Size = 0,
    dilation: Size = 1,
    groups: int = 1,
) -> Tensor:
    dtype = torch.result_type(X, weight)
    (sh, sw), (ph, pw), (dh, dw) = map(_pair, (stride, padding, dilation))
    o, c, h, w = weight.shape
    X = F.pad(X.to(dtype), (pw, pw, ph, ph)).contiguous()
    n, _, H, W = X.shape
    oh, ow = (H - dh * (h - 1) - 1) // sh + 1, (W - dw * (w - 1) - 1) // sw + 1
    tn, tc, th, tw = X.stride()
    size = (n, groups, c, oh, ow, h, w)
    windows = X.as_strided(size, (tn, c * tc, tc, sh * th, sw * tw, dh * th, dw * tw))
    kernels = weight.to(dtype).reshape(groups, o // groups, c, h, w)
    Y = torch.einsum("ngcijab,gocab->ngoij", windows, kernels).reshape(n, o, oh, ow)
    return Y if bias is None else Y + bias[:, None, None]


@right("multichannel", "conv2d_general", style="a kernel with holes, group by group")
def general_by_holes(
    X: Tensor,
    weight: Tensor,
    bias: Tensor | None = None,
    stride: Size = 1,
    padding: Size = 0,
    dilation: Size = 1,
    groups: int = 1,
) -> Tensor:
    dh, dw = _pair(dilation)
    o, c, h, w = weight.shape
    holes = weight.new_zeros(o, c, dh * (h - 1) + 1, dw * (w - 1) + 1)
    holes[:, :, ::dh, ::dw] = weight
    parts = zip(X.split(c, dim=1), holes.split(o // groups), strict=True)
    Y = torch.cat([batch_by_shifts(x, k, None, stride, padding) for x, k in parts], dim=1)
    return Y if bias is None else Y + bias.reshape(1, o, 1, 1)


@right("multichannel", "conv2d_general", style="loops over groups, channels and taps")
def general_by_loops(
    X: Tensor,
    weight: Tensor,
    bias: Tensor | None = None,
    stride: Size = 1,
    padding: Size = 0,
    dilation: Size = 1,
    groups: int = 1,
) -> Tensor:
    (sh, sw), (ph, pw), (dh, dw) = map(_pair, (stride, padding, dilation))
    dtype = torch.result_type(X, weight)
    X, weight = F.pad(X.to(dtype), (pw, pw, ph, ph)), weight.to(dtype)
    o, c, h, w = weight.shape
    oh, ow = (X.shape[2] - dh * (h - 1) - 1) // sh + 1, (X.shape[3] - dw * (w - 1) - 1) // sw + 1
    outputs = []
    for out in range(o):
        total = torch.zeros(X.shape[0], oh, ow, dtype=dtype, device=X.device)
        for channel, a, b in itertools.product(range(c), range(h), range(w)):
            image = X[:, out // (o // groups) * c + channel, a * dh :, b * dw :]
            total = total + weight[out, channel, a, b] * image[:, ::sh, ::sw][:, :oh, :ow]
        outputs.append(total if bias is None else total + bias[out])
    return torch.stack(outputs, dim=1)


@right("multichannel", "conv2d_general", style="F.unfold with dilation, groups in a batched product")
def general_by_unfold(
    X: Tensor,
    weight: Tensor,
    bias: Tensor | None = None,
    stride: Size = 1,
    padding: Size = 0,
    dilation: Size = 1,
    groups: int = 1,
) -> Tensor:
    dtype = torch.result_type(X, weight)
    (sh, _), (ph, _), (dh, _), (o, c, h, w) = _pair(stride), _pair(padding), _pair(dilation), weight.shape
    columns = F.unfold(X.to(dtype), (h, w), dilation, padding, stride)
    columns = columns.reshape(X.shape[0], groups, c * h * w, -1)
    Y = weight.to(dtype).reshape(groups, o // groups, c * h * w) @ columns
    oh = (X.shape[2] + 2 * ph - dh * (h - 1) - 1) // sh + 1
    Y = Y.reshape(X.shape[0], o, oh, -1)
    return Y if bias is None else Y + bias.view(-1, 1, 1)


# ------------------------------------------------------------------------------------------ conv2d_im2col


@right("multichannel", "conv2d_im2col", style="F.unfold and matmul")
def im2col_by_unfold(
    X: Tensor, weight: Tensor, bias: Tensor | None = None, stride: Size = 1, padding: Size = 0
) -> Tensor:
    dtype = torch.result_type(X, weight)
    columns = F.unfold(X.to(dtype), weight.shape[2:], padding=padding, stride=stride)
    Y = weight.to(dtype).flatten(1) @ columns
    if bias is not None:
        Y = Y + bias[:, None]
    rows = (X.shape[2] + 2 * _pair(padding)[0] - weight.shape[2]) // _pair(stride)[0] + 1
    return Y.unflatten(2, (rows, -1))  # type: ignore[no-any-return]


@right("multichannel", "conv2d_im2col", style="index tables and addmm")
def im2col_by_tables(
    X: Tensor, weight: Tensor, bias: Tensor | None = None, stride: Size = 1, padding: Size = 0
) -> Tensor:
    dtype = torch.result_type(X, weight)
    (sh, sw), (ph, pw), (o, _, h, w) = _pair(stride), _pair(padding), weight.shape
    X = F.pad(X.to(dtype), (pw, pw, ph, ph))
    n, _, H, W = X.shape
    oh, ow = (H - h) // sh + 1, (W - w) // sw + 1
    rows = (torch.arange(oh) * sh)[:, None, None, None] + torch.arange(h)[:, None]
    columns = (torch.arange(ow) * sw)[:, None, None] + torch.arange(w)
    windows = X[:, :, rows, columns]  # (n, c, oh, ow, h, w)
    matrix = windows.permute(0, 2, 3, 1, 4, 5).reshape(n * oh * ow, -1)
    start = torch.zeros(o, dtype=dtype, device=X.device) if bias is None else bias.to(dtype)
    return torch.addmm(start, matrix, weight.to(dtype).flatten(1).T).reshape(n, oh, ow, o).permute(0, 3, 1, 2)


@right("multichannel", "conv2d_im2col", style="windows by unfold, F.linear")
def im2col_by_linear(
    X: Tensor, weight: Tensor, bias: Tensor | None = None, stride: Size = 1, padding: Size = 0
) -> Tensor:
    dtype = torch.result_type(X, weight)
    (sh, sw), (ph, pw), (_, _, h, w) = _pair(stride), _pair(padding), weight.shape
    windows = F.pad(X.to(dtype), (pw, pw, ph, ph)).unfold(2, h, sh).unfold(3, w, sw)
    flat = windows.permute(0, 2, 3, 1, 4, 5).flatten(3)
    Y = F.linear(flat, weight.to(dtype).flatten(1), None if bias is None else bias.to(dtype))
    return Y.movedim(3, 1)
