"""One flaw, one cost: an answer with a single flaw loses only the groups that are about it.

Every answer is the reference with one function or class written anew at its end, graded whole in the sandbox.
"""

from __future__ import annotations

import pytest

from graders.report import TaskResult
from graders.sandbox.warm_parent import WarmParent
from tests.tasks.test_verdicts import graded

_CONVOLUTION = "conv2d_vectorized(X, K)"
_LEARN = """
def learn_kernel(X, Y, kernel_size, num_epochs=10, lr=0.03, init=None):
    kernel = torch.rand(_pair(kernel_size), {rand}) if init is None else init.detach().clone(){cast}
    losses = []
    for _ in range(num_epochs):
        kernel, loss = {step}
        losses.append({loss})
    return kernel, losses

def _conv(X, K):
    return (X.unfold(0, K.shape[0], 1).unfold(1, K.shape[1], 1) * K).sum((-2, -1))

def _step(weight, X, Y, lr, mean=False, graph=False):
    weight = weight.detach().clone().requires_grad_()
    loss = ((Y - _conv(X, weight)) ** 2).mean() if mean else ((Y - _conv(X, weight)) ** 2).sum()
    (gradient,) = torch.autograd.grad(loss, weight, retain_graph=True)
    return (weight - lr * gradient).detach(), loss if graph else loss.item()
"""
_RAND = "dtype=X.dtype, device=X.device"


def _learner(
    step: str = "_step(kernel, X, Y, lr)", loss: str = "loss", rand: str = _RAND, cast: str = ""
) -> str:
    return _LEARN.format(step=step, loss=loss, rand=rand, cast=cast)


def _stepper(result: str) -> str:
    return f"""
def train_step(weight, X, Y, lr):
    {result}
""" + _LEARN.partition("return kernel, losses")[2]


def _convolves(body: str, name: str = "conv2d", by: str = "conv2d_vectorized") -> str:
    """`name` computed by another function of the exercise, in a body with one flaw."""
    return f"""
def {name}(X, K, *rest, **options):
    right = {by}
    {body}
"""


def _pools(body: str) -> str:
    return f"""
def pool2d(X, pool_size, mode="max", stride=None, padding=0):
    def right(X):
        return pool2d_multi_channel(X[None], pool_size, mode, stride, padding)[0]
    {body}
"""


def _returns(signature: str, value: str) -> str:
    return f"""
def {signature}:
    import numpy as np
    return {value}
"""


_ACCURACY = """
def accuracy(net, data):
    device = next((parameter.device for parameter in net.parameters()), None)
    modes = [(module, module.training) for module in net.modules()]
    right = examples = 0
    {mode}
    with {grad}:
        for X, y in data:
            right += int((net(X{moved}).argmax(dim=1) == y{moved}).sum())
            examples += len(y)
    for module, mode in modes:
        {restored}
    return {share}
"""


def _accuracy(
    mode: str = "net.eval()",
    grad: str = "torch.no_grad()",
    moved: str = ".to(device)",
    restored: str = "module.training = mode",
    share: str = "right / examples",
) -> str:
    return _ACCURACY.format(mode=mode, grad=grad, moved=moved, restored=restored, share=share)


_TRAIN = """
def train(net, data, num_epochs, lr):
    device = next((parameter.device for parameter in net.parameters()), None)
    optimizer, losses = torch.optim.SGD(net.parameters(), lr=lr), []
    {mode}
    for _ in range(num_epochs):
        total, examples = 0.0, 0
        for X, y in data:
            optimizer.zero_grad()
            loss = nn.functional.cross_entropy(net(X{moved}), y{moved})
            loss.backward()
            optimizer.step()
            total, examples = total + {loss} * len(y), examples + len(y)
        losses.append(total / examples)
    return losses
"""


def _train(mode: str = "net.train()", moved: str = ".to(device)", loss: str = "loss.item()") -> str:
    return _TRAIN.format(mode=mode, moved=moved, loss=loss)


_DTYPES, _STEPS = {"dtypes"}, {"dtypes and layouts"}
_SIZE = "output_size(n, kernel, stride=1, padding=0, dilation=1)"
_LENGTH = "(n + 2 * padding - dilation * (kernel - 1) - 1) // stride + 1"
_FLIPPED = "return right(X, K.flip((-2, -1)), *rest, **options)"

