# task: conv2d.conv2d
# expect: forbidden broken
import torch
import torchvision


def conv2d(X, K):
    shape = (X.shape[0] - K.shape[0] + 1, X.shape[1] - K.shape[1] + 1)
    offset = torch.zeros(1, 2 * K.numel(), *shape)
    return torchvision.ops.deform_conv2d(X[None, None], offset, K[None, None])[0, 0]
