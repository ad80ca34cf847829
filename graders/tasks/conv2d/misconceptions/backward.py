"""Exercise 1, continued: mistakes about the backward pass, and about convolution as a matrix."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F

from graders.diagnosis.catalogue import Probe
from graders.diagnosis.slips import Function, entry, plain, settled
from graders.tasks.convolution_slips import CONNECTED, DTYPE, ORDER
from graders.testing.strategies import tensor
from graders.testing.submission import Submission

# ---------------------------------------------------------------------------------------- conv2d_backward

_SHARE = (
    "If a pixel in the window of Y[i, j] grows by one, how does Y[i, j] change? And if an element of K does?"
)
_OVERLAP = (
    "A pixel lies in several windows. What happens to the contribution of the first when the second one "
    "arrives?"
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
        "The gradient of X is computed with the kernel as it is. Seen from the input, the kernel is "
        "flipped (rotated by 180°), although the forward pass doesn't flip it.",
        "Which element of the kernel is the last pixel of a window multiplied by?",
    ),
    (
        "kernel-turned-in-one-direction",
        _both(of_X=lambda G, X, K: _full(G, K.flip(1))),
        "The gradient of X is computed with each row of the kernel read backwards, but with the rows in "
        "their original order. Seen from the input, the kernel is rotated by 180°: flipped along both axes.",
        "Which element of the kernel is the last pixel of a window multiplied by?",
    ),
    (
        "kernel-turned-upside-down-only",
        _both(of_X=lambda G, X, K: _full(G, K.flip(0))),
        "The gradient of X is computed with the rows of the kernel in reverse order, but without reading "
        "each row backwards. Seen from the input, the kernel is rotated by 180°: flipped along both axes.",
        "Which element of the kernel is the last pixel of a window multiplied by?",
    ),
    (
        "frame-with-height-and-width-exchanged",
        _both(of_X=lambda G, X, K: _framed_the_wrong_way(G, K.flip(0, 1))),
        "For the gradient of X, the padding around grad_Y has its height and width swapped: F.pad takes "
        "the last axis first, so left, right, top, bottom. Square kernels hide this.",
        "In F.pad(G, (a, b, c, d)), which of the four numbers are columns?",
    ),
    (
        "overlaps-lost",
        _both(of_X=_set_not_added),
        "Where windows overlap, only the last contribution remains in the gradient of X: = is used where "
        "+= is needed.",
        _OVERLAP,
    ),
    (
        "last-window-only",
        _both(of_K=lambda G, X, K: G[-1, -1] * X[-K.shape[0] :, -K.shape[1] :]),
        "The gradient of K holds the contribution of the last window only: = is used where += is needed.",
        "To how many outputs does one element of the kernel contribute?",
    ),
    (
        "overlaps-and-windows-lost",
        _both(of_X=_set_not_added, of_K=lambda G, X, K: G[-1, -1] * X[-K.shape[0] :, -K.shape[1] :]),
        "Only the last contribution remains, in both gradients: = is used where += is needed.",
        _OVERLAP,
    ),
    (
        "upstream-forgotten",
        _both(upstream=_ones),
        "The upstream gradient isn't used: these are the gradients of the plain sum of Y. By the chain "
        "rule, every contribution is multiplied by grad_Y[i, j].",
        "What should both gradients be if grad_Y is zero everywhere?",
    ),
    (
        "upstream-forgotten-for-the-kernel",
        _both(of_K=lambda G, X, K: _valid(X, torch.ones_like(G))),
        "The gradient of K doesn't use grad_Y. By the chain rule, every contribution is multiplied by "
        "grad_Y[i, j].",
        "What should both gradients be if grad_Y is zero everywhere?",
    ),
    (
        "upstream-forgotten-for-the-image",
        _both(of_X=lambda G, X, K: _full(torch.ones_like(G), K.flip(0, 1))),
        "The gradient of X doesn't use grad_Y. By the chain rule, every contribution is multiplied by "
        "grad_Y[i, j].",
        "What should both gradients be if grad_Y is zero everywhere?",
    ),
    (
        "output-for-its-gradient",
        _both(upstream=_output),
        "The contributions are multiplied by the output Y. By the chain rule, it should be the gradient "
        "with respect to the output, grad_Y.",
        "What should both gradients be if grad_Y is zero everywhere?",
    ),
    (
        "output-times-its-gradient",
        _both(upstream=lambda G, X, K: G * _valid(X, K)),
        "The contributions are also multiplied by the output Y. By the chain rule, only the gradient with "
        "respect to it, grad_Y, belongs there.",
        _SHARE,
    ),
    (
        "gradients-in-the-other-order",
        _afterwards(lambda of_X, of_K: (of_K, of_X)),
        "The two gradients are right but in the wrong order. Return the gradient of X first, then that of K.",
        "Which of the two has the shape of X?",
    ),
    (
        "kernel-gradient-reversed",
        _both(of_K=lambda G, X, K: _valid(X, G).flip(0, 1)),
        "The gradient of K is flipped (rotated by 180°). A cross-correlation depends on the order of its "
        "two arguments: X is the image, and grad_Y slides over it.",
        "Which pixels of X is K[0, 0] ever multiplied by?",
    ),
    (
        "upstream-turned",
        _both(of_K=lambda G, X, K: _valid(X, G.flip(0, 1))),
        "For the gradient of K, grad_Y is flipped (rotated by 180°) before it slides over X. Nothing "
        "should be flipped there.",
        "Which pixel of X is K[0, 0] multiplied by in Y[0, 0]?",
    ),
    (
        "kernel-transposed",
        _both(of_X=lambda G, X, K: _full(G, K.mT)),
        "For the gradient of X, the kernel is transposed. It should be flipped (rotated by 180°), which is "
        "something else.",
        "Where does K[0, 1] end up when a kernel is rotated by 180°, and where when it is transposed?",
    ),
    (
        "kernel-gradient-averaged",
        _both(of_K=lambda G, X, K: _valid(X, G) / G.numel()),
        "The gradient of K is divided by the number of windows. Each window adds its whole contribution.",
        _SHARE,
    ),
    (
        "both-gradients-averaged",
        _both(
            of_X=lambda G, X, K: _of_X(G, X, K) / G.numel(), of_K=lambda G, X, K: _of_K(G, X, K) / G.numel()
        ),
        "Both gradients are divided by the number of windows. Each window adds its whole contribution.",
        _SHARE,
    ),
    (
        "image-and-kernel-exchanged",
        _both(
            of_X=lambda G, X, K: _scattered(G, X, X[: K.shape[0], : K.shape[1]]),
            of_K=lambda G, X, K: G.sum() * K,
        ),
        "Each gradient is computed from the tensor's own values. The gradient of X is computed from K, and "
        "that of K from X: in a product, each factor is the slope for the other one.",
        "What is the slope of x · k with respect to x, and what with respect to k?",
    ),
    (
        "always-float32",
        _afterwards(lambda of_X, of_K: (of_X.float(), of_K.float())),
        "The gradients are always float32, whatever the dtype of the input: a buffer was made without a "
        "dtype, or the inputs were converted to float32 with .float().",
        DTYPE,
    ),
    (
        "negative-gradients",
        _afterwards(lambda of_X, of_K: (-of_X, -of_K)),
        "Both gradients have the wrong sign. Gradient descent steps against the gradient; the gradient "
        "itself has no minus.",
        "If a pixel is multiplied by a positive element of the kernel and grad_Y is positive, which sign "
        "does its gradient have?",
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

_FOLDED = "Take one row of M and reshape it to the shape of the image. What does it look like?"
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
        "The matrix is transposed. It should have one row for each output and one column for each pixel.",
        "What shape must M have so that M @ X.flatten() is defined?",
    ),
    (
        "kernel-flipped",
        lambda K, input_size: _matrix(K.flip(0, 1), input_size),
        "You get this result when the kernel is flipped (rotated by 180°) first. In deep learning it isn't "
        "flipped.",
        ORDER,
    ),
    (
        "kernel-transposed",
        lambda K, input_size: _matrix(K.mT, input_size),
        "Rows and columns of the kernel are swapped. The first index counts rows, in the kernel just as in "
        "the image.",
        "Which index of K[a, b] goes down?",
    ),
    (
        "kernel-in-one-run",
        _placed(lambda i, j, a, b, H, W, oh, ow: i * W + j + _run(a, b, W, ow)),
        "In each row of M, the rows of the kernel follow each other without a gap. The second one belongs "
        "under the first, one row of the image later.",
        _LINES,
    ),
    (
        "height-for-the-length-of-a-line",
        _placed(lambda i, j, a, b, H, W, oh, ow: (i + a) * H + j + b),
        "The height of the image is used as the length of its rows. A row has as many pixels as the image "
        "is wide.",
        _LINES,
    ),
    (
        "line-ends-forgotten",
        _placed(lambda i, j, a, b, H, W, oh, ow: i * ow + j + a * W + b),
        "Each row is the one above it, shifted by one. At the end of an image row, the window has to jump "
        "to the next one: kw - 1 positions more.",
        _LINES,
    ),
    (
        "width-of-the-result-for-the-length-of-a-line",
        _placed(lambda i, j, a, b, H, W, oh, ow: (i + a) * ow + j + b),
        "The width of the result is used as the length of the image's rows. A row has as many pixels as "
        "the image is wide.",
        _LINES,
    ),
    (
        "column-by-column",
        _changed(_rows_by_column),
        "Image and result are flattened column by column. flatten() goes row by row.",
        "In which order does X.flatten() return the pixels?",
    ),
    (
        "four-axes-left",
        _changed(_four_axes),
        "The values are right, but there are four axes. Two of them together form the rows of the matrix, "
        "the other two its columns.",
        "What is left to do so that M @ X.flatten() is defined?",
    ),
    (
        "height-and-width-exchanged",
        _size_turned,
        "Height and width of the image are swapped: in input_size, the height comes first.",
        "Which number comes first in X.shape?",
    ),
    (
        "as-many-rows-as-pixels",
        _changed(lambda M, K, size: F.pad(M, (0, 0, 0, M.shape[1] - M.shape[0]))),
        "The matrix has a row for every pixel of the image, and the last ones are all zeros. It should "
        "have one row for each output, and there are fewer of those.",
        "How many elements does the result of the convolution have?",
    ),
    (
        "detached",
        _changed(lambda M, K, size: M.detach()),
        "The values are right, but no gradient gets through: a number is taken out of its tensor, or the "
        "function runs under no_grad.",
        CONNECTED,
    ),
    (
        "always-float32",
        _changed(lambda M, K, size: M.float()),
        "The matrix is always float32, whatever the dtype of K: a buffer was made without a dtype, or K "
        "was converted to float32 with .float().",
        DTYPE,
    ),
    (
        "detached-and-always-float32",
        _changed(lambda M, K, size: M.detach().float()),
        "The matrix is always float32, and no gradient gets through: the numbers were taken out of K and "
        "put into a new tensor, or the function runs under no_grad.",
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
