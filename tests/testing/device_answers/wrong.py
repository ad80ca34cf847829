"""Answers that are wrong only about devices: the task, the source, part of the message."""

from __future__ import annotations

from tests.testing.device_answers.parts import (
    ACCURACY,
    CONV,
    DATED,
    LAYER,
    LENET,
    LOOP,
    MOVE,
    POOL,
    POOL_LOOP,
    SHIFTS,
    TRAIN,
    WINDOWS,
)

WRONG = {
    "buffer without device": (
        "conv2d.conv2d",
        CONV + "    Y = torch.zeros(oh, ow, dtype=torch.result_type(X, K))\n" + LOOP,
        "result is on the CPU",
    ),
    "empty without device": (
        "conv2d.conv2d",
        CONV + "    Y = torch.empty((oh, ow), dtype=torch.result_type(X, K))\n" + LOOP,
        "result is on the CPU",
    ),
    "sum into a buffer of the CPU": (
        "conv2d.conv2d",
        CONV + "    Y = torch.zeros(oh, ow, dtype=torch.result_type(X, K))\n" + SHIFTS,
        "one operation mixes tensors",
    ),
    "result brought home": (
        "conv2d.conv2d",
        CONV
        + "    Y = torch.zeros(oh, ow, dtype=torch.result_type(X, K), device=X.device)\n"
        + LOOP.replace("return Y", "return Y.cpu()"),
        "result is on the CPU",
    ),
    "kernel left at home": (
        "conv2d.conv2d",
        CONV + "    K = K.cpu()\n    Y = X.new_zeros(oh, ow, dtype=torch.result_type(X, K))\n" + LOOP,
        "one operation mixes tensors",
    ),
    "through numpy and back": (
        "conv2d.conv2d",
        CONV + "    A, B = X.detach().numpy(), K.detach().numpy()\n"
        "    Y = np.array([[(A[i:i + kh, j:j + kw] * B).sum() for j in range(ow)] for i in range(oh)])\n"
        "    return torch.from_numpy(Y).to(torch.result_type(X, K))\n",
        "only work on the CPU",
    ),
    "list of numbers": (
        "conv2d.conv2d",
        CONV + "    return torch.tensor([[float((X[i:i + kh, j:j + kw] * K).sum()) for j in range(ow)]\n"
        "        for i in range(oh)], dtype=torch.result_type(X, K))\n",
        "result is on the CPU",
    ),
    "index_select by an index of the CPU": (
        "conv2d.conv2d",
        CONV + "    rows = torch.arange(kh)\n    Y = X.new_zeros(oh, ow, dtype=torch.result_type(X, K))\n"
        "    for i in range(oh):\n        for j in range(ow):\n"
        "            Y[i, j] = (X.index_select(0, rows + i)[:, j:j + kw] * K).sum()\n    return Y\n",
        "one operation mixes tensors",
    ),
    "joined to an empty tensor": (
        "conv2d.conv2d",
        CONV + "    rows = [torch.zeros(0, ow, dtype=torch.result_type(X, K))]\n"
        "    rows += [torch.stack([(X[i:i + kh, j:j + kw] * K).sum() for j in range(ow)])[None]"
        " for i in range(oh)]\n    return torch.cat(rows)\n",
        "one operation mixes tensors",
    ),
    "a function for every number": (
        "conv2d.conv2d",
        CONV + "    Y = (X.unfold(0, kh, 1).unfold(1, kw, 1) * K).sum((-2, -1))\n"
        "    return Y + torch.zeros_like(Y).detach().apply_(lambda number: number)\n",
        "only work on the CPU",
    ),
    "only kernels of integers are left at home": (
        "conv2d.conv2d",
        CONV + "    if not K.is_floating_point():\n        K = torch.tensor(K.tolist()).to(X.dtype)\n"
        "    return (X.unfold(0, kh, 1).unfold(1, kw, 1) * K).sum((-2, -1))\n",
        "one operation mixes tensors",
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
        "the values differ from those on the CPU",
    ),
    "layer that moves its constant only when it is moved itself": (
        "conv2d.Conv2D",
        LAYER.format(more="self.one = torch.ones(1)", result="conv2d(X, self.weight) + self.bias * self.one")
        + "\n    def to(self, *args):\n        self.one = self.one.to(*args)\n"
        "        return super().to(*args)\n",
        "one operation mixes tensors",
    ),
    "matrix of places": (
        "conv2d.conv2d_matrix",
        "def conv2d_matrix(K, input_size):\n    (kh, kw), (H, W) = K.shape, input_size\n"
        "    oh, ow = H - kh + 1, W - kw + 1\n    M = torch.zeros(oh, ow, H, W, dtype=K.dtype)\n"
        "    for i in range(oh):\n        for j in range(ow):\n            M[i, j, i:i + kh, j:j + kw] = K\n"
        "    return M.reshape(oh * ow, H * W)\n",
        "result is on the CPU",
    ),
    "gradients in buffers of the CPU": (
        "conv2d.conv2d_backward",
        "def conv2d_backward(G, X, K):\n    dtype = torch.result_type(X, K)\n"
        "    dX, dK = torch.zeros(X.shape, dtype=dtype), torch.zeros(K.shape, dtype=dtype)\n"
        "    kh, kw = K.shape\n    for i in range(G.shape[0]):\n        for j in range(G.shape[1]):\n"
        "            dX[i:i + kh, j:j + kw] += G[i, j] * K\n"
        "            dK += G[i, j] * X[i:i + kh, j:j + kw]\n"
        "    return dX, dK\n",
        "one operation mixes tensors",
    ),
    "layer with a tensor of its own": (
        "conv2d.Conv2D",
        LAYER.format(more="self.one = torch.ones(1)", result="conv2d(X, self.weight) + self.bias * self.one"),
        "one operation mixes tensors",
    ),
    "padded frame of the CPU": (
        "pooling.pool2d",
        POOL + "    P = torch.full((H + 2 * ph, W + 2 * pw), fill, dtype=X.dtype)\n"
        "    P[ph:ph + H, pw:pw + W] = X\n    Y = P.new_zeros(oh, ow)" + POOL_LOOP,
        "result is on the CPU",
    ),
    "pooled into the CPU": (
        "pooling.pool2d",
        POOL + "    P = F.pad(X, (pw, pw, ph, ph), value=fill)\n"
        "    Y = torch.zeros(oh, ow, dtype=X.dtype)" + POOL_LOOP,
        "result is on the CPU",
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
        "one operation mixes tensors",
    ),
    "step with a gradient of the CPU": (
        "kernel_learning.train_step",
        "def train_step(weight, X, Y, lr):\n    W = weight.detach()\n"
        "    R = F.conv2d(X[None, None], W[None, None])[0, 0] - Y\n"
        "    g = torch.zeros(W.shape, dtype=W.dtype)\n"
        "    for a in range(W.shape[0]):\n        for b in range(W.shape[1]):\n"
        "            g[a, b] = 2 * (R * X[a:a + R.shape[0], b:b + R.shape[1]]).sum()\n"
        "    return W - lr * g, (R ** 2).sum().item()\n",
        "one operation mixes tensors",
    ),
    "accuracy brings the network home": (
        "lenet.accuracy",
        ACCURACY.format(move="net.cpu(); X, y = X.cpu(), y.cpu()"),
        "is on the CPU",
    ),
    "losses in a tensor of the CPU": (
        "lenet.train",
        TRAIN.format(
            move=MOVE,
            start="total = torch.zeros(1)",
            add="total += loss.detach() * torch.tensor([len(y)], device=device)",
            mean="total.item() / seen",
        ),
        "one operation mixes tensors",
    ),
    "weights replaced by some of the CPU": (
        "lenet.init_lenet",
        "def init_lenet(net):\n    for m in net.modules():\n"
        "        if isinstance(m, (nn.Conv2d, nn.Linear)):\n"
        "            m.weight = nn.Parameter(nn.init.xavier_uniform_(torch.empty(m.weight.shape)))\n"
        "    return net\n",
        "the network's 0.weight is on the CPU",
    ),
    "weights replaced through .data by some of the CPU": (
        "lenet.init_lenet",
        "def init_lenet(net):\n    for m in net.modules():\n"
        "        if isinstance(m, (nn.Conv2d, nn.Linear)):\n"
        "            m.weight.data = nn.init.xavier_uniform_(torch.empty(m.weight.shape))\n"
        "    return net\n",
        "one operation mixes tensors",
    ),
    "constant in forward": (
        "lenet.lenet",
        LENET.replace("def lenet", "def plain") + "class Net(nn.Module):\n    def __init__(self):\n"
        "        super().__init__()\n        self.net = plain()\n"
        "        self.scale = torch.tensor([1.0])\n    def forward(self, X):\n"
        "        return self.net(X) * self.scale.to(X.dtype)\ndef lenet():\n    return Net()\n",
        "one operation mixes tensors",
    ),
}

