"""Worked examples for exercises/kernel_learning.py, small enough to work out by hand."""

import pytest
import torch

from exercises import kernel_learning as exercise
from exercises.checks.helpers import assert_same

# What edge_image() returns, and its edges: the result of the kernel [[1, -1]].
STRIPE = torch.tensor([[1.0, 1.0, 0.0, 0.0, 0.0, 0.0, 1.0, 1.0]]).repeat(6, 1)
EDGES = torch.tensor([[0.0, 1.0, 0.0, 0.0, 0.0, -1.0, 0.0]]).repeat(6, 1)

# One row of three pixels. From the kernel [[0, 0]] every output is 0, so the errors are Y itself: 2 and 1.
# The loss is 4 + 1, its gradient [-2 * (2 * 1 + 1 * 0), -2 * (2 * 0 + 1 * 1)] = [-4, -2].
ROW = torch.tensor([[1.0, 0.0, 1.0]])
WANTED = torch.tensor([[2.0, 1.0]])
START = torch.tensor([[0.0, 0.0]])


def test_edge_image__is_white_with_a_black_stripe_of_columns() -> None:
    assert_same(
        exercise.edge_image(),
        STRIPE,
        "edge_image()",
        "Which columns are black, and is column 6 one of them?",
    )


def test_edge_image__uses_its_arguments() -> None:
    expected = torch.tensor([[1.0, 0.0, 1.0, 1.0], [1.0, 0.0, 1.0, 1.0]])
    assert_same(
        exercise.edge_image(height=2, width=4, left=1, right=2),
        expected,
        "edge_image(height=2, width=4, left=1, right=2)",
        "Which index of X counts the rows, and which one counts the columns?",
    )


def test_train_step__takes_one_step_downhill() -> None:
    new_weight, loss = exercise.train_step(START.clone(), ROW, WANTED, 0.25)
    call = "train_step(weight, X, Y, lr=0.25)"
    assert_same(
        float(loss),
        5.0,
        f"{call}, the loss",
        "The errors are 2 and 1. Is the loss the sum of their squares, before the step?",
        weight=START,
        X=ROW,
        Y=WANTED,
    )
    assert_same(
        new_weight.detach(),
        torch.tensor([[1.0, 0.5]]),
        f"{call}, the new weight",
        "The gradient of the summed squared error is [[-4, -2]]. Where does a step with lr=0.25 lead?",
        weight=START,
        X=ROW,
        Y=WANTED,
    )


def test_train_step__does_not_change_the_callers_weight() -> None:
    weight = torch.zeros(1, 2, requires_grad=True)
    exercise.train_step(weight, ROW, WANTED, 0.25)
    question = "Do you work on your own copy?"
    assert_same(weight.detach(), START, "weight after train_step(weight, X, Y, 0.25)", question)


def test_train_step__returns_a_kernel_without_a_graph() -> None:
    new_weight, _ = exercise.train_step(START.clone(), ROW, WANTED, 0.25)
    assert new_weight.grad_fn is None, (
        f"train_step(weight, X, Y, 0.25) returned a kernel with grad_fn={new_weight.grad_fn}. "
        "Did autograd record the update itself?"
    )


def test_train_step__does_not_accumulate_gradients_across_steps() -> None:
    first, _ = exercise.train_step(START.clone(), ROW, WANTED, 0.25)
    second, loss = exercise.train_step(first, ROW, WANTED, 0.25)
    call = "train_step(weight, X, Y, 0.25), the second time"
    assert_same(float(loss), 1.25, f"{call}, the loss", "The errors are now 1 and 0.5. What is their loss?")
    assert_same(
        second.detach(),
        torch.tensor([[1.5, 0.75]]),
        f"{call}, the new weight",
        "Each step should halve the distance to [[2, 1]]. Do you also use old gradients?",
    )


def test_learn_kernel__records_the_loss_before_each_step() -> None:
    init = START.clone()
    kernel, losses = exercise.learn_kernel(ROW, WANTED, (1, 2), num_epochs=3, lr=0.25, init=init)
    call = "learn_kernel(X, Y, (1, 2), num_epochs=3, lr=0.25, init=[[0, 0]])"
    assert_same(
        [float(loss) for loss in losses],
        [5.0, 1.25, 0.3125],
        f"{call}, the losses",
        "There is one loss per epoch. Is each the loss before its step?",
    )
    assert_same(
        kernel.detach(),
        torch.tensor([[1.75, 0.875]]),
        f"{call}, the kernel",
        "Each epoch should halve the distance to [[2, 1]]. How many steps did you take?",
    )
    assert_same(init, START, "init after learn_kernel(…, init=init)", "Do you work on your own copy?")


