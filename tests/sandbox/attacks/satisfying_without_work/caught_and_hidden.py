# task: conv2d.conv2d
# expect: forbidden
from right import unfolded
from torch.nn import functional as F


def conv2d(X, K):
    try:
        return F.conv2d(X[None, None], K[None, None])[0, 0]
    except Exception:
        return unfolded(X, K)
