import torch
import torch.nn as nn

# jo: y[i, j] = sum over a, b of x[i + a, j + b] * k[a, b]. I loop over a and b, the rest is slicing


def conv2d(x, k):
    dtype = torch.result_type(x, k)
    x = x.to(dtype)
    k = k.to(dtype)
    h = x.size(0) - k.size(0) + 1
    w = x.size(1) - k.size(1) + 1
    y = torch.zeros(h, w, dtype=dtype, device=x.device)
    for a in range(k.size(0)):
        for b in range(k.size(1)):
            y += x[a:a + h, b:b + w] * k[a, b]
    return y


def conv2d_vectorized(x, k):
    return conv2d(x, k)


class Conv2D(nn.Module):
    def __init__(self, kernel_size):
        nn.Module.__init__(self)
        if not hasattr(kernel_size, "__len__"):
            kernel_size = (kernel_size, kernel_size)
        self.weight = nn.Parameter(torch.rand(*kernel_size))
        self.bias = nn.Parameter(torch.zeros(1))

    def forward(self, x):
        return self.bias + conv2d(x, self.weight)


def output_size(n, kernel, stride=1, padding=0, dilation=1):
    n = n + padding + padding
    kernel = kernel + (dilation - 1) * (kernel - 1)
    return (n - kernel + stride) // stride


def conv2d_backward(grad_y, x, k):
    dtype = torch.result_type(x, k)
    h, w = grad_y.shape
    gx = torch.zeros(x.shape, dtype=dtype, device=x.device)
    gk = torch.zeros(k.shape, dtype=dtype, device=x.device)
    for a in range(k.size(0)):
        for b in range(k.size(1)):
            gx[a:a + h, b:b + w] += grad_y * k[a, b].to(dtype)
            gk[a, b] = (grad_y * x[a:a + h, b:b + w]).sum()
    if x.is_floating_point():
        gx = gx.to(x.dtype)
    if k.is_floating_point():
        gk = gk.to(k.dtype)
    return gx, gk


if __name__ == "__main__":
    x = torch.rand(5, 7)
    print(conv2d(x, torch.tensor([[1, -1]])))
    exit()
