"""Wrong answers that are right in almost everything: each fails for its own reason, and the message says so.

Every one is the reference with one function or class written anew at its end, graded whole in the sandbox.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import nn
from torch.nn import functional as F

from graders.grading.grade import Settings, grade
from graders.grading.hand_in import hand_in_of
from graders.report import TaskResult
from graders.sandbox.warm_parent import WarmParent
from graders.testing.explanations import EXPLANATIONS, explained, translated

# Task, the answer, and what its student is told.
WRONG: dict[str, tuple[str, str, str]] = {
    "autograd for the backward pass": (
        "conv2d.conv2d_backward",
        """
        def conv2d_backward(grad_Y, X, K):
            X, K = X.detach().requires_grad_(), K.detach().requires_grad_()
            return torch.autograd.grad(conv2d(X, K), (X, K), grad_Y)
        """,
        "come from autograd",
    ),
    "backward() for the backward pass": (
        "conv2d.conv2d_backward",
        """
        def conv2d_backward(grad_Y, X, K):
            X, K = X.detach().clone().requires_grad_(), K.detach().clone().requires_grad_()
            (conv2d(X, K) * grad_Y).sum().backward()
            return X.grad, K.grad
        """,
        "come from autograd",
    ),
    "a function of torch.func for the backward pass": (
        "conv2d.conv2d_backward",
        """
        def conv2d_backward(grad_Y, X, K):
            return torch.func.vjp(conv2d_vectorized, X, K)[1](grad_Y)
        """,
        "come from autograd",
    ),
    "forward mode for the backward pass": (
        "conv2d.conv2d_backward",
        """
        def conv2d_backward(grad_Y, X, K):
            by_X, by_K = torch.func.jacfwd(conv2d_vectorized, argnums=(0, 1))(X, K)
            return torch.einsum("ij,ij...->...", grad_Y, by_X), torch.einsum("ij,ij...->...", grad_Y, by_K)
        """,
        "come from autograd",
    ),
    "autograd for the backward pass of pooling": (
        "pooling.pool2d_backward",
        """
        def pool2d_backward(grad_Y, X, pool_size, mode="max", stride=None):
            X = X.detach().clone().requires_grad_()
            return torch.autograd.grad(pool2d(X, pool_size, mode, stride), X, grad_Y)[0]
        """,
        "come from autograd",
    ),
    "autograd switched on for good": (
        "conv2d.conv2d",
        """
        def conv2d(X, K):
            torch.set_grad_enabled(True)
            return (X.unfold(0, K.shape[0], 1).unfold(1, K.shape[1], 1) * K).sum((-2, -1))
        """,
        "grad mode",
    ),
    "elements of the kernel that are zero are skipped": (
        "conv2d.conv2d",
        """
        def conv2d(X, K):
            oh, ow = X.shape[0] - K.shape[0] + 1, X.shape[1] - K.shape[1] + 1
            Y = torch.zeros(oh, ow, dtype=torch.result_type(X, K), device=X.device)
            for a in range(K.shape[0]):
                for b in range(K.shape[1]):
                    if K[a, b] != 0:
                        Y = Y + X[a : a + oh, b : b + ow] * K[a : a + 1, b : b + 1]
            return Y
        """,
        "gradient",
    ),
    "the weight passed in gets a gradient": (
        "kernel_learning.train_step",
        """
        def train_step(weight, X, Y, lr):
            weight.requires_grad_()
            weight.grad = None
            loss = ((Y - F.conv2d(X[None, None], weight[None, None])[0, 0]) ** 2).sum()
            loss.backward()
            return (weight - lr * weight.grad).detach(), loss.item()
        """,
        "After the call, its argument weight",
    ),
    "a layer without a parameter": (
        "conv2d.Conv2D",
        """
        class Conv2D(nn.Module):
            def __init__(self, kernel_size):
                super().__init__()
                self.weight, self.bias = torch.rand(_pair(kernel_size)), nn.Parameter(torch.zeros(1))

            def forward(self, X):
                return conv2d(X, self.weight) + self.bias
        """,
        "Its parameters are ['bias']",
    ),
    "a view where the axes of batch and channels cannot be one": (
        "pooling.pool2d_multi_channel",
        """
        def pool2d_multi_channel(X, pool_size, mode="max", stride=None, padding=0):
            flat = X.view(-1, *X.shape[-2:])
            out = torch.stack([pool2d(image, pool_size, mode, stride, padding) for image in flat])
            return out.view(*X.shape[:-2], *out.shape[-2:])
        """,
        "reshape() copies them where it has to",
    ),
    "new parameters in place of the old": (
        "lenet.init_lenet",
        """
        def init_lenet(net):
            for module in net.modules():
                if isinstance(module, (nn.Conv2d, nn.Linear)):
                    module.weight = nn.Parameter(nn.init.xavier_uniform_(torch.empty_like(module.weight)))
            return net
        """,
        "an optimizer created earlier doesn't know",
    ),
    "zeros of the CPU where there is no bias": (
        "multichannel.MultiChannelConv2d",
        """
        class MultiChannelConv2d(nn.Conv2d):
            def forward(self, X):
                bias = torch.zeros(self.out_channels) if self.bias is None else self.bias
                Y = conv2d_batched(X, self.weight, None, self.stride, self.padding)
                return Y + bias.to(Y.dtype).reshape(1, -1, 1, 1)

            def __init__(self, in_channels, out_channels, kernel_size, stride=1, padding=0, bias=True):
                super().__init__(in_channels, out_channels, kernel_size, stride, padding, bias=bias)
        """,
        "mixes tensors on the CPU and on the accelerator",
    ),
    "a branch without a return": (
        "pooling.pool2d",
        """
        _right = pool2d

        def pool2d(X, pool_size, mode="max", stride=None, padding=0):
            if mode == "max":
                return _right(X, pool_size, mode, stride, padding)
            if mode == "mean":
                return _right(X, pool_size, "avg", stride, padding)
        """,
        "returns None",
    ),
    "a product of matrices, and a device of its own": (
        "conv2d.conv2d",
        """
        def conv2d(X, K):
            kh, kw = K.shape
            rows = [[(X[i : i + kh, j : j + kw] @ K).sum() for j in range(X.shape[1] - kw + 1)]
                    for i in range(X.shape[0] - kh + 1)]
            return torch.stack([torch.stack(row) for row in rows]).to("cpu")
        """,
        "A matrix product needs as many columns",
    ),
}


def graded(task: str, answer: str, reference: dict[str, str], parent: WarmParent) -> TaskResult:
    exercise = task.partition(".")[0]
    lines = answer.strip("\n").splitlines()
    indent = len(lines[0]) - len(lines[0].lstrip())
    source = "\n".join([reference[f"{exercise}.py"], "", "", *(line[indent:] for line in lines), ""])
    hand_in = hand_in_of("student", {f"{exercise}.py": source})
    (result,) = grade(hand_in, Settings(only=(task,)), parent).tasks
    return result


SEEDED = """
def learn_kernel(X, Y, kernel_size, num_epochs=10, lr=0.03, init=None):
    if init is None:
        generator = torch.Generator(device=X.device)
        generator.seed()
        init = torch.rand(_pair(kernel_size), dtype=X.dtype, device=X.device, generator=generator)
    losses = []
    for _ in range(num_epochs):
        init, loss = train_step(init, X, Y, lr)
        losses.append(float(loss))
    return init.detach().clone(), losses
