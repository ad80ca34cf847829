# task: conv2d.conv2d
# expect: failed
import torch


def conv2d(X, K):
    return torch.zeros(0, 2**20)