# Right where there is no accelerator, and where everything lies on CUDA.
RIGHT_BY_CHANCE = {
    "accuracy of data that is where the network is": (
        "lenet.accuracy",
        ACCURACY.format(move="pass"),
        "one operation mixes tensors",
    ),
    "training on data that is where the network is": (
        "lenet.train",
        TRAIN.format(
            move="pass", start="total = 0.0", add="total += loss.item() * len(y)", mean="total / seen"
        ),
        "one operation mixes tensors",
    ),
    "windows kept for the next image of this size": (
        "conv2d.conv2d",
        "KEPT = {}\n\n" + CONV + "    if X.shape not in KEPT:\n"
        "        KEPT[X.shape] = torch.arange(X.numel(), device=X.device).reshape(X.shape)\n"
        "    places = KEPT[X.shape].unfold(0, kh, 1).unfold(1, kw, 1)\n"
        "    return (X.reshape(-1)[places] * K).sum((-2, -1))\n",
        "one operation mixes tensors",
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
        "one operation mixes tensors",
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
        "one operation mixes tensors",
    ),
    "device of the file": (
        "conv2d.conv2d",
        DATED + CONV + "    Y = torch.zeros(oh, ow, dtype=torch.result_type(X, K), device=device)\n" + LOOP,
        "result is on the CPU",
    ),
    "moved wherever there is CUDA": (
        "conv2d.conv2d",
        "def conv2d(X, K):\n    if torch.cuda.is_available():\n        X, K = X.cuda(), K.cuda()\n"
        + WINDOWS.format(back=""),
        "result is on the accelerator although the input is on the CPU",
    ),
    "a flag of the file says that there is CUDA": (
        "conv2d.conv2d",
        "USE_CUDA = torch.cuda.is_available()\n\ndef conv2d(X, K):\n    if USE_CUDA:\n"
        '        X = X.to("cuda:0")\n' + WINDOWS.format(back=""),
        "one operation mixes tensors",
    ),
    "moved to the accelerator of the machine": (
        "conv2d.conv2d",
        "def conv2d(X, K):\n    if torch.accelerator.is_available():\n"
        "        here = torch.accelerator.current_accelerator()\n        X, K = X.to(here), K.to(here)\n"
        + WINDOWS.format(back=""),
        "result is on the accelerator although the input is on the CPU",
    ),
    "layer made where the machine has MPS": (
        "conv2d.Conv2D",
        LAYER.format(
            more="self.to('mps' if torch.backends.mps.is_available() else 'cpu')",
            result="conv2d(X, self.weight) + self.bias",
        ),
        "one operation mixes tensors",
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
        "is on the accelerator, although the network was on the CPU",
    ),
}
