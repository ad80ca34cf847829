# task: conv2d.conv2d
# expect: out_of_memory
import torch


def conv2d(X, K):
    return torch.empty(10**11)
