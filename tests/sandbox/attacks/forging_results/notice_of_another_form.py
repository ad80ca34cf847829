# task: conv2d.conv2d
# expect: crashed
import os

from right import unfolded
from torch.nn import functional as F


def conv2d(X, K):
    os.write(0, b"\n" * 65_536)  # leaves no room for what a refusal has to say
    try:
        F.conv2d(X[None, None], K[None, None])
    except RuntimeError:
        pass
    return unfolded(X, K)
