"""Hidden properties of `closed_form_kernel`."""

from __future__ import annotations

import hypothesis.strategies as st
import torch
from hypothesis import given
from torch import Tensor
from torch.nn import functional as F

from graders.tasks.kernel_learning.descent import Size, convolution, make_case, titled
from graders.tasks.single_images import SMALL
from graders.testing import tolerance
from graders.testing.devices import called, works_on_the_accelerator
from graders.testing.expect import changes_no_setting, compare, left_alone, references_agree
from graders.testing.own_answers import right_or_as_plain
from graders.testing.properties import property_of
from graders.testing.reply import Reply
from graders.testing.strategies import pairwise, seeds, tensor, with_zeros
from graders.testing.submission import Submission
from solutions import kernel_learning as reference


def check_closed_form(
    submission: Submission, X: Tensor, Y: Tensor, kernel_size: Size, *, as_plain: bool = False
) -> None:
    """The least-squares kernel of smallest norm, up to the rounding that the condition of the problem allows.

    With ε the relative rounding error of the matrix A of windows, a solution by normal equations (the least
    accurate method) is off by up to κ²·ε·(‖w‖ + ‖y‖/σ_max), where κ is the ratio of the largest to the
    smallest positive singular value. With `as_plain` the dtype has to be right and the image and the target
    have to stay unchanged; the kernel may be as wrong as it is in the plain case.
    """
    size = (kernel_size, kernel_size) if isinstance(kernel_size, int) else kernel_size
    A = F.unfold(X.double()[None, None], size)[0].T
    y = Y.double().flatten()
    solved = torch.linalg.lstsq(A, y[:, None], driver="gelsd", rcond=1e-9)
    right = solved.solution[:, 0]
    singular = torch.linalg.svdvals(A)
    largest = float(singular[0])
    scale = 0.0  # for a black image, whose kernel is exactly zero
    if largest:
        smallest = float(singular[singular > 1e-9 * largest][-1])
        scale = (largest / smallest) ** 2 * float(right.norm() + y.norm() / largest)
    terms = A.shape[1] * (A.shape[0] + A.shape[1] + 16)
    ours, theirs = (terms * tolerance.UNIT_ROUNDOFF[dtype] * scale for dtype in (torch.float64, X.dtype))
    right = right.reshape(size)
    references_agree(
        reference.closed_form_kernel(X.double(), Y.double(), size), right, torch.full_like(right, ours)
    )
    title = titled("closed_form_kernel", X=X, Y=Y, kernel_size=kernel_size)
    reply = submission.ask("closed_form_kernel", X, Y, kernel_size, return_arguments=True)
    bound = torch.full_like(right, theirs + (ours if X.dtype == torch.float64 else 0.0))
    dtype = X.dtype if as_plain else None

    def judge(reply: Reply) -> None:
        compare(reply.value, expected=right, bound=bound, dtype=dtype, call=title, shown={"X": X, "Y": Y})

    if not as_plain:
        judge(reply)
        return
    question = ("closed_form_kernel", X, Y, kernel_size)
    right_or_as_plain(submission, reply, judge, *question, right=right, dtype=dtype)
    left_alone(reply, {"X": X, "Y": Y}, call=title)
    changes_no_setting(reply, call=title)


@property_of("closed_form_kernel", "determined")
def test_the_kernel_that_made_the_result_is_found(submission: Submission) -> None:
    X = reference.edge_image()
    check_closed_form(submission, X, convolution(X, torch.tensor([[1.0, -1.0]])), (1, 2))
    for seed, (image, kernel) in enumerate((((6, 8), (2, 3)), ((9, 5), (3, 1)), ((7, 7), (2, 2)))):
        X, K = tensor(*image, seed=seed), tensor(*kernel, seed=seed + 10)
        check_closed_form(submission, X, convolution(X, K), kernel)


