"""Exercise 2: mistakes about the striped image and about the ways to a kernel without steps.

Those about the steps of the descent are in the two files beside this one.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from graders.diagnosis.mistakes import Probe
from graders.diagnosis.observing import plain, telling, value_of
from graders.diagnosis.written import Function, entry
from graders.testing.strategies import tensor
from graders.testing.submission import Submission

from . import epochs, step
from .step import convolution, pair

# --------------------------------------------------------------------------------------------- edge_image

_COLUMNS = "Which of the two indices of X[…, …] counts the columns, and which columns are to be black?"
_END = "Which numbers does range(2, 6) run through? Is 6 among them?"


def _painted(paint: Callable[[Tensor, int, int], Any]) -> Function:
    """A white image on which something is painted."""

    def edge_image(height: int = 6, width: int = 8, left: int = 2, right: int = 6) -> Any:
        X = torch.ones(height, width)
        other = paint(X, left, right)
        return X if other is None else other

    return edge_image


def _black(X: Tensor, rows: slice, columns: slice) -> None:
    X[rows, columns] = 0


def _striped(change: Callable[[Tensor], Any]) -> Function:
    """The right image, changed."""

    def paint(X: Tensor, left: int, right: int) -> Any:
        X[:, left:right] = 0
        return change(X)

    return _painted(paint)


def _turned(height: int = 6, width: int = 8, left: int = 2, right: int = 6) -> Tensor:
    X = torch.ones(width, height)
    X[:, left:right] = 0
    return X


def _always_the_same(height: int = 6, width: int = 8, left: int = 2, right: int = 6) -> Tensor:
    X = torch.ones(6, 8)
    X[:, 2:6] = 0
    return X


def _two_lines(X: Tensor, left: int, right: int) -> None:
    X[:, left] = 0
    X[:, right - 1] = 0


def _edges(X: Tensor, left: int, right: int) -> None:
    X[:, left] = 0
    X[:, right] = 0


_ALL = slice(None)

_IMAGES: tuple[tuple[str, Function, str, str], ...] = (
    (
        "rows-blackened",
        _painted(lambda X, left, right: _black(X, slice(left, right), _ALL)),
        "The stripe runs from left to right: rows are black. It should run from top to bottom, in the "
        "columns.",
        _COLUMNS,
    ),
    (
        "square-blackened",
        _painted(lambda X, left, right: _black(X, slice(left, right), slice(left, right))),
        "A square in the middle is black. The stripe goes through all rows.",
        "How do you write a slice that takes all rows?",
    ),
    (
        "right-end-included",
        _painted(lambda X, left, right: _black(X, _ALL, slice(left, right + 1))),
        "The stripe is one column too wide: column right is white again.",
        _END,
    ),
    (
        "right-end-one-too-early",
        _painted(lambda X, left, right: _black(X, _ALL, slice(left, right - 1))),
        "The stripe is one column too narrow: right - 1 is the last black column.",
        _END,
    ),
    (
        "left-end-excluded",
        _painted(lambda X, left, right: _black(X, _ALL, slice(left + 1, right))),
        "The stripe begins one column too late: column left is black already.",
        _END,
    ),
    (
        "columns-counted-from-one",
        _painted(lambda X, left, right: _black(X, _ALL, slice(max(left - 1, 0), max(right - 1, 0)))),
        "The stripe lies one column too far to the left: columns are counted from 0.",
        "Which column is X[:, 2], the second or the third?",
    ),
    (
        "right-as-a-width",
        _painted(lambda X, left, right: _black(X, _ALL, slice(left, left + right))),
        "The number right is taken for the width of the stripe. It is the first column after it.",
        "For left=1 and right=3: which columns are black?",
    ),
    (
        "right-counted-from-the-end",
        _painted(lambda X, left, right: _black(X, _ALL, slice(left, -left))),
        "The stripe ends as far from the right border as it begins from the left. That happens to be so "
        "with the default numbers; right says where it ends.",
        "For left=1 and right=3 in an image of 7 columns: which are black?",
    ),
    (
        "stripe-forgotten",
        _painted(lambda X, left, right: None),
        "The image is white all over: the stripe was never painted. From such an image no kernel can be "
        "learned.",
        "What does the kernel [[1, -1]] answer on an all-white image?",
    ),
    (
        "everything-black",
        _painted(lambda X, left, right: X * 0),
        "The image is black all over. Only the columns of the stripe are.",
        _COLUMNS,
    ),
    (
        "white-stripe-on-black",
        _striped(lambda X: 1 - X),
        "Black and white are exchanged. The image is made of ones, the stripe of zeros.",
        "Which number stands for white here?",
    ),
    (
        "only-the-edges-black",
        _painted(_two_lines),
        "Only the first and the last column of the stripe are black. All columns between them are, too.",
        "What is the difference between X[:, 2], X[:, 5] and X[:, 2:6]?",
    ),
    (
        "only-the-columns-left-and-right-black",
        _painted(_edges),
        "Only the columns left and right are black. The stripe fills all columns from left to right - 1.",
        "What is the difference between X[:, 2], X[:, 6] and X[:, 2:6]?",
    ),
    (
        "height-and-width-exchanged",
        _turned,
        "Height and width of the image are exchanged: in a shape the height comes first.",
        "What does torch.ones(6, 8) have six of?",
    ),
    (
        "always-the-default-image",
        _always_the_same,
        "The image is the same whatever is asked for: the arguments are not used.",
        "Which numbers in your code should be names?",
    ),
    (
        "columns-always-two-to-six",
        _painted(lambda X, left, right: _black(X, _ALL, slice(2, 6))),
        "The stripe always goes from column 2 to column 6: left and right are not used.",
        "Which numbers in your code should be names?",
    ),
    (
        "float64-image",
        _striped(lambda X: X.double()),
        "The image is float64. It should be float32.",
        "Where does the dtype come from (numpy, for instance, has another default than torch)?",
    ),
    (
        "image-of-whole-numbers",
        _striped(lambda X: X.long()),
        "The image is made of whole numbers. It should be float32, or no gradient can flow later.",
        "What is the dtype of torch.tensor([1, 0])?",
    ),
    (
        "image-of-truth-values",
        _striped(lambda X: X.bool()),
        "The image is made of True and False. It should be float32.",
        "How do you turn a comparison into numbers?",
    ),
    (
        "batch-and-channel-axes-left-on",
        _striped(lambda X: X[None, None]),
        "The image has a batch axis and a channel axis in front. Its shape should be (height, width).",
        "Who needs those axes, and who should add them?",
    ),
    (
        "list-returned",
        _striped(lambda X: X.tolist()),
        "The image comes as a Python list. It should be a tensor.",
        "Which function makes a tensor of ones at once?",
    ),
    (
        "numpy-array-returned",
        _striped(lambda X: X.numpy()),
        "The image comes as a numpy array. It should be a tensor.",
        "Which function of torch makes a tensor of ones?",
    ),
)


# ------------------------------------------------------------------------------------------ max_stable_lr

_CLIFF = "For the default image the eigenvalues of the Hessian are 12 and 60. Which of them decides, and how?"


def _windows(X: Tensor, kernel_size: Any) -> Tensor:
    kh, kw = pair(kernel_size)
    return X.double().unfold(0, kh, 1).unfold(1, kw, 1).reshape(-1, kh * kw)


def _limit(formula: Callable[[Tensor], Any]) -> Function:
    """A limit found from the matrix of windows, one window a row."""

    def max_stable_lr(X: Tensor, kernel_size: Any) -> Any:
        found = formula(_windows(X, kernel_size))
        return float(found)

    return max_stable_lr


def _steepest(A: Tensor) -> Tensor:
    found: Tensor = 2 * torch.linalg.eigvalsh(A.T @ A)
    return found


_LIMITS: tuple[tuple[str, Function, str, str], ...] = (
    (
        "one-over-the-eigenvalue",
        _limit(lambda A: 1 / _steepest(A)[-1]),
        "This is 1 / λ, half of the limit. At 1 / λ the steepest direction arrives in one step; only "
        "beyond 2 / λ does it diverge.",
        _CLIFF,
    ),
    (
        "two-of-the-square-forgotten",
        _limit(lambda A: 4 / _steepest(A)[-1]),
        "This is twice the limit: the Hessian is 2·AᵀA, and the 2 that comes from the square is missing.",
        "What is the second derivative of (y - a·w)² with respect to w?",
    ),
    (
        "smallest-eigenvalue",
        _limit(lambda A: 2 / _steepest(A)[0]),
        "This is 2 over the smallest eigenvalue. The steepest direction diverges first, and that is the "
        "largest one.",
        _CLIFF,
    ),
    (
        "trace-for-the-eigenvalue",
        _limit(lambda A: 2 / _steepest(A).sum()),
        "This is 2 over the sum of all eigenvalues, the trace. Only the largest counts.",
        _CLIFF,
    ),
    (
        "norm-for-the-eigenvalue",
        _limit(lambda A: 2 / _steepest(A).norm()),
        "This is 2 over the root of the sum of all squared eigenvalues, the Frobenius norm, which .norm() "
        "gives of a matrix. Only the largest eigenvalue counts.",
        _CLIFF,
    ),
    (
        "mean-eigenvalue",
        _limit(lambda A: 2 / _steepest(A).mean()),
        "This is 2 over the mean eigenvalue. The steepest direction diverges first, and that is the "
        "largest one.",
        _CLIFF,
    ),
    (
        "singular-value-not-squared",
        _limit(lambda A: 1 / torch.linalg.svdvals(A)[0]),
        "This uses the largest singular value of the windows itself. An eigenvalue of AᵀA is the square of a "
        "singular value of A.",
        "How do the eigenvalues of AᵀA follow from the singular values of A?",
    ),
    (
        "mean-loss",
        _limit(lambda A: len(A) * 2 / _steepest(A)[-1]),
        "This is the limit for the mean of the squared errors. Here they are summed up, which is as many "
        "times steeper as there are outputs.",
        "By which number do sum and mean of the squared errors differ?",
    ),
    (
        "eigenvalue-returned",
        _limit(lambda A: _steepest(A)[-1]),
        "This is the largest eigenvalue itself. The limit is 2 divided by it.",
        "Should a steeper bowl have a larger or a smaller limit?",
    ),
    (
        "half-the-eigenvalue-returned",
        _limit(lambda A: _steepest(A)[-1] / 2),
        "This is the limit upside down: half the largest eigenvalue. The limit is 2 divided by it.",
        "Should a steeper bowl have a larger or a smaller limit?",
    ),
    (
        "always-one-thirtieth",
        lambda X, kernel_size: 1 / 30,
        "This is 1/30 whatever the image is. That is the limit for the default image and a (1, 2) kernel "
        "alone.",
        "What changes in the loss when all pixels are twice as bright?",
    ),
    (
        "always-three-hundredths",
        lambda X, kernel_size: 0.03,
        "This is 0.03 whatever the image is: a rate that works on the default image, and no limit.",
        "What changes in the loss when all pixels are twice as bright?",
    ),
    (
        "kernel-height-and-width-exchanged",
        lambda X, kernel_size: float(2 / _steepest(_windows(X, pair(kernel_size)[::-1]))[-1]),
        "Height and width of the kernel are exchanged: in a pair the height comes first.",
        "Which number comes first in a shape?",
    ),
    (
        "pixels-for-windows",
        lambda X, kernel_size: float(1 / (X.double() ** 2).sum()),
        "This is computed from the sum of all squared pixels. The limit depends on how neighbouring pixels "
        "go together: build the matrix of windows.",
        "Which matrix, multiplied by the kernel, gives the convolution?",
    ),
)


# ------------------------------------------------------------------------------------- closed_form_kernel

_MANY = (
    "On an all-white image every [[a, b]] with the same a + b does equally well. Can AᵀA be inverted then?"
)


def _solved(solve: Callable[[Tensor, Tensor], Tensor]) -> Function:
    """A kernel found from windows and wanted results, in float64."""

    def closed_form_kernel(X: Tensor, Y: Tensor, kernel_size: Any) -> Tensor:
        found = solve(_windows(X, kernel_size), Y.double().flatten())
        return found.reshape(pair(kernel_size)).to(torch.result_type(X, Y))

    return closed_form_kernel


def _best(A: Tensor, y: Tensor) -> Tensor:
    inverse: Tensor = torch.linalg.pinv(A, rtol=max(A.shape) * torch.finfo(torch.float32).eps)
    return inverse @ y


def _closed(change: Callable[[Tensor], Any]) -> Function:
    """The right kernel, changed."""
    right = _solved(_best)
    return lambda X, Y, kernel_size: change(right(X, Y, kernel_size))


def _inverted(A: Tensor, y: Tensor) -> Tensor:
    found: Tensor = torch.linalg.solve(A.T @ A, A.T @ y)
    return found


def _regularised(A: Tensor, y: Tensor) -> Tensor:
    found: Tensor = torch.linalg.solve(A.T @ A + torch.eye(A.shape[1], dtype=A.dtype), A.T @ y)
    return found


def _by_size(X: Tensor, Y: Tensor, kernel_size: Any) -> Tensor:
    """The numbers of the kernel in order, folded the wrong way round."""
    found = _best(_windows(X, kernel_size), Y.double().flatten())
    return found.reshape(pair(kernel_size)[::-1]).to(torch.result_type(X, Y))


_KERNELS: tuple[tuple[str, Function, str, str], ...] = (
    (
        "inverse-of-the-normal-equations",
        _solved(_inverted),
        "AᵀA is inverted, which fails where the image leaves the kernel undetermined. The pseudoinverse of "
        "A finds the shortest of the best kernels there.",
        _MANY,
    ),
    (
        "ridge-added",
        _solved(_regularised),
        "The identity is added to AᵀA so that it can be inverted. That pulls every kernel towards zero; the "
        "pseudoinverse of A does without.",
        _MANY,
    ),
    (
        "projection-not-solved",
        _solved(lambda A, y: A.T @ y),
        "This is Aᵀy, without the division by AᵀA: half of the minus gradient at zero, not the solution.",
        "Which equation must the best kernel satisfy?",
    ),
    (
        "kernel-flipped",
        _closed(lambda kernel: kernel.flip(0, 1)),
        "The kernel is turned by 180°. The windows meet it as it is.",
        "Which number of the kernel does the first pixel of a window meet?",
    ),
    (
        "kernel-transposed",
        _closed(lambda kernel: kernel.mT),
        "Rows and columns of the kernel are exchanged.",
        "In which order are the numbers of a window laid out?",
    ),
    (
        "kernel-folded-with-width-first",
        _by_size,
        "The numbers are right and in order, but folded into the wrong shape: width and height of the "
        "kernel are exchanged.",
        "Which number comes first in a shape?",
    ),
    (
        "kernel-left-flat",
        _closed(lambda kernel: kernel.flatten()),
        "The numbers are right, but they come in one row. The kernel has a height and a width.",
        "Which shape does kernel_size ask for?",
    ),
    (
        "kernel-left-as-a-column",
        _closed(lambda kernel: kernel.reshape(-1, 1)),
        "The numbers are right, but they come in one column. The kernel has a height and a width.",
        "Which shape does kernel_size ask for?",
    ),
    (
        "batch-and-channel-axes-left-on",
        _closed(lambda kernel: kernel[None, None]),
        "The numbers are right, but the kernel has a batch axis and a channel axis in front.",
        "Which shape does kernel_size ask for?",
    ),
    (
        "always-float64",
        _closed(lambda kernel: kernel.double()),
        "The kernel is always float64. It should have the dtype of X and Y, torch.result_type(X, Y).",
        "Where do you change the dtype for the solution, and where do you change it back?",
    ),
    (
        "always-float32",
        _closed(lambda kernel: kernel.float()),
        "The kernel is always float32, whatever comes in. It should have the dtype torch.result_type(X, Y).",
        "Which dtype should a float64 image give?",
    ),
    (
        "negative-kernel",
        _closed(lambda kernel: -kernel),
        "The kernel has the wrong sign. On Y = conv2d(X, K) the answer must be K itself.",
        "What comes out for Y = conv2d(X, [[1, -1]])?",
    ),
)


# ---------------------------------------------------------------------------------------- entries, probes

ENTRIES = (
    *(
        entry("kernel_learning", task, prefix + name, wrong, says, hint)
        for task, prefix, table in (
            ("edge_image", "image-", _IMAGES),
            ("max_stable_lr", "limit-", _LIMITS),
            ("closed_form_kernel", "closed-form-", _KERNELS),
        )
        for name, wrong, says, hint in table
    ),
    *step.ENTRIES,
    *epochs.ENTRIES,
)


def _number(X: Tensor, kernel_size: Any) -> Probe:
    """The limit as a float, whether it came as one or as a tensor of one element."""

    def probe(submission: Submission) -> Any:
        found = plain(submission.ask("max_stable_lr", X, kernel_size)).value
        return float(found) if isinstance(found, Tensor) and found.numel() == 1 else found

    return probe


def _kernel(X: Tensor, Y: Tensor, kernel_size: Any) -> Probe:
    def probe(submission: Submission) -> Any:
        return plain(submission.ask("closed_form_kernel", X, Y, kernel_size, return_arguments=True))

    return telling(probe, "singular")


_STRIPED = _always_the_same()

PROBES: dict[str, tuple[Probe, ...]] = {
    "edge_image": (
        value_of("edge_image"),
        *(
            value_of("edge_image", *sizes)
            for sizes in ((4, 7, 1, 3), (7, 4, 2, 3), (8, 8, 3, 5), (9, 9, 2, 6))
        ),
        value_of("edge_image", height=3, width=5, left=0, right=3),
        value_of("edge_image", width=9, left=1),
    ),
    "max_stable_lr": (
        _number(_STRIPED, (1, 2)),
        _number(tensor(4, 6, seed=1), (2, 3)),
        _number(tensor(6, 3, seed=2), (3, 1)),
        _number(tensor(5, 5, seed=3), (2, 2)),
        _number(tensor(3, 4, seed=4), (1, 1)),
    ),
    "closed_form_kernel": (
        _kernel(_STRIPED, convolution(_STRIPED, torch.tensor([[1.0, -1.0]])), (1, 2)),
        _kernel(tensor(6, 8, seed=1), tensor(5, 6, seed=2), (2, 3)),
        _kernel(tensor(9, 5, seed=3), tensor(7, 5, seed=4), (3, 1)),
        _kernel(tensor(7, 7, seed=5), tensor(6, 6, seed=6), (2, 2)),
        _kernel(tensor(6, 8, seed=1, dtype=torch.float64), tensor(5, 6, seed=2, dtype=torch.float64), (2, 3)),
        _kernel(torch.ones(6, 8), tensor(6, 7, seed=7), (1, 2)),
    ),
    **step.PROBES,
    **epochs.PROBES,
}
