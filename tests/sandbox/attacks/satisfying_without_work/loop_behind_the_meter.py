# task: conv2d.conv2d_vectorized
# expect: failed broken
import sys

import torch
from right import conv2d


def conv2d_vectorized(X, K):
    sys.settrace(None)
    with torch.utils._python_dispatch._disable_current_modes():
        return conv2d(X, K)