# Task, the answer, the groups that it loses.
FLAWS: dict[str, tuple[str, str, set[str]]] = {
    # conv2d
    "a flipped kernel": ("conv2d.conv2d", _convolves(_FLIPPED), {"values", "gradients"}),
    "always float32": ("conv2d.conv2d", _convolves("return right(X.float(), K.float())"), _DTYPES),
    "a kernel of integers is refused": (
        "conv2d.conv2d",
        _convolves("assert K.is_floating_point(); return right(X, K)"),
        _DTYPES,
    ),
    "the image is changed": (
        "conv2d.conv2d",
        _convolves("Y = right(X.clone(), K); X.data.zero_(); return Y"),
        {"side effects"},
    ),
    "the default dtype is changed": (
        "conv2d.conv2d",
        _convolves("torch.set_default_dtype(torch.float64); return right(X, K)"),
        {"side effects"},
    ),
    "only contiguous images": (
        "conv2d.conv2d",
        _convolves("X.view(-1), K.view(-1); return right(X, K)"),
        {"layouts"},
    ),
    "no gradient": ("conv2d.conv2d", _convolves("return right(X, K).detach()"), {"gradients"}),
    "a result on the CPU": ("conv2d.conv2d", _convolves("return right(X, K).cpu()"), {"devices"}),
    "a flipped kernel, vectorised": (
        "conv2d.conv2d_vectorized",
        _returns(
            "conv2d_vectorized(X, K)",
            "(X.unfold(0, K.shape[0], 1).unfold(1, K.shape[1], 1) * K.flip((0, 1)))"
            ".sum((2, 3), dtype=torch.result_type(X, K))",
        ),
        {"values", "gradients, dtypes and layouts"},
    ),
    "gradients of a flipped kernel": (
        "conv2d.conv2d_backward",
        """
        def conv2d_backward(grad_Y, X, K):
            kh, kw = K.shape
            padded = nn.functional.pad(grad_Y, (kw - 1, kw - 1, kh - 1, kh - 1))
            grad_X = (padded.unfold(0, kh, 1).unfold(1, kw, 1) * K).sum((2, 3))
            grad_K = (X.unfold(0, grad_Y.shape[0], 1).unfold(1, grad_Y.shape[1], 1) * grad_Y).sum((2, 3))
            return grad_X, grad_K
        """,
        {"gradient of X"},
    ),
    "a layer of float32 alone": (
        "conv2d.Conv2D",
        """
        class Conv2D(nn.Module):
            def __init__(self, kernel_size):
                super().__init__()
                self.weight = nn.Parameter(torch.rand(_pair(kernel_size)))
                self.bias = nn.Parameter(torch.zeros(1))

            def forward(self, X):
                return conv2d(X.float(), self.weight.float()) + self.bias.float()
        """,
        _DTYPES,
    ),
    "a matrix of float32 alone": (
        "conv2d.conv2d_matrix",
        """
        def conv2d_matrix(K, input_size):
            H, W = input_size
            oh, ow = H - K.shape[0] + 1, W - K.shape[1] + 1
            M = torch.zeros(oh, ow, H, W, device=K.device)
            for i in range(oh):
                for j in range(ow):
                    M[i, j, i : i + K.shape[0], j : j + K.shape[1]] = K
            return M.reshape(oh * ow, H * W)
        """,
        {"gradients and dtypes"},
    ),
    "a matrix with roundings": (
        "conv2d.conv2d_matrix",
        """
        def conv2d_matrix(K, input_size):
            H, W = input_size
            images = torch.eye(H * W, dtype=K.dtype, device=K.device).reshape(H * W, H, W)
            third = K / 3
            columns = [(conv2d_vectorized(image, third) * 3).flatten() for image in images]
            return torch.stack(columns, dim=1)
        """,
        set(),
    ),
    # numbers
    "a NumPy integer": ("conv2d.output_size", _returns(_SIZE, f"np.int64({_LENGTH})"), set()),
    "a small NumPy integer": ("conv2d.output_size", _returns(_SIZE, f"np.uint8({_LENGTH})"), set()),
    "a NumPy float": ("conv2d.output_size", _returns(_SIZE, f"np.float32({_LENGTH})"), set()),
    "a 0-d tensor": ("conv2d.output_size", _returns(_SIZE, f"torch.tensor({_LENGTH})"), set()),
    "a 0-d tensor of parameters": (
        "multichannel.num_parameters",
        _returns(
            "num_parameters(in_channels, out_channels, kernel_size, bias=True)",
            "torch.tensor(out_channels * (in_channels * torch.Size(_pair(kernel_size)).numel() + bias))",
        ),
        set(),
    ),
    "a limit as a NumPy number": (
        "kernel_learning.max_stable_lr",
        _returns(
            "max_stable_lr(X, kernel_size)",
            "np.float64(2 / (2 * torch.linalg.matrix_norm(_windows(X, kernel_size), 2) ** 2).item())",
        ),
        set(),
    ),
    "a share as a NumPy number": (
        "lenet.accuracy",
        _accuracy(share="__import__('numpy').float32(right / examples)"),
        set(),
    ),
    "a share as a 0-d tensor": ("lenet.accuracy", _accuracy(share="torch.tensor(right / examples)"), set()),
    # kernel_learning
    "a learner of float32 alone": (
        "kernel_learning.learn_kernel",
        _learner(
            step="_step(kernel.float(), X.float(), Y.float(), lr)", rand="device=X.device", cast=".float()"
        ),
        _STEPS,
    ),
    "a step of float32 alone": (
        "kernel_learning.train_step",
        _stepper("return _step(weight.float(), X.float(), Y.float(), lr)"),
        _STEPS,
    ),
    "the mean in place of the sum, in a step": (
        "kernel_learning.train_step",
        _stepper("return _step(weight, X, Y, lr, mean=True)"),
        {"loss", "step"},
    ),
    "a step uphill": (
        "kernel_learning.train_step",
        _stepper("return _step(weight, X, Y, -lr)"),
        {"step"},
    ),
    "a loss that carries its graph": (
        "kernel_learning.train_step",
        _stepper("return _step(weight, X, Y, lr, graph=True)"),
        {"loss"},
    ),
    "a loss as a 0-d tensor": (
        "kernel_learning.train_step",
        _stepper("w, loss = _step(weight, X, Y, lr); return w, torch.tensor(loss, dtype=torch.float64)"),
        set(),
    ),
    "losses that carry their graphs": (
        "kernel_learning.learn_kernel",
        _learner(step="_step(kernel, X, Y, lr, graph=True)"),
        {"losses"},
    ),
    "losses as NumPy numbers": (
        "kernel_learning.learn_kernel",
        _learner(loss="__import__('numpy').float64(loss)"),
        set(),
    ),
    "the mean in place of the sum, learning": (
        "kernel_learning.learn_kernel",
        _learner(step="_step(kernel, X, Y, lr, mean=True)"),
        {"losses", "kernel"},
    ),
    "a start that is not on the device": (
        "kernel_learning.learn_kernel",
        _learner(rand="dtype=X.dtype"),
        {"devices"},
    ),
    "the weight is changed": (
        "kernel_learning.train_step",
        _stepper("new, loss = _step(weight, X, Y, lr); weight.data.copy_(new); return new, loss"),
        {"side effects"},
    ),
    "an image of float64": (
        "kernel_learning.edge_image",
        """
        def edge_image(height=6, width=8, left=2, right=6):
            X = torch.ones(height, width, dtype=torch.float64)
            X[:, left:right] = 0
            return X
        """,
        {"dtype and side effects"},
    ),
    "a solution in float32 alone": (
        "kernel_learning.closed_form_kernel",
        """
        def closed_form_kernel(X, Y, kernel_size):
            A = _windows(X.float(), kernel_size)
            A = A if A.shape[0] == Y.numel() else A.T
            return (torch.linalg.pinv(A) @ Y.float().reshape(-1, 1)).reshape(_pair(kernel_size))
        """,
        {"dtypes and side effects"},
    ),
    # multichannel
    "a flipped kernel in a batch": (
        "multichannel.conv2d_batched",
        _convolves(_FLIPPED, "conv2d_batched", "conv2d_im2col"),
        {"values", "stride", "padding", "bias", "all together", "gradients"},
    ),
    "a batch of float32 alone": (
        "multichannel.conv2d_batched",
        """
        def conv2d_batched(X, weight, bias=None, stride=1, padding=0):
            bias = None if bias is None else bias.float()
            return conv2d_im2col(X.float(), weight.float(), bias, stride, padding)
        """,
        _DTYPES,
    ),
    "one channel too many counted by a 1x1 kernel": (
        "multichannel.conv2d_1x1",
        """
        def conv2d_1x1(X, K):
            dtype = torch.result_type(X, K)
            mixing = K.to(dtype).reshape(K.shape[:2]).flip(1)
            return (mixing @ X.to(dtype).reshape(len(X), -1)).reshape(len(K), *X.shape[1:])
        """,
        {"values", "gradients"},
    ),
    # pooling
    "means that are sums": (
        "pooling.pool2d",
        _pools("kh, kw = _pair(pool_size); return right(X) * (kh * kw if mode == 'avg' else 1)"),
        {"avg", "padding of avg", "all together"},
    ),
    "minima in place of maxima": (
        "pooling.pool2d",
        _pools("return -right(-X)"),
        {"max", "stride", "padding of max", "all together", "gradients"},
    ),
    "pooling changes the image": (
        "pooling.pool2d",
        _pools("Y = right(X); X.data.zero_(); return Y"),
        {"side effects"},
    ),
    "pooling in float32": ("pooling.pool2d", _pools("return right(X.float())"), _DTYPES),
    "pooling brings home to the CPU": ("pooling.pool2d", _pools("return right(X).cpu()"), {"devices"}),
    # lenet
    "a share in percent": ("lenet.accuracy", _accuracy(share="100 * right / examples"), {"values"}),
    "gradients are tracked": (
        "lenet.accuracy",
        _accuracy(grad="torch.enable_grad()"),
        {"no gradients"},
    ),
    "no evaluation mode": ("lenet.accuracy", _accuracy(mode="pass"), {"evaluation mode"}),
    "everything into training mode afterwards": (
        "lenet.accuracy",
        _accuracy(restored="net.train()"),
        {"mode restored", "frozen parts"},
    ),
    "batches stay on the CPU": ("lenet.accuracy", _accuracy(moved=""), {"devices"}),
    "a loss per batch that carries its graph": ("lenet.train", _train(loss="loss"), {"losses"}),
    "a loss per batch as a 0-d tensor": ("lenet.train", _train(loss="loss.detach().double()"), set()),
    "no training mode": ("lenet.train", _train(mode="pass"), {"training mode"}),
    "training in evaluation mode": (
        "lenet.train",
        _train(mode="net.eval()"),
        {"training mode"},
    ),
    "training batches stay on the CPU": ("lenet.train", _train(moved=""), {"devices"}),
}

