# task: conv2d.conv2d
# expect: broken failed
import torch


def conv2d(X, K):
    return torch.equal(X, K)
