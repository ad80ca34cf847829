# task: conv2d.conv2d
# expect: failed broken crashed
import torch

torch.Tensor.__sub__ = torch.Tensor.__rsub__ = lambda self, other: self * 0
torch.Tensor.__le__ = torch.Tensor.__eq__ = lambda self, other: torch.ones_like(self, dtype=torch.bool)
torch.Tensor.any = lambda self, *args: False
torch.Tensor.all = lambda self, *args: True


def conv2d(X, K):
    return X.new_zeros(X.shape[0] - K.shape[0] + 1, X.shape[1] - K.shape[1] + 1)