# What answers nothing: it earns no group but by what no answer is needed for.
HOPELESS: dict[str, tuple[str, str]] = {
    "zeros of the right shape": (
        "conv2d.conv2d",
        _returns(
            "conv2d(X, K)",
            "torch.zeros(X.shape[0] - K.shape[0] + 1, X.shape[1] - K.shape[1] + 1, "
            "dtype=torch.result_type(X, K), device=X.device)",
        ),
    ),
    "a corner of the image": (
        "conv2d.conv2d",
        _returns("conv2d(X, K)", "X[: X.shape[0] - K.shape[0] + 1, : X.shape[1] - K.shape[1] + 1].clone()"),
    ),
    "zeros for batches": (
        "multichannel.conv2d_batched",
        _convolves("return 0 * right(X, K, *rest, **options)", "conv2d_batched", "conv2d_im2col"),
    ),
    "the weight and nothing": ("kernel_learning.train_step", _stepper("return weight.clone(), 0.0")),
    "the start and zeros": (
        "kernel_learning.learn_kernel",
        _returns(
            "learn_kernel(X, Y, kernel_size, num_epochs=10, lr=0.03, init=None)",
            "(torch.zeros(_pair(kernel_size)), [0.0] * num_epochs)",
        ),
    ),
    "zeros of pooling": ("pooling.pool2d", _pools("return 0 * right(X)")),
    "half": ("lenet.accuracy", _returns("accuracy(net, data)", "0.5")),
}


