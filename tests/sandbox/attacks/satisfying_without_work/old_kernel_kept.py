# task: conv2d.conv2d
# expect: forbidden broken failed
import torch

kernels = []
for key in ("CPU", "CompositeExplicitAutograd", "CompositeImplicitAutograd", "Autograd"):
    for name in ("aten::conv2d", "aten::convolution", "aten::_convolution", "aten::_slow_conv2d_forward"):
        try:
            kernels.append((name, torch.library.get_kernel(name, key)))
        except Exception:
            continue


def conv2d(X, K):
    for name, kernel in kernels:
        if name == "aten::conv2d":
            return kernel.call_boxed(torch._C.DispatchKeySet(torch._C.DispatchKey.CPU), X[None, None], K[None, None])[0, 0]
    return torch.conv2d(X[None, None], K[None, None])[0, 0]