def test_learn_kernel__finds_the_edge_detector_again() -> None:
    kernel, losses = exercise.learn_kernel(STRIPE, EDGES, (1, 2), init=torch.tensor([[0.5, 0.5]]))
    call = "learn_kernel(edge_image(), Y, (1, 2), init=[[0.5, 0.5]])"
    assert len(losses) == 10, f"{call} should return 10 losses, one per epoch, got {len(losses)}."
    # At [0.5, 0.5] the error is 0.5 * [1, 1], along the steep direction, minus 1 * [1, -1], along the flat
    # one. Ten steps multiply the first part by (-0.8)^10 and the second by 0.64^10.
    steep, flat = 0.5 * 0.8**10, 0.64**10
    assert_same(
        kernel.detach(),
        torch.tensor([[1 + steep - flat, -1 + steep + flat]]),
        f"{call}, the kernel",
        "It should be close to [[1, -1]], but not equal. Is your loss the sum, and did you add a bias?",
        tolerance=1e-3,
    )


def test_learn_kernel__starts_at_random_without_init() -> None:
    kernel, losses = exercise.learn_kernel(ROW, WANTED, (1, 2), num_epochs=60, lr=0.25)
    assert len(losses) == 60, (
        f"learn_kernel(X, Y, (1, 2), num_epochs=60, lr=0.25) should return 60 losses, got {len(losses)}."
    )
    assert_same(
        kernel.detach(),
        torch.tensor([[2.0, 1.0]]),
        "learn_kernel(X, Y, (1, 2), num_epochs=60, lr=0.25), the kernel",
        "60 steps, each halving the distance, bring any start to [[2, 1]]. Does your kernel change at all?",
        X=ROW,
        Y=WANTED,
    )


@pytest.mark.parametrize("kernel_size", [(2, 1), 2])
def test_learn_kernel__accepts_kernel_sizes_of_any_shape(kernel_size: int | tuple[int, int]) -> None:
    shape = (2, 2) if kernel_size == 2 else (2, 1)
    X = torch.tensor([[1.0, 2.0], [3.0, 4.0]])
    Y = torch.zeros(3 - shape[0], 3 - shape[1])
    kernel, _ = exercise.learn_kernel(X, Y, kernel_size, num_epochs=1, lr=0.001)
    assert tuple(kernel.shape) == shape, (
        f"learn_kernel(X, Y, {kernel_size}) should return a kernel of shape {shape}, "
        f"got {tuple(kernel.shape)}. "
        "Is the height first, then the width?"
    )


def test_max_stable_lr__is_a_thirtieth_for_the_stripe() -> None:
    assert_same(
        exercise.max_stable_lr(STRIPE, (1, 2)),
        1 / 30,
        "max_stable_lr(edge_image(), (1, 2))",
        "The Hessian has eigenvalues 60 and 12. Which one sets the limit? Is there a factor 2 in yours?",
    )


def test_closed_form_kernel__needs_no_descent() -> None:
    assert_same(
        exercise.closed_form_kernel(STRIPE, EDGES, (1, 2)),
        torch.tensor([[1.0, -1.0]]),
        "closed_form_kernel(edge_image(), Y, (1, 2))",
        "Is each window one row of your matrix, and is Y flattened in the same order?",
        tolerance=1e-4,
    )


def test_closed_form_kernel__returns_the_smallest_norm_if_the_kernel_is_not_determined() -> None:
    X, Y = torch.ones(3, 4), torch.full((3, 3), 2.0)
    assert_same(
        exercise.closed_form_kernel(X, Y, (1, 2)),
        torch.tensor([[1.0, 1.0]]),
        "closed_form_kernel(X, Y, (1, 2))",
        "Every [[a, b]] with a + b = 2 fits. Which of them has the smallest norm?",
        tolerance=1e-4,
        X=X,
        Y=Y,
    )