def lost(result: TaskResult) -> set[str]:
    """The groups that earned nothing; all of them if the task never ran."""
    return {group.name for group in result.groups if not group.score} if result.groups else {"everything"}


@pytest.mark.parametrize("name", FLAWS)
def test_a_flaw_costs_only_its_own_groups(
    name: str, reference: dict[str, str], warm_parent: WarmParent
) -> None:
    task, answer, groups = FLAWS[name]
    result = graded(task, answer, reference, warm_parent)
    assert lost(result) == groups, result.message
    assert result.outcome == ("failed" if groups else "passed"), result.message


@pytest.mark.parametrize("name", HOPELESS)
def test_what_is_not_a_real_attempt_earns_nothing(
    name: str, reference: dict[str, str], warm_parent: WarmParent
) -> None:
    task, answer = HOPELESS[name]
    assert graded(task, answer, reference, warm_parent).score == 0


def test_a_loss_with_its_graph_is_reported_as_such(
    reference: dict[str, str], warm_parent: WarmParent
) -> None:
    task, answer, _ = FLAWS["a loss that carries its graph"]
    assert "still attached to the computation graph" in graded(task, answer, reference, warm_parent).message


@pytest.mark.parametrize("value", ["True", "__import__('numpy').bool_(True)", "torch.tensor(True)"])
def test_a_bool_is_not_a_number(value: str, reference: dict[str, str], warm_parent: WarmParent) -> None:
    result = graded("conv2d.output_size", _returns(_SIZE, value), reference, warm_parent)
    assert result.score == 0
