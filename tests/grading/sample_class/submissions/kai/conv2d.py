from torch import nn
import torch


# Kai B.   I prefer to write down the indices once and let torch gather.

def _index(n, k, device):
    """(n - k + 1, k): which positions every window covers"""
    start = torch.arange(n - k + 1, device=device).unsqueeze(1)
    return start + torch.arange(k, device=device)


def conv2d(X, K):
    common = torch.result_type(X, K)
    rows = _index(X.shape[0], K.shape[0], X.device)
    cols = _index(X.shape[1], K.shape[1], X.device)
    windows = X[rows[:, None, :, None], cols[None, :, None, :]]     # oh ow kh kw
    return (windows.to(common) * K.to(common)).sum((-2, -1))


conv2d_vectorized = conv2d


class Conv2D(nn.Module):
    def __init__(self, kernel_size):
        super(Conv2D, self).__init__()
        kh, kw = [kernel_size] * 2 if isinstance(kernel_size, int) else kernel_size
        self.weight = nn.Parameter(torch.rand((kh, kw)))
        self.bias = nn.Parameter(torch.zeros((1,)))

    def forward(self, X):
        Y = conv2d(X, self.weight)
        return Y + self.bias


def output_size(n, kernel, stride=1, padding=0, dilation=1):
    last_start = n + 2 * padding - (kernel - 1) * dilation - 1
    return 1 + last_start // stride
