# task: conv2d.conv2d
# expect: failed
import torch
from right import unfolded


def conv2d(X, K):
    torch.set_default_dtype(torch.float64)
    torch.set_grad_enabled(False)
    return unfolded(X, K)
