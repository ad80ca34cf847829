"""Answers that are right on every device, including unusual ones: the task, the source."""

from __future__ import annotations

from tests.testing.device_answers.parts import (
    ACCURACY,
    CAST,
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
        LAYER.format(
            more="self.both = [self.weight, self.bias]", result="conv2d(X, self.both[0]) + self.both[1]"
        ),
    ),
    "layer with a buffer": (
        "conv2d.Conv2D",
        LAYER.format(
            more="self.register_buffer('one', torch.ones(1), persistent=False)",
            result="conv2d(X, self.weight) + self.bias * self.one",
        ),
    ),
    "layer that makes what it needs in forward": (
        "conv2d.Conv2D",
        LAYER.format(more="pass", result="conv2d(X, self.weight) + self.bias * torch.ones(1).to(X)"),
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
