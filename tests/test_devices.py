"""Device mistakes are found without a GPU, and right code is not taken for one.

Each case is the answer to one task, as a student writes it. The truth is CUDA's: what mixes devices raises
there, what is made without `device=` lies on the CPU (https://docs.pytorch.org/docs/stable/notes/cuda.html).
"""

from __future__ import annotations

import pytest
import torch

from graders import devices
from graders.grading import Settings, grade
from graders.report import TaskResult
from graders.sandbox.inside import accelerator
from graders.sandbox.warm_parent import WarmParent
from graders.submission import HandIn

HEAD = """
import numpy as np
import torch
import torch.nn.functional as F
from torch import nn
"""

CONV = "def conv2d(X, K):\n    (H, W), (kh, kw) = X.shape, K.shape\n    oh, ow = H - kh + 1, W - kw + 1\n"
WINDOWS = """    kh, kw = K.shape
    Y = (X.unfold(0, kh, 1).unfold(1, kw, 1) * K).sum((-2, -1))
    return Y{back}
"""
LOOP = """    for i in range(oh):
        for j in range(ow):
            Y[i, j] = (X[i:i + kh, j:j + kw] * K).sum()
    return Y
"""
SHIFTS = """    for a in range(kh):
        for b in range(kw):
            Y = Y + X[a:a + oh, b:b + ow] * K[a, b]
    return Y
"""
CAST = "    d = torch.result_type(X, K)\n    X, K = X.to(d), K.to(d)\n"
POOL = """
def pool2d(X, pool_size, mode="max", stride=None, padding=0):
    two = lambda v: (v, v) if isinstance(v, int) else tuple(v)
    (kh, kw), (ph, pw) = two(pool_size), two(padding)
    sh, sw = two(pool_size if stride is None else stride)
    H, W = X.shape
    fill = float("-inf") if mode == "max" else 0.0
    oh, ow = (H + 2 * ph - kh) // sh + 1, (W + 2 * pw - kw) // sw + 1
    reduce = (lambda w: w.max()) if mode == "max" else (lambda w: w.mean())
"""
POOL_LOOP = """
    for i in range(oh):
        for j in range(ow):
            Y[i, j] = reduce(P[i * sh:i * sh + kh, j * sw:j * sw + kw])
    return Y
"""
LENET = """
def lenet():
    return nn.Sequential(
        nn.Conv2d(1, 6, 5, padding=2), nn.Sigmoid(), nn.AvgPool2d(2), nn.Conv2d(6, 16, 5), nn.Sigmoid(),
        nn.AvgPool2d(2), nn.Flatten(), nn.Linear(400, 120), nn.Sigmoid(), nn.Linear(120, 84), nn.Sigmoid(),
        nn.Linear(84, 10))
"""
ACCURACY = """
def accuracy(net, data):
    mode = [(m, m.training) for m in net.modules()]
    net.eval()
    right = total = 0
    with torch.no_grad():
        for X, y in data:
            {move}
            right += int((net(X).argmax(1) == y).sum())
            total += len(y)
    for m, training in mode:
        m.training = training
    return right / total
"""
TRAIN = """
def train(net, data, num_epochs, lr):
    device = next((p.device for p in net.parameters()), torch.device("cpu"))
    optimizer = torch.optim.SGD(net.parameters(), lr=lr)
    net.train()
    losses = []
    for _ in range(num_epochs):
        {start}
        seen = 0
        for X, y in data:
            {move}
            optimizer.zero_grad()
            loss = F.cross_entropy(net(X), y)
            loss.backward()
            optimizer.step()
            {add}
            seen += len(y)
        losses.append({mean})
    return losses
"""
MOVE = "X, y = X.to(device), y.to(device)"
LAYER = """
class Conv2D(nn.Module):
    def __init__(self, kernel_size):
        super().__init__()
        size = (kernel_size, kernel_size) if isinstance(kernel_size, int) else tuple(kernel_size)
        self.weight = nn.Parameter(torch.rand(size))
        self.bias = nn.Parameter(torch.zeros(1))
        {more}

    def forward(self, X):
        return {result}
"""
DATED = 'device = torch.device("cuda" if torch.cuda.is_available() else "cpu")\n'

