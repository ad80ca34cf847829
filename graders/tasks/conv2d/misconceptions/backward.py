"""Exercise 1, continued: mistakes about the backward pass, and about convolution as a matrix."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F

from graders.diagnosis.mistakes import Probe
from graders.diagnosis.observing import plain, settled
from graders.diagnosis.written import Function, entry
from graders.tasks.convolution_slips import CONNECTED, DTYPE, ORDER
from graders.testing.strategies import tensor
from graders.testing.submission import Submission

# ---------------------------------------------------------------------------------------- conv2d_backward

_SHARE = (
    "If Y[i, j] is to grow by one, what does that ask of each pixel in its window, and of each number of K?"
)
_OVERLAP = (
    "A pixel lies in several windows. What happens to the share of the first when the second one arrives?"
)

_Gradients = Callable[[Tensor, Tensor, Tensor], Tensor]


def _full(G: Tensor, K: Tensor) -> Tensor:
    """`G` in a frame of zeros, seen through `K` as it is."""
    kh, kw = K.shape
    return _valid(F.pad(G, (kw - 1, kw - 1, kh - 1, kh - 1)), K)


def _framed_the_wrong_way(G: Tensor, K: Tensor) -> Tensor:
    kh, kw = K.shape
    return _valid(F.pad(G, (kh - 1, kh - 1, kw - 1, kw - 1)), K)


def _valid(X: Tensor, K: Tensor) -> Tensor:
    return F.conv2d(X[None, None], K[None, None])[0, 0]


def _of_X(G: Tensor, X: Tensor, K: Tensor) -> Tensor:
    return _full(G, K.flip(0, 1))


def _of_K(G: Tensor, X: Tensor, K: Tensor) -> Tensor:
    return _valid(X, G)


def _set_not_added(G: Tensor, X: Tensor, K: Tensor) -> Tensor:
    found = torch.zeros_like(X)
    for i in range(G.shape[0]):
        for j in range(G.shape[1]):
            found[i : i + K.shape[0], j : j + K.shape[1]] = G[i, j] * K
    return found


def _output(G: Tensor, X: Tensor, K: Tensor) -> Tensor:
    return _valid(X, K)


def _ones(G: Tensor, X: Tensor, K: Tensor) -> Tensor:
    return torch.ones_like(G)


def _both(
    of_X: _Gradients = _of_X, of_K: _Gradients = _of_K, upstream: _Gradients = lambda G, X, K: G
) -> Function:
    """A right backward pass, but for one gradient or for what flows in."""

    def conv2d_backward(grad_Y: Tensor, X: Tensor, K: Tensor) -> Any:
        dtype = torch.result_type(X, K)
        values = grad_Y.to(dtype), X.to(dtype), K.to(dtype)
        G = upstream(*values)
        return of_X(G, *values[1:]), of_K(G, *values[1:])

    return conv2d_backward


def _afterwards(change: Callable[[Tensor, Tensor], Any]) -> Function:
    right = _both()
    return lambda grad_Y, X, K: change(*right(grad_Y, X, K))


_BACKWARD: tuple[tuple[str, Function, str, str], ...] = (
    (
        "kernel-not-turned",
        _both(of_X=lambda G, X, K: _full(G, K)),
        "The gradient of X is found with the kernel as it is. Seen from the input the kernel is turned by "
        "180°, although the forward pass does not turn it.",
        "Which number of the kernel does the last pixel of a window meet?",
    ),
    (
        "kernel-turned-in-one-direction",
        _both(of_X=lambda G, X, K: _full(G, K.flip(1))),
        "The gradient of X is found with the rows of the kernel read backwards, but not with its rows in "
        "reverse order. Seen from the input the kernel is turned by 180°: both.",
        "Which number of the kernel does the last pixel of a window meet?",
    ),
    (
        "kernel-turned-upside-down-only",
        _both(of_X=lambda G, X, K: _full(G, K.flip(0))),
        "The gradient of X is found with the rows of the kernel in reverse order, but not read backwards. "
        "Seen from the input the kernel is turned by 180°: both.",
        "Which number of the kernel does the last pixel of a window meet?",
    ),
    (
        "frame-with-height-and-width-exchanged",
        _both(of_X=lambda G, X, K: _framed_the_wrong_way(G, K.flip(0, 1))),
        "For the gradient of X the frame around grad_Y has its height and its width exchanged: F.pad takes "
        "the last axis first, so left, right, top, bottom. On square kernels all is well.",
        "In F.pad(G, (a, b, c, d)): which of the four numbers are columns?",
    ),
    (
        "overlaps-lost",
        _both(of_X=_set_not_added),
        "Where windows overlap only the last share is left in the gradient of X: = where += is needed.",
        _OVERLAP,
    ),
    (
        "last-window-only",
        _both(of_K=lambda G, X, K: G[-1, -1] * X[-K.shape[0] :, -K.shape[1] :]),
        "The gradient of K is the share of the last window alone: = where += is needed.",
        "To how many outputs does one number of the kernel contribute?",
    ),
    (
        "overlaps-and-windows-lost",
        _both(of_X=_set_not_added, of_K=lambda G, X, K: G[-1, -1] * X[-K.shape[0] :, -K.shape[1] :]),
        "Of all shares only the last is left, in both gradients: = where += is needed.",
        _OVERLAP,
    ),
    (
        "upstream-forgotten",
        _both(upstream=_ones),
        "The upstream gradient plays no part: these are the gradients of the plain sum of Y. By the chain "
        "rule every share is multiplied by grad_Y[i, j].",
        "What should both gradients be if grad_Y is zero everywhere?",
    ),
    (
        "upstream-forgotten-for-the-kernel",
        _both(of_K=lambda G, X, K: _valid(X, torch.ones_like(G))),
        "In the gradient of K, grad_Y plays no part. By the chain rule every share is multiplied by "
        "grad_Y[i, j].",
        "What should both gradients be if grad_Y is zero everywhere?",
    ),
    (
        "upstream-forgotten-for-the-image",
        _both(of_X=lambda G, X, K: _full(torch.ones_like(G), K.flip(0, 1))),
        "In the gradient of X, grad_Y plays no part. By the chain rule every share is multiplied by "
        "grad_Y[i, j].",
        "What should both gradients be if grad_Y is zero everywhere?",
    ),
    (
        "output-for-its-gradient",
        _both(upstream=_output),
        "The shares are multiplied by the output Y. By the chain rule it is the gradient of the output, "
        "grad_Y.",
        "What should both gradients be if grad_Y is zero everywhere?",
    ),
    (
        "output-times-its-gradient",
        _both(upstream=lambda G, X, K: G * _valid(X, K)),
        "The shares are multiplied by the output Y as well. By the chain rule only its gradient, grad_Y, "
        "belongs there.",
        _SHARE,
    ),
    (
        "gradients-in-the-other-order",
        _afterwards(lambda of_X, of_K: (of_K, of_X)),
        "The two gradients are right but in the wrong order: first that of X, then that of K.",
        "Which of the two has the shape of X?",
    ),
    (
        "kernel-gradient-reversed",
        _both(of_K=lambda G, X, K: _valid(X, G).flip(0, 1)),
        "The gradient of K is turned by 180°. A cross-correlation depends on the order of its two "
        "arguments: X is the image, and grad_Y slides over it.",
        "Which pixels of X does K[0, 0] ever meet?",
    ),
    (
        "upstream-turned",
        _both(of_K=lambda G, X, K: _valid(X, G.flip(0, 1))),
        "For the gradient of K, grad_Y is turned by 180° before it slides over X. Nothing is turned there.",
        "Which pixel of X does K[0, 0] meet in Y[0, 0]?",
    ),
    (
        "kernel-transposed",
        _both(of_X=lambda G, X, K: _full(G, K.mT)),
        "For the gradient of X the kernel is transposed. It is turned by 180°, which is something else.",
        "Where does K[0, 1] go when a kernel is turned by 180°, and where when it is transposed?",
    ),
    (
        "kernel-gradient-averaged",
        _both(of_K=lambda G, X, K: _valid(X, G) / G.numel()),
        "The gradient of K is divided by the number of windows. Each window adds its whole share.",
        _SHARE,
    ),
    (
        "both-gradients-averaged",
        _both(
            of_X=lambda G, X, K: _of_X(G, X, K) / G.numel(), of_K=lambda G, X, K: _of_K(G, X, K) / G.numel()
        ),
        "Both gradients are divided by the number of windows. Each window adds its whole share.",
        _SHARE,
    ),
    (
        "image-and-kernel-exchanged",
        _both(
            of_X=lambda G, X, K: _scattered(G, X, X[: K.shape[0], : K.shape[1]]),
            of_K=lambda G, X, K: G.sum() * K,
        ),
        "Each gradient is made of the tensor's own numbers. The gradient of X is made of K, and that of K "
        "of X: in a product each factor is the slope for the other one.",
        "What is the slope of x · k if x grows, and what if k grows?",
    ),
    (
        "always-float32",
        _afterwards(lambda of_X, of_K: (of_X.float(), of_K.float())),
        "The gradients are always float32, whatever comes in: a buffer was made without a dtype, or the "
        "inputs were turned into float32 by .float().",
        DTYPE,
    ),
    (
        "negative-gradients",
        _afterwards(lambda of_X, of_K: (-of_X, -of_K)),
        "Both gradients have the wrong sign. The step of the descent goes against the gradient; the gradient "
        "itself has no minus.",
        "If a pixel meets a positive number of the kernel and grad_Y is positive, which sign has its "
        "gradient?",
    ),
)


def _scattered(G: Tensor, X: Tensor, block: Tensor) -> Tensor:
    return _full(G, block.flip(0, 1))


def _backward(
    image: tuple[int, int], kernel: tuple[int, int], seed: int, dtype: torch.dtype = torch.float32
) -> Probe:
    shape = image[0] - kernel[0] + 1, image[1] - kernel[1] + 1
    G, X, K = (tensor(*size, seed=seed + n, dtype=dtype) for n, size in enumerate((shape, image, kernel)))

    def probe(submission: Submission) -> Any:
        reply = plain(submission.ask("conv2d_backward", G, X, K, return_arguments=True))
        value = reply.value
        if isinstance(value, tuple) and value[:1] == ("list",):
            value = value[1]
        gradients = tuple(value) if isinstance(value, (tuple, list)) else value
        return (gradients, reply.arguments)

    return settled(probe)


# ------------------------------------------------------------------------------------------ conv2d_matrix

_FOLDED = "Take one row of M and fold it back into the shape of the image. What does this picture show?"
_LINES = "In X.flatten(), how far is a pixel from the one below it?"


def _matrix(K: Tensor, input_size: Any) -> Tensor:
    """A right matrix: the convolution of every image with a single 1 in it."""
    H, W = (input_size, input_size) if isinstance(input_size, int) else input_size
    units = torch.eye(H * W, dtype=K.dtype).reshape(H * W, 1, H, W)
    return F.conv2d(units, K[None, None]).reshape(H * W, -1).T


def _sizes(K: Tensor, input_size: Any) -> tuple[int, int, int, int]:
    H, W = (input_size, input_size) if isinstance(input_size, int) else input_size
    return H, W, H - K.shape[0] + 1, W - K.shape[1] + 1


def _placed(place: Callable[[int, int, int, int, int, int, int, int], int]) -> Function:
    """K[a, b] at the column `place(i, j, a, b, H, W, oh, ow)` of the row for output (i, j)."""

    def conv2d_matrix(K: Tensor, input_size: Any) -> Tensor:
        H, W, oh, ow = _sizes(K, input_size)
        M = torch.zeros(oh * ow, H * W, dtype=K.dtype)
        for i in range(oh):
            for j in range(ow):
                for a in range(K.shape[0]):
                    for b in range(K.shape[1]):
                        M[i * ow + j, place(i, j, a, b, H, W, oh, ow)] = K[a, b]
        return M

    return conv2d_matrix


def _changed(change: Callable[[Tensor, Tensor, Any], Any]) -> Function:
    return lambda K, input_size: change(_matrix(K, input_size), K, input_size)


def _rows_by_column(M: Tensor, K: Tensor, input_size: Any) -> Tensor:
    H, W, oh, ow = _sizes(K, input_size)
    return M.reshape(oh, ow, H, W).permute(1, 0, 3, 2).reshape(oh * ow, H * W)


def _four_axes(M: Tensor, K: Tensor, input_size: Any) -> Tensor:
    H, W, oh, ow = _sizes(K, input_size)
    return M.reshape(oh, ow, H, W)


def _size_turned(K: Tensor, input_size: Any) -> Tensor:
    H, W = (input_size, input_size) if isinstance(input_size, int) else input_size
    return _matrix(K, (W, H))


_MATRIX: tuple[tuple[str, Function, str, str], ...] = (
    (
        "transposed",
        _changed(lambda M, K, size: M.T),
        "The matrix is transposed. It has one row for each output and one column for each pixel.",
        "Which shape must M have so that M @ X.flatten() is defined?",
    ),
    (
        "kernel-flipped",
        lambda K, input_size: _matrix(K.flip(0, 1), input_size),
        "This is what one gets when the kernel is turned by 180° first. In deep learning it is not flipped.",
        ORDER,
    ),
    (
        "kernel-transposed",
        lambda K, input_size: _matrix(K.mT, input_size),
        "Rows and columns of the kernel are exchanged. The first index counts rows, for the kernel as for "
        "the image.",
        "Which of the two indices of K[a, b] goes down?",
    ),
    (
        "kernel-in-one-run",
        _placed(lambda i, j, a, b, H, W, oh, ow: i * W + j + _run(a, b, W, ow)),
        "The whole kernel lies in one run in each row. Its second row belongs under the first, one line of "
        "the image later.",
        _LINES,
    ),
    (
        "height-for-the-length-of-a-line",
        _placed(lambda i, j, a, b, H, W, oh, ow: (i + a) * H + j + b),
        "The height of the image is taken for the length of its lines. A line has as many pixels as the "
        "image is wide.",
        _LINES,
    ),
    (
        "line-ends-forgotten",
        _placed(lambda i, j, a, b, H, W, oh, ow: i * ow + j + a * W + b),
        "Each row is the one above it, moved on by one. At the end of a line the window has to jump to the "
        "next one: kw - 1 places more.",
        _LINES,
    ),
    (
        "width-of-the-result-for-the-length-of-a-line",
        _placed(lambda i, j, a, b, H, W, oh, ow: (i + a) * ow + j + b),
        "The width of the result is taken for the length of the image's lines. A line has as many pixels "
        "as the image is wide.",
        _LINES,
    ),
    (
        "column-by-column",
        _changed(_rows_by_column),
        "Image and result are laid out column by column. flatten() goes row by row.",
        "In which order does X.flatten() give the pixels?",
    ),
    (
        "four-axes-left",
        _changed(_four_axes),
        "The numbers are right, but there are four axes. Two of them make a row, two a column of the matrix.",
        "What is left to do so that M @ X.flatten() is defined?",
    ),
    (
        "height-and-width-exchanged",
        _size_turned,
        "Height and width of the image are exchanged: the height comes first in input_size.",
        "Which number comes first in X.shape?",
    ),
    (
        "as-many-rows-as-pixels",
        _changed(lambda M, K, size: F.pad(M, (0, 0, 0, M.shape[1] - M.shape[0]))),
        "The matrix has a row for every pixel of the image, the last ones full of zeros. It has one row "
        "for each output, and there are fewer of those.",
        "How many numbers has the result of the convolution?",
    ),
    (
        "detached",
        _changed(lambda M, K, size: M.detach()),
        "The numbers are right, but autograd cannot get through: a number is taken out of its tensor, or the "
        "function runs under no_grad.",
        CONNECTED,
    ),
    (
        "always-float32",
        _changed(lambda M, K, size: M.float()),
        "The matrix is always float32, whatever K is: a buffer was made without a dtype, or K was turned "
        "into float32 by .float().",
        DTYPE,
    ),
    (
        "detached-and-always-float32",
        _changed(lambda M, K, size: M.detach().float()),
        "The matrix is always float32, and autograd cannot get through: the numbers were taken out of K "
        "and put into a new tensor, or the function runs under no_grad.",
        CONNECTED,
    ),
)


def _run(a: int, b: int, W: int, ow: int) -> int:
    """Where K[a, b] lies in K.flatten(): a kernel is as wide as an image minus the result, plus 1."""
    return a * (W - ow + 1) + b


def _of_matrix(kernel: tuple[int, int], size: Any, seed: int, dtype: torch.dtype = torch.float32) -> Probe:
    K = tensor(*kernel, seed=seed, dtype=dtype)
    return lambda submission: plain(submission.ask("conv2d_matrix", K, size, return_arguments=True))


def _gradient_of_matrix(submission: Submission) -> Any:
    K = tensor(2, 3, seed=6).requires_grad_()
    return plain(submission.ask("conv2d_matrix", K, (3, 5), cotangent=tensor(6, 15, seed=7)))


# ---------------------------------------------------------------------------------------- entries, probes

ENTRIES = tuple(
    entry("conv2d", task, prefix + name, wrong, says, hint)
    for task, prefix, table in (
        ("conv2d_backward", "backward-", _BACKWARD),
        ("conv2d_matrix", "matrix-", _MATRIX),
    )
    for name, wrong, says, hint in table
)

PROBES: dict[str, tuple[Probe, ...]] = {
    "conv2d_backward": (
        _backward((4, 6), (2, 3), 1),
        _backward((5, 4), (3, 2), 11),
        _backward((4, 4), (2, 2), 21),
        _backward((3, 5), (3, 1), 31),
        _backward((4, 6), (2, 3), 41, torch.float64),
    ),
    "conv2d_matrix": (
        _of_matrix((2, 3), (3, 5), 1),
        _of_matrix((3, 2), (5, 4), 2),
        _of_matrix((2, 2), (3, 3), 3),
        _of_matrix((2, 1), (4, 3), 4),
        _of_matrix((2, 3), (3, 5), 5, torch.float64),
        _gradient_of_matrix,
    ),
}