@property_of("closed_form_kernel", "determined")
def test_the_best_kernel_where_none_fits(submission: Submission) -> None:
    for seed, (image, kernel) in enumerate(
        (((6, 8), (2, 3)), ((9, 5), (3, 1)), ((5, 6), (1, 1)), ((7, 9), (1, 4)))
    ):
        out = (image[0] - kernel[0] + 1, image[1] - kernel[1] + 1)
        X = tensor(*image, seed=seed, values="normal")
        check_closed_form(submission, X, tensor(*out, seed=seed + 20, values="normal"), kernel)
    check_closed_form(submission, tensor(7, 8, seed=31), tensor(6, 7, seed=32), 2)


@property_of("closed_form_kernel", "determined")
def test_the_best_kernel_for_every_pair_of_sizes(submission: Submission) -> None:
    settings = {"kh": range(1, 4), "kw": range(1, 4), "more_h": range(4, 7), "more_w": range(4, 7)}
    for seed, row in enumerate(pairwise(settings)):
        kh, kw, more_h, more_w = row.values()
        X = tensor(kh + more_h, kw + more_w, seed=seed, values="normal")
        Y = tensor(more_h + 1, more_w + 1, seed=seed + 50)
        check_closed_form(submission, X, Y, (kh, kw))
    for seed, ((height, width), (kh, kw)) in enumerate(SMALL):
        X = tensor(height, width, seed=seed, values="normal")
        Y = tensor(height - kh + 1, width - kw + 1, seed=seed + 50)
        with_zeros(3 if seed == 0 else 0, X, Y)
        check_closed_form(submission, X, Y, (kh, kw))


@property_of("closed_form_kernel", "determined")
@given(kernel=st.tuples(st.integers(1, 3), st.integers(1, 3)), seed=seeds())
def test_the_best_kernel_for_random_images(
    submission: Submission, kernel: tuple[int, int], seed: int
) -> None:
    X = tensor(kernel[0] + 5, kernel[1] + 4, seed=seed, values="normal")
    check_closed_form(submission, X, tensor(6, 5, seed=seed + 1), kernel)


@property_of("closed_form_kernel", "undetermined")
def test_the_kernel_of_smallest_norm_where_many_fit(submission: Submission) -> None:
    check_closed_form(submission, torch.ones(6, 8), tensor(6, 7, seed=1), (1, 2))
    check_closed_form(submission, torch.zeros(4, 5), tensor(3, 4, seed=6), (2, 2))
    # Each column of the image is constant, so kernels with the same column sums can't be told apart.
    check_closed_form(submission, reference.edge_image(), tensor(5, 7, seed=2), (2, 2))
    # Fewer windows than kernel elements.
    X = tensor(3, 4, seed=3, values="normal")
    check_closed_form(submission, X, tensor(1, 2, seed=4), (3, 3))
    check_closed_form(submission, X, tensor(1, 1, seed=5), (3, 4))


@property_of("closed_form_kernel", "dtypes and side effects")
def test_the_kernel_keeps_the_dtype_and_image_and_target_stay_unchanged(submission: Submission) -> None:
    for dtype in (torch.float32, torch.float64):
        for seed, (image, kernel) in enumerate((((6, 8), (2, 3)), ((9, 5), (3, 1)))):
            X = tensor(*image, seed=seed, values="normal", dtype=dtype)
            Y = tensor(image[0] - kernel[0] + 1, image[1] - kernel[1] + 1, seed=seed + 20, dtype=dtype)
            check_closed_form(submission, X, Y, kernel, as_plain=True)
    X, Y = tensor(7, 8, seed=31, layout="transposed"), tensor(6, 7, seed=32, layout="sliced")
    check_closed_form(submission, X, Y, 2, as_plain=True)


@property_of("closed_form_kernel", "devices")
def test_one_solve_on_an_accelerator(submission: Submission) -> None:
    case = make_case((5, 6), (2, 2), seed=49)
    works_on_the_accelerator(
        submission, "closed_form_kernel", called(case.X, case.Y, (2, 2)), right=reference.closed_form_kernel
    )