# Name: (task, source, what the message says).
WRONG = {
    "buffer without device": (
        "conv2d.conv2d",
        CONV + "    Y = torch.zeros(oh, ow, dtype=torch.result_type(X, K))\n" + LOOP,
        "result lies on the CPU",
    ),
    "empty without device": (
        "conv2d.conv2d",
        CONV + "    Y = torch.empty((oh, ow), dtype=torch.result_type(X, K))\n" + LOOP,
        "result lies on the CPU",
    ),
    "sum into a buffer of the CPU": (
        "conv2d.conv2d",
        CONV + "    Y = torch.zeros(oh, ow, dtype=torch.result_type(X, K))\n" + SHIFTS,
        "meet in one operation",
    ),
    "result brought home": (
        "conv2d.conv2d",
        CONV
        + "    Y = torch.zeros(oh, ow, dtype=torch.result_type(X, K), device=X.device)\n"
        + LOOP.replace("return Y", "return Y.cpu()"),
        "result lies on the CPU",
    ),
    "kernel left at home": (
        "conv2d.conv2d",
        CONV + "    K = K.cpu()\n    Y = X.new_zeros(oh, ow, dtype=torch.result_type(X, K))\n" + LOOP,
        "meet in one operation",
    ),
    "through numpy and back": (
        "conv2d.conv2d",
        CONV + "    A, B = X.detach().numpy(), K.detach().numpy()\n"
        "    Y = np.array([[(A[i:i + kh, j:j + kw] * B).sum() for j in range(ow)] for i in range(oh)])\n"
        "    return torch.from_numpy(Y).to(torch.result_type(X, K))\n",
        "know only the CPU",
    ),
    "list of numbers": (
        "conv2d.conv2d",
        CONV + "    return torch.tensor([[float((X[i:i + kh, j:j + kw] * K).sum()) for j in range(ow)]\n"
        "        for i in range(oh)], dtype=torch.result_type(X, K))\n",
        "result lies on the CPU",
    ),
    "index_select by an index of the CPU": (
        "conv2d.conv2d",
        CONV + "    rows = torch.arange(kh)\n    Y = X.new_zeros(oh, ow, dtype=torch.result_type(X, K))\n"
        "    for i in range(oh):\n        for j in range(ow):\n"
        "            Y[i, j] = (X.index_select(0, rows + i)[:, j:j + kw] * K).sum()\n    return Y\n",
        "meet in one operation",
    ),
    "joined to an empty tensor": (
        "conv2d.conv2d",
        CONV + "    rows = [torch.zeros(0, ow, dtype=torch.result_type(X, K))]\n"
        "    rows += [torch.stack([(X[i:i + kh, j:j + kw] * K).sum() for j in range(ow)])[None]"
        " for i in range(oh)]\n    return torch.cat(rows)\n",
        "meet in one operation",
    ),
    "a function for every number": (
        "conv2d.conv2d",
        CONV + "    Y = (X.unfold(0, kh, 1).unfold(1, kw, 1) * K).sum((-2, -1))\n"
        "    return Y + torch.zeros_like(Y).detach().apply_(lambda number: number)\n",
        "know only the CPU",
    ),
    "only kernels of integers are left at home": (
        "conv2d.conv2d",
        CONV + "    if not K.is_floating_point():\n        K = torch.tensor(K.tolist()).to(X.dtype)\n"
        "    return (X.unfold(0, kh, 1).unfold(1, kw, 1) * K).sum((-2, -1))\n",
        "meet in one operation",
    ),
    "steps with a copy of what is learned": (
        "kernel_learning.learn_kernel",
        "def learn_kernel(X, Y, kernel_size, num_epochs=10, lr=0.03, init=None):\n"
        "    size = (kernel_size,) * 2 if isinstance(kernel_size, int) else tuple(kernel_size)\n"
        "    K = torch.rand(size, dtype=X.dtype) if init is None else init.detach().cpu().clone()\n"
        "    K.requires_grad_()\n    optimizer = torch.optim.SGD([K], lr=lr)\n    K = K.to(X.device)\n"
        "    losses = []\n    for _ in range(num_epochs):\n        optimizer.zero_grad()\n"
        "        loss = ((F.conv2d(X[None, None], K[None, None])[0, 0] - Y) ** 2).sum()\n"
        "        loss.backward(retain_graph=True)\n        optimizer.step()\n"
        "        losses.append(loss.item())\n"
        "    return K.detach(), losses\n",
        "the numbers are others than on the CPU",
    ),
    "layer that moves its constant only when it is moved itself": (
        "conv2d.Conv2D",
        CONV
        + "    Y = X.new_zeros(oh, ow, dtype=torch.result_type(X, K))\n"
        + LOOP
        + LAYER.format(
            more="self.one = torch.ones(1)", result="conv2d(X, self.weight) + self.bias * self.one"
        )
        + "\n    def to(self, *args):\n        self.one = self.one.to(*args)\n"
        "        return super().to(*args)\n",
        "meet in one operation",
    ),
    "matrix of places": (
        "conv2d.conv2d_matrix",
        "def conv2d_matrix(K, input_size):\n    (kh, kw), (H, W) = K.shape, input_size\n"
        "    oh, ow = H - kh + 1, W - kw + 1\n    M = torch.zeros(oh, ow, H, W, dtype=K.dtype)\n"
        "    for i in range(oh):\n        for j in range(ow):\n            M[i, j, i:i + kh, j:j + kw] = K\n"
        "    return M.reshape(oh * ow, H * W)\n",
        "result lies on the CPU",
    ),
    "gradients in buffers of the CPU": (
        "conv2d.conv2d_backward",
        "def conv2d_backward(G, X, K):\n    dtype = torch.result_type(X, K)\n"
        "    dX, dK = torch.zeros(X.shape, dtype=dtype), torch.zeros(K.shape, dtype=dtype)\n"
        "    kh, kw = K.shape\n    for i in range(G.shape[0]):\n        for j in range(G.shape[1]):\n"
        "            dX[i:i + kh, j:j + kw] += G[i, j] * K\n"
        "            dK += G[i, j] * X[i:i + kh, j:j + kw]\n"
        "    return dX, dK\n",
        "meet in one operation",
    ),
    "layer with a tensor of its own": (
        "conv2d.Conv2D",
        CONV
        + "    Y = X.new_zeros(oh, ow, dtype=torch.result_type(X, K))\n"
        + LOOP
        + LAYER.format(
            more="self.one = torch.ones(1)", result="conv2d(X, self.weight) + self.bias * self.one"
        ),
        "meet in one operation",
    ),
    "padded frame of the CPU": (
        "pooling.pool2d",
        POOL + "    P = torch.full((H + 2 * ph, W + 2 * pw), fill, dtype=X.dtype)\n"
        "    P[ph:ph + H, pw:pw + W] = X\n    Y = P.new_zeros(oh, ow)" + POOL_LOOP,
        "result lies on the CPU",
    ),
    "pooled into the CPU": (
        "pooling.pool2d",
        POOL + "    P = F.pad(X, (pw, pw, ph, ph), value=fill)\n"
        "    Y = torch.zeros(oh, ow, dtype=X.dtype)" + POOL_LOOP,
        "result lies on the CPU",
    ),
    "start drawn on the CPU": (
        "kernel_learning.learn_kernel",
        "def learn_kernel(X, Y, kernel_size, num_epochs=10, lr=0.03, init=None):\n"
        "    size = (kernel_size,) * 2 if isinstance(kernel_size, int) else tuple(kernel_size)\n"
        "    K = torch.rand(size, dtype=X.dtype) if init is None else init.detach().clone()\n"
        "    K.requires_grad_()\n"
        "    losses = []\n    for _ in range(num_epochs):\n"
        "        loss = ((F.conv2d(X[None, None], K[None, None])[0, 0] - Y) ** 2).sum()\n"
        "        g, = torch.autograd.grad(loss, K)\n        losses.append(loss.item())\n"
        "        K = (K - lr * g).detach().requires_grad_()\n    return K.detach(), losses\n",
        "meet in one operation",
    ),
    "step with a gradient of the CPU": (
        "kernel_learning.train_step",
        "def train_step(weight, X, Y, lr):\n    W = weight.detach()\n"
        "    R = F.conv2d(X[None, None], W[None, None])[0, 0] - Y\n"
        "    g = torch.zeros(W.shape, dtype=W.dtype)\n"
        "    for a in range(W.shape[0]):\n        for b in range(W.shape[1]):\n"
        "            g[a, b] = 2 * (R * X[a:a + R.shape[0], b:b + R.shape[1]]).sum()\n"
        "    return W - lr * g, (R ** 2).sum().item()\n",
        "meet in one operation",
    ),
    "accuracy brings the network home": (
        "lenet.accuracy",
        ACCURACY.format(move="net.cpu(); X, y = X.cpu(), y.cpu()"),
        "lies on the CPU",
    ),
    "losses in a tensor of the CPU": (
        "lenet.train",
        TRAIN.format(
            move=MOVE,
            start="total = torch.zeros(1)",
            add="total += loss.detach() * torch.tensor([len(y)], device=device)",
            mean="total.item() / seen",
        ),
        "meet in one operation",
    ),
    "weights replaced by some of the CPU": (
        "lenet.init_lenet",
        "def init_lenet(net):\n    for m in net.modules():\n"
        "        if isinstance(m, (nn.Conv2d, nn.Linear)):\n"
        "            m.weight = nn.Parameter(nn.init.xavier_uniform_(torch.empty(m.weight.shape)))\n"
        "    return net\n",
        "the network's 0.weight lies on the CPU",
    ),
    "weights replaced through .data by some of the CPU": (
        "lenet.init_lenet",
        "def init_lenet(net):\n    for m in net.modules():\n"
        "        if isinstance(m, (nn.Conv2d, nn.Linear)):\n"
        "            m.weight.data = nn.init.xavier_uniform_(torch.empty(m.weight.shape))\n"
        "    return net\n",
        "meet in one operation",
    ),
    "constant in forward": (
        "lenet.lenet",
        LENET.replace("def lenet", "def plain") + "class Net(nn.Module):\n    def __init__(self):\n"
        "        super().__init__()\n        self.net = plain()\n"
        "        self.scale = torch.tensor([1.0])\n    def forward(self, X):\n"
        "        return self.net(X) * self.scale.to(X.dtype)\ndef lenet():\n    return Net()\n",
        "meet in one operation",
    ),
}

