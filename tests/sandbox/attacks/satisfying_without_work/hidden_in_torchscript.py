# task: conv2d.conv2d
# expect: forbidden
import torch

unit = torch.jit.CompilationUnit("def f(X, K):\n    return torch.conv2d(X[None, None], K[None, None])[0, 0]\n")


def conv2d(X, K):
    return unit.f(X, K)
