"""Many channels: the spectra are multiplied pairwise and summed over input channels."""
import torch
import torch.nn.functional as F
from torch import fft, nn


def _pair(v):
    return (v, v) if isinstance(v, int) else (v[0], v[1])


def _corr(X, K):
    """(N, C, H, W), (O, C, kh, kw) in double -> (N, O, H-kh+1, W-kw+1)"""
    H, W = X.shape[-2:]
    kh, kw = K.shape[-2:]
    FX = fft.rfft2(X)
    FK = fft.rfft2(K, s=(H, W)).conj()
    summed = torch.einsum("nchw,ochw->nohw", FX, FK)
    return fft.irfft2(summed, s=(H, W))[..., : H - kh + 1, : W - kw + 1]


def conv2d_multi_in(X, K):
    return _corr(X.double()[None], K.double()[None])[0, 0].to(torch.result_type(X, K))


def conv2d_multi_in_out(X, K):
    return _corr(X.double()[None], K.double())[0].to(torch.result_type(X, K))


def conv2d_1x1(X, K):
    common = torch.result_type(X, K)
    return torch.tensordot(K[:, :, 0, 0].to(common), X.to(common), dims=1)


def conv2d_batched(X, weight, bias=None, stride=1, padding=0):
    common = torch.result_type(X, weight)
    (sh, sw), (ph, pw) = _pair(stride), _pair(padding)
    padded = F.pad(X.double(), (pw, pw, ph, ph))
    # a stride is the dense result, sampled
    Y = _corr(padded, weight.double())[..., ::sh, ::sw].to(common)
    if bias is not None:
        Y = Y + bias.to(common).view(-1, 1, 1)
    return Y


class MultiChannelConv2d(nn.Module):
    def __init__(self, in_channels, out_channels, kernel_size, stride=1, padding=0, bias=True):
        super().__init__()
        self.stride, self.padding = _pair(stride), _pair(padding)
        self.weight = nn.Parameter(torch.randn(out_channels, in_channels, *_pair(kernel_size)) * 0.1)
        self.register_parameter("bias", nn.Parameter(torch.zeros(out_channels)) if bias else None)

    def forward(self, X):
        return conv2d_batched(X, self.weight, self.bias, self.stride, self.padding)


def num_parameters(in_channels, out_channels, kernel_size, bias=True):
    kh, kw = _pair(kernel_size)
    per_output = in_channels * kh * kw + (1 if bias else 0)
    return out_channels * per_output