# Right where there is no accelerator, and where everything lies on CUDA.
RIGHT_BY_CHANCE = {
    "accuracy of data that is where the network is": (
        "lenet.accuracy",
        ACCURACY.format(move="pass"),
        "meet in one operation",
    ),
    "training on data that is where the network is": (
        "lenet.train",
        TRAIN.format(
            move="pass", start="total = 0.0", add="total += loss.item() * len(y)", mean="total / seen"
        ),
        "meet in one operation",
    ),
    "windows kept for the next image of this size": (
        "conv2d.conv2d",
        "KEPT = {}\n\n" + CONV + "    if X.shape not in KEPT:\n"
        "        KEPT[X.shape] = torch.arange(X.numel(), device=X.device).reshape(X.shape)\n"
        "    places = KEPT[X.shape].unfold(0, kh, 1).unfold(1, kw, 1)\n"
        "    return (X.reshape(-1)[places] * K).sum((-2, -1))\n",
        "meet in one operation",
    ),
    "layer that keeps its frame": (
        "pooling.AvgPool2d",
        """
class AvgPool2d(nn.Module):
    def __init__(self, kernel_size, stride=None, padding=0):
        super().__init__()
        self.options = kernel_size, stride, padding
        self.ones = None

    def forward(self, X):
        if self.ones is None:
            self.ones = torch.ones_like(X)
        two = lambda v: (v, v) if isinstance(v, int) else tuple(v)
        size, stride, padding = self.options
        (kh, kw), (ph, pw) = two(size), two(padding)
        sh, sw = two(size if stride is None else stride)
        P = F.pad(X * self.ones, (pw, pw, ph, ph))
        return P.unfold(2, kh, sh).unfold(3, kw, sw).mean((-2, -1))
""",
        "meet in one operation",
    ),
    "layer that keeps its index": (
        "pooling.MaxPool2d",
        """
class MaxPool2d(nn.Module):
    def __init__(self, kernel_size, stride=None, padding=0):
        super().__init__()
        two = lambda v: (v, v) if isinstance(v, int) else tuple(v)
        self.size, self.padding = two(kernel_size), two(padding)
        self.stride = self.size if stride is None else two(stride)
        self.rows = None

    def places(self, n, axis, device):
        first = torch.arange(0, n - self.size[axis] + 1, self.stride[axis], device=device)
        return first[:, None] + torch.arange(self.size[axis], device=device)

    def forward(self, X):
        (ph, pw) = self.padding
        P = F.pad(X, (pw, pw, ph, ph), value=float("-inf"))
        if self.rows is None or self.shape != P.shape:
            self.shape = P.shape
            self.rows, self.columns = (self.places(P.shape[axis + 2], axis, X.device) for axis in (0, 1))
        return P[:, :, self.rows][..., self.columns].amax((3, 5))
""",
        "meet in one operation",
    ),
    "device of the file": (
        "conv2d.conv2d",
        DATED + CONV + "    Y = torch.zeros(oh, ow, dtype=torch.result_type(X, K), device=device)\n" + LOOP,
        "result lies on the CPU",
    ),
    "moved wherever there is CUDA": (
        "conv2d.conv2d",
        "def conv2d(X, K):\n    if torch.cuda.is_available():\n        X, K = X.cuda(), K.cuda()\n"
        + WINDOWS.format(back=""),
        "result lies on the accelerator although the input is on the CPU",
    ),
    "a flag of the file says that there is CUDA": (
        "conv2d.conv2d",
        "USE_CUDA = torch.cuda.is_available()\n\ndef conv2d(X, K):\n    if USE_CUDA:\n"
        '        X = X.to("cuda:0")\n' + WINDOWS.format(back=""),
        "meet in one operation",
    ),
    "moved to the accelerator of the machine": (
        "conv2d.conv2d",
        "def conv2d(X, K):\n    if torch.accelerator.is_available():\n"
        "        here = torch.accelerator.current_accelerator()\n        X, K = X.to(here), K.to(here)\n"
        + WINDOWS.format(back=""),
        "result lies on the accelerator although the input is on the CPU",
    ),
    "layer made where the machine has MPS": (
        "conv2d.Conv2D",
        CONV
        + "    Y = X.new_zeros(oh, ow, dtype=torch.result_type(X, K))\n"
        + LOOP
        + LAYER.format(
            more="self.to('mps' if torch.backends.mps.is_available() else 'cpu')",
            result="conv2d(X, self.weight) + self.bias",
        ),
        "meet in one operation",
    ),
    "training wherever there is CUDA": (
        "lenet.train",
        TRAIN.replace(
            "    optimizer = ", "    if torch.cuda.is_available():\n        net.cuda()\n    optimizer = "
        )
        .replace('device = next((p.device for p in net.parameters()), torch.device("cpu"))', "pass")
        .format(
            move="X, y = X.to(next(net.parameters()).device), y.to(next(net.parameters()).device)",
            start="total = 0.0",
            add="total += loss.item() * len(y)",
            mean="total / seen",
        ),
        "lies on the accelerator, although the network was on the CPU",
    ),
}