"""


def test_a_generator_may_draw_its_seed(reference: dict[str, str], warm_parent: WarmParent) -> None:
    result = graded("kernel_learning.learn_kernel", SEEDED, reference, warm_parent)
    assert result.outcome == "passed", result.message


@pytest.mark.parametrize("name", WRONG)
def test_it_fails_and_the_message_says_why(
    name: str, reference: dict[str, str], warm_parent: WarmParent
) -> None:
    task, answer, told = WRONG[name]
    result = graded(task, answer, reference, warm_parent)
    assert result.outcome in ("failed", "broken", "not_implemented")
    assert told in result.message
    assert result.hint or result.outcome == "not_implemented"
    assert 0 <= result.score < result.max_score


def test_a_mistake_on_the_cpu_is_reported_before_one_on_a_device(
    reference: dict[str, str], warm_parent: WarmParent
) -> None:
    task, answer, _ = WRONG["a product of matrices, and a device of its own"]
    result = graded(task, answer, reference, warm_parent)
    assert "accelerator" not in result.message + result.hint


def test_a_mistake_about_devices_gets_a_hint_about_devices(
    reference: dict[str, str], warm_parent: WarmParent
) -> None:
    task, answer, _ = WRONG["zeros of the CPU where there is no bias"]
    assert "decides which device they are on" in graded(task, answer, reference, warm_parent).hint


# ------------------------------------------------------------------------------------ what errors mean

X = torch.ones(3, 4)


class Early(nn.Module):
    def __init__(self) -> None:
        self.weight = nn.Parameter(X)


class Renewed(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.weight = nn.Parameter(X)
        self.weight = X * 2  # type: ignore[assignment]


def changes_a_leaf() -> None:
    weight = X.clone().requires_grad_()
    weight -= 1


def writes_over_what_is_needed() -> None:
    Y = X.clone().requires_grad_().exp()
    Y += 1
    Y.sum().backward()


def goes_back_twice() -> None:
    weight = X.clone().requires_grad_()
    loss = (weight * weight).sum()
    loss.backward()
    loss.backward()


def unpacks(size: Any) -> None:
    _, _ = size


# What raises, and a part of what is said of it.
ERRORS: tuple[tuple[Callable[[], Any], str], ...] = (
    (lambda: torch.zeros(2, device="cuda"), "X.device"),
    (lambda: bool(X), "is not None"),
    (lambda: X.sum().backward(), "no input requires grad"),
    (changes_a_leaf, "torch.no_grad()"),
    (writes_over_what_is_needed, "autograd still needs"),
    (goes_back_twice, "before each"),
    (lambda: X.clone().requires_grad_().numpy(), "NumPy would lose"),
    (lambda: X * X.grad, "One of the two is None"),  # type: ignore[operator]
    (lambda: X.grad.sum(), "Something here is None"),  # type: ignore[union-attr]
    (lambda: X @ X.double().T, "of one dtype but gets two"),
    (lambda: F.conv2d(X[None, None], X.double()[None, None]), "of one dtype but gets two"),
    (lambda: X.T.view(-1), "reshape()"),
    (lambda: X @ X, "as many columns"),
    (lambda: X + torch.ones(3, 3), "don't fit together"),
    (lambda: torch.stack([X, X[:2]]), "don't fit together"),
    (lambda: X[3], "past the end"),
    (lambda: [1][1], "past the end"),
    (lambda: X.reshape(5, 5), "product of the sizes"),
    (lambda: F.cross_entropy(torch.zeros(2, 10), torch.zeros(2, 1).long()), "shape (N,)"),
    (Renewed, "Set it once"),
    (Early, "first in __init__"),
    (lambda: unpacks(3), "an int applies to both axes"),
    (lambda: torch.rand((2, 3), (2, 3)), "an int applies to both axes"),  # type: ignore[call-overload]
)


@pytest.mark.parametrize(("raises", "part"), ERRORS)
def test_an_error_is_explained(raises: Callable[[], Any], part: str) -> None:
    if torch.cuda.is_available() and part == "X.device":
        pytest.skip("here there is such a device")
    with pytest.raises(Exception) as raised:
        raises()
    message = str(raised.value)
    assert part in (translated(message) or explained(message)), message


@pytest.mark.skipif(torch.cuda.is_available(), reason="here there is such a device")
def test_every_explanation_belongs_to_a_real_error() -> None:
    seen = ["Unable to open /dev/urandom"]  # in the sandbox alone
    for raises, _ in ERRORS:
        with pytest.raises(Exception) as raised:
            raises()
        seen.append(str(raised.value))
    unseen = [pattern for pattern, _ in EXPLANATIONS if not any(re.search(pattern, said) for said in seen)]
    assert unseen == []


def test_other_errors_are_not_explained() -> None:
    assert explained("kernel (4, 2) is larger than the image (3, 4)") == ""
