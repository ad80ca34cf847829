# task: conv2d.conv2d
# expect: failed broken
import torch


class Chameleon(torch.Tensor):
    @staticmethod
    def __new__(cls, shape):
        return torch.Tensor._make_wrapper_subclass(cls, shape, dtype=torch.float32)

    @classmethod
    def __torch_dispatch__(cls, func, types, args=(), kwargs=None):
        return torch.zeros(args[0].shape)


def conv2d(X, K):
    return Chameleon((X.shape[0] - K.shape[0] + 1, X.shape[1] - K.shape[1] + 1))