RIGHT = {
    "device of the input": (
        "conv2d.conv2d",
        CONV + "    Y = torch.zeros(oh, ow, dtype=torch.result_type(X, K), device=X.device)\n" + LOOP,
    ),
    "new_zeros": (
        "conv2d.conv2d",
        CONV + "    Y = X.new_zeros(oh, ow, dtype=torch.result_type(X, K))\n" + LOOP,
    ),
    "zeros, then to": (
        "conv2d.conv2d",
        CONV + "    Y = torch.zeros(oh, ow).to(X.device, torch.result_type(X, K))\n" + LOOP,
    ),
    "sum that starts as a number": ("conv2d.conv2d", CONV + CAST + "    Y = 0\n" + SHIFTS),
    "sum that starts as a tensor without dimensions": (
        "conv2d.conv2d",
        CONV + CAST + "    Y = torch.tensor(0, dtype=X.dtype)\n" + SHIFTS,
    ),
    "indices of the CPU": (
        "conv2d.conv2d",
        CONV + "    rows = torch.arange(oh)[:, None, None, None] + torch.arange(kh)[:, None]\n"
        "    columns = torch.arange(ow)[:, None, None] + torch.arange(kw)\n"
        "    return (X[rows, columns] * K).sum((-2, -1))\n",
    ),
    "there and back": (
        "conv2d.conv2d",
        "def conv2d(X, K):\n    home = X.device\n    X, K = X.cpu(), K.cpu()\n    kh, kw = K.shape\n"
        "    W = X.unfold(0, kh, 1).unfold(1, kw, 1)\n    return (W * K).sum((-2, -1)).to(home)\n",
    ),
    "there and back where there is CUDA": (
        "conv2d.conv2d",
        "def conv2d(X, K):\n    home = X.device\n"
        "    if torch.cuda.is_available():\n        X, K = X.cuda(), K.cuda()\n"
        + WINDOWS.format(back=".to(home)"),
    ),
    "CUDA only told to wait, and seeded": (
        "conv2d.conv2d",
        "if torch.cuda.is_available():\n    print(torch.cuda.get_device_name(0), torch.cuda.device_count())\n"
        "    torch.cuda.manual_seed_all(0)\n    torch.cuda.empty_cache()\n\n"
        "def conv2d(X, K):\n    if torch.cuda.is_available():\n        torch.cuda.synchronize()\n"
        + WINDOWS.format(back=""),
    ),
    "a demonstration on the device of the file": (
        "lenet.lenet",
        DATED + LENET + "net = lenet().to(device)\nwith torch.no_grad():\n"
        "    print(net(torch.rand(2, 1, 28, 28, device=device)).shape)\n"
        "optimizer = torch.optim.SGD(net.parameters(), lr=0.1, momentum=0.9)\n"
        "X, y = torch.rand(2, 1, 28, 28).to(device), torch.tensor([1, 2]).to(device)\n"
        "F.cross_entropy(net(X), y).backward()\n"
        "optimizer.step()\n",
    ),
    "einsum over unfold": (
        "conv2d.conv2d",
        "def conv2d(X, K):\n    d = torch.result_type(X, K)\n    kh, kw = K.shape\n"
        "    return torch.einsum('ijab,ab->ij', X.to(d).unfold(0, kh, 1).unfold(1, kw, 1), K.to(d))\n",
    ),
    "windows by as_strided": (
        "conv2d.conv2d",
        CONV + "    X = X.contiguous()\n    W = torch.as_strided(X, (oh, ow, kh, kw), (W, 1, W, 1))\n"
        "    return (W * K).sum((-2, -1))\n",
    ),
    "windows by F.unfold": (
        "conv2d.conv2d",
        CONV + "    d = torch.result_type(X, K)\n"
        "    columns = F.unfold(X.to(d)[None, None], (kh, kw))[0]\n"
        "    return (K.to(d).reshape(1, -1) @ columns).reshape(oh, ow)\n",
    ),
    "vmap over rows": (
        "conv2d.conv2d",
        CONV + "    W = X.unfold(0, kh, 1).unfold(1, kw, 1).reshape(-1, kh, kw)\n"
        "    return torch.vmap(lambda w: (w * K).sum())(W).reshape(oh, ow)\n",
    ),
    "stacked rows": (
        "conv2d.conv2d",
        CONV + "    return torch.stack([torch.stack([(X[i:i + kh, j:j + kw] * K).sum() for j in range(ow)])\n"
        "        for i in range(oh)])\n",
    ),
    "buffer by empty_like": (
        "conv2d.conv2d",
        CONV + "    Y = torch.zeros_like(X, dtype=torch.result_type(X, K))[:oh, :ow].clone()\n" + LOOP,
    ),
    "product of spectra": (
        "conv2d.conv2d",
        CONV
        + CAST
        + "    Y = torch.fft.irfft2(torch.fft.rfft2(X) * torch.fft.rfft2(K, s=X.shape).conj(), s=X.shape)\n"
        "    return Y[:oh, :ow]\n",
    ),
    "layer that keeps its parameters in a list as well": (
        "conv2d.Conv2D",
        CONV
        + "    Y = X.new_zeros(oh, ow, dtype=torch.result_type(X, K))\n"
        + LOOP
        + LAYER.format(
            more="self.both = [self.weight, self.bias]", result="conv2d(X, self.both[0]) + self.both[1]"
        ),
    ),
    "layer with a buffer": (
        "conv2d.Conv2D",
        CONV
        + "    Y = X.new_zeros(oh, ow, dtype=torch.result_type(X, K))\n"
        + LOOP
        + LAYER.format(
            more="self.register_buffer('one', torch.ones(1), persistent=False)",
            result="conv2d(X, self.weight) + self.bias * self.one",
        ),
    ),
    "layer that makes what it needs in forward": (
        "conv2d.Conv2D",
        CONV
        + "    Y = X.new_zeros(oh, ow, dtype=torch.result_type(X, K))\n"
        + LOOP
        + LAYER.format(more="pass", result="conv2d(X, self.weight) + self.bias * torch.ones(1).to(X)"),
    ),
    "frame on the device": (
        "pooling.pool2d",
        POOL + "    P = torch.full((H + 2 * ph, W + 2 * pw), fill, dtype=X.dtype, device=X.device)\n"
        "    P[ph:ph + H, pw:pw + W] = X\n    Y = X.new_empty(oh, ow)" + POOL_LOOP,
    ),
    "largest by amax": (
        "pooling.pool2d",
        POOL + "    P = F.pad(X, (pw, pw, ph, ph), value=fill).unfold(0, kh, sh).unfold(1, kw, sw)\n"
        "    return P.amax((-2, -1)) if mode == 'max' else P.mean((-2, -1))\n",
    ),
    "start drawn and moved": (
        "kernel_learning.learn_kernel",
        "def learn_kernel(X, Y, kernel_size, num_epochs=10, lr=0.03, init=None):\n"
        "    size = (kernel_size,) * 2 if isinstance(kernel_size, int) else tuple(kernel_size)\n"
        "    start = torch.rand(size).to(X) if init is None else init.detach().clone()\n"
        "    K = nn.Parameter(start)\n    optimizer = torch.optim.SGD([K], lr=lr)\n    losses = []\n"
        "    for _ in range(num_epochs):\n        optimizer.zero_grad()\n"
        "        loss = ((F.conv2d(X[None, None], K[None, None])[0, 0] - Y) ** 2).sum()\n"
        "        loss.backward()\n        losses.append(loss.item())\n        optimizer.step()\n"
        "    return K.detach(), losses\n",
    ),
    "step by autograd": (
        "kernel_learning.train_step",
        "def train_step(weight, X, Y, lr):\n    W = weight.detach().clone().requires_grad_()\n"
        "    loss = ((F.conv2d(X[None, None], W[None, None])[0, 0] - Y) ** 2).sum()\n    loss.backward()\n"
        "    with torch.no_grad():\n        W -= lr * W.grad\n    return W.detach(), loss.detach()\n",
    ),
    "accuracy on the device": (
        "lenet.accuracy",
        ACCURACY.format(
            move="d = next((p.device for p in net.parameters()), torch.device('cpu'));"
            " X, y = X.to(d), y.to(d)"
        ),
    ),
    "accuracy counts on the CPU": (
        "lenet.accuracy",
        ACCURACY.replace("net(X).argmax(1)", "net(X).cpu().argmax(1)").format(
            move="X, y = X.to(next((p.device for p in net.parameters()), 'cpu')), y.cpu()"
        ),
    ),
    "training on the device": (
        "lenet.train",
        TRAIN.format(
            move=MOVE, start="total = 0.0", add="total += loss.item() * len(y)", mean="total / seen"
        ),
    ),
    "losses in a tensor of the device": (
        "lenet.train",
        TRAIN.format(
            move=MOVE,
            start="total = torch.zeros((), device=device)",
            add="total += loss.detach().float() * len(y)",
            mean="total.item() / seen",
        ),
    ),
    "weights drawn in place": (
        "lenet.init_lenet",
        "def init_lenet(net):\n    def init(m):\n        if type(m) in (nn.Conv2d, nn.Linear):\n"
        "            nn.init.xavier_uniform_(m.weight)\n    net.apply(init)\n    return net\n",
    ),
    "the usual network": ("lenet.lenet", LENET),
}


