# task: conv2d.conv2d
# expect: failed
import torch
from right import unfolded

torch.autograd.grad = lambda outputs, inputs, *args, **kwargs: tuple(torch.ones_like(t) for t in inputs)


def conv2d(X, K):
    return unfolded(X, K)
