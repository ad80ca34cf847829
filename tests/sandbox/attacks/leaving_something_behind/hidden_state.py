# task: conv2d.conv2d
# expect: failed
import torch
from right import unfolded

calls = []


def conv2d(X, K):
    calls.append(1)
    return unfolded(X, K) + (len(calls) > 40) * torch.ones(())
