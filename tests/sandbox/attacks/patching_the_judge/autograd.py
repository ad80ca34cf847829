# task: conv2d.conv2d
# expect: failed
import torch
from right import unfolded


def patched():
    torch.autograd.grad = lambda outputs, inputs, *args, **kwargs: tuple(torch.ones_like(t) for t in inputs)


PATCHED = patched()


def conv2d(X, K):
    return PATCHED or unfolded(X, K)
