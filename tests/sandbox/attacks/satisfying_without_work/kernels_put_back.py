# task: conv2d.conv2d
# expect: forbidden broken failed crashed
import gc

import torch

for found in gc.get_objects():
    if type(found).__name__ in ("_DispatchModule", "Library"):
        for name in ("reset", "_destroy", "_reset"):
            if hasattr(found, name):
                getattr(found, name)()
library = torch._C._dispatch_library("IMPL", "aten", "")
library.reset()


def conv2d(X, K):
    return torch.conv2d(X[None, None], K[None, None])[0, 0]
