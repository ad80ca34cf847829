# task: conv2d.conv2d
# expect: failed
import numpy as np
import torch


def conv2d(X, K):
    windows = np.lib.stride_tricks.sliding_window_view(X.detach().numpy(), tuple(K.shape))
    return torch.from_numpy(np.einsum("ijkl,kl->ij", windows, K.detach().numpy()))
