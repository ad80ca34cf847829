"""Hidden properties of `conv2d_matrix`."""

from __future__ import annotations

import torch

from graders.tasks.single_images import expected_gradients
from graders.testing.expect import compare
from graders.testing.properties import property_of
from graders.testing.strategies import tensor
from graders.testing.submission import Submission


@property_of("conv2d_matrix", "transpose")
def test_its_transpose_is_the_backward_pass(submission: Submission) -> None:
    X, K, grad_Y = tensor(4, 6, seed=1), tensor(2, 3, seed=2), tensor(3, 4, seed=3)
    right, bounds = expected_gradients(X, K, grad_Y)
    M = submission.conv2d_matrix(K, (4, 6))
    title = "conv2d_matrix(K of shape (2, 3), (4, 6))"
    compare(M, expected=torch.zeros(12, 24), bound=torch.full((12, 24), torch.inf), call=title)
    back = (M.double().T @ grad_Y.double().flatten()).reshape(4, 6)
    compare(
        back, expected=right["X"], bound=bounds["X"], call=title, what="product of its transpose with grad_Y"
    )