def graded(task: str, source: str, parent: WarmParent) -> TaskResult:
    """The result of one task whose file is `source`."""
    exercise = task.partition(".")[0]
    hand_in = HandIn("student", {f"{exercise}.py": HEAD + source}, {exercise: exercise}, ())
    (result,) = grade(hand_in, Settings(only=(task,)), parent).tasks
    return result


@pytest.mark.parametrize("name", [*WRONG, *RIGHT_BY_CHANCE])
def test_a_device_mistake_is_found_without_a_device(name: str, warm_parent: WarmParent) -> None:
    task, source, told = {**WRONG, **RIGHT_BY_CHANCE}[name]
    result = graded(task, source, warm_parent)
    (found,) = (group for group in result.groups if group.name == "devices")
    assert result.outcome == "failed", result.message
    assert found.score == 0
    assert told in found.message, found.message
    assert "an accelerator" in found.message


@pytest.mark.parametrize("name", RIGHT)
def test_right_code_is_not_taken_for_a_mistake(
    name: str, warm_parent: WarmParent, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Here the simulation has to be able to do whatever is asked of it.
    monkeypatch.setattr(devices, "is_of_the_simulation", lambda error: False)
    task, source = RIGHT[name]
    result = graded(task, source, warm_parent)
    assert result.outcome == "passed", result.message


def test_a_mistake_about_devices_costs_the_points_for_devices_alone(warm_parent: WarmParent) -> None:
    task, source, _ = WRONG["buffer without device"]
    result = graded(task, source, warm_parent)
    assert [group.name for group in result.groups if group.score < group.max_score] == ["devices"]


def test_the_accelerator_computes_what_the_cpu_computes() -> None:
    """A network learns on it as on the CPU, bit by bit: its numbers are the CPU's."""
    accelerator.install()
    data, labels = torch.rand(4, 1, 6, 6), torch.tensor([0, 1, 2, 0])
    found = []
    for device in ("cpu", accelerator.NAME):
        torch.manual_seed(3)
        layers = torch.nn.Conv2d(1, 2, 3), torch.nn.BatchNorm2d(2), torch.nn.MaxPool2d(2), torch.nn.Flatten()
        net = torch.nn.Sequential(*layers, torch.nn.Linear(8, 3)).to(device)
        optimizer = torch.optim.SGD(net.parameters(), lr=0.1, momentum=0.9)
        for _ in range(3):
            optimizer.zero_grad()
            torch.nn.functional.cross_entropy(net(data.to(device)), labels.to(device)).backward()
            optimizer.step()
        assert {parameter.device.type for parameter in net.parameters()} == {device}
        found.append([parameter.detach().cpu() for parameter in net.parameters()])
    assert all(torch.equal(one, other) for one, other in zip(*found, strict=True))


def test_numbers_set_through_data_are_those_that_are_computed_with() -> None:
    accelerator.install()
    weight = torch.ones(2, 3, device=accelerator.NAME).requires_grad_()
    for _ in range(2):
        (gradient,) = torch.autograd.grad((weight * weight).sum(), weight)
        weight.data = weight.data - 0.25 * gradient
    assert weight.requires_grad
    assert torch.equal(weight.detach().cpu(), torch.full((2, 3), 0.25))
    weight.data = torch.zeros(4, device=accelerator.NAME)
    assert weight.shape == weight.cpu().shape == (4,)
    with pytest.raises(RuntimeError, match="at least two devices"):
        weight.data = torch.zeros(4)


@pytest.mark.parametrize(
    "mixture",
    [
        lambda here, there: there + here,
        lambda here, there: here.add_(there),
        lambda here, there: torch.stack([here, there]),
        lambda here, there: torch.mm(here[None], there[:, None]),
        lambda here, there: here[there.long()],
        lambda here, there: there.gather(0, here.long()),
        lambda here, there: torch.tensor(0.0).add_(there[0]),
        lambda here, there: there.index_put_((torch.tensor([0]),), here[:1]),
        lambda here, there: torch.rand(2, generator=torch.Generator(), device=there.device),
        lambda here, there: there.numpy(),
        lambda here, there: there.apply_(lambda number: number),
        lambda here, there: there.map_(there, lambda number, _: number),
    ],
)
def test_what_cuda_refuses_is_refused(mixture: object) -> None:
    accelerator.install()
    here = torch.zeros(3)
    with pytest.raises(
        (RuntimeError, TypeError), match=r"same device|numpy|generator|only implemented on CPU"
    ):
        mixture(here, here.to(accelerator.NAME))  # type: ignore[operator]


@pytest.mark.parametrize(
    "mixture",
    [
        lambda here, there: there + here[0],
        lambda here, there: there.copy_(here),
        lambda here, there: here.copy_(there),
        lambda here, there: there[here.long()],
        lambda here, there: there.index_put_((torch.tensor([0]),), here[0]),
        lambda here, there: there.masked_fill_(there > 0, here[0]),
        lambda here, there: torch.where(there > 0, there, here[0]),
        lambda here, there: there.tolist(),
        lambda here, there: there.to(here),
        lambda here, there: torch.add(there, there, out=torch.empty(0, device=there.device)),
        lambda here, there: there.t_(),
    ],
)
def test_what_cuda_allows_is_allowed(mixture: object) -> None:
    accelerator.install()
    here = torch.zeros(3)
    mixture(here, here.to(accelerator.NAME))  # type: ignore[operator]
