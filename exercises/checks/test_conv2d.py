"""Worked examples for exercises/conv2d.py, small enough to work out by hand."""

import pytest
import torch

from exercises import conv2d as exercise
from exercises.checks.helpers import assert_refused, assert_same

IMAGE = torch.tensor([[1.0, 2.0, 3.0, 4.0], [5.0, 6.0, 7.0, 8.0], [0.0, 1.0, 0.0, 2.0]])
KERNEL = torch.tensor([[1.0, 2.0], [0.0, -1.0]])
RESULT = torch.tensor([[-1.0, 1.0, 3.0], [16.0, 20.0, 21.0]])


def test_conv2d__multiplies_each_window_by_the_kernel_and_sums() -> None:
    assert_same(
        exercise.conv2d(IMAGE, KERNEL),
        RESULT,
        "conv2d(X, K)",
        "The first window is [[1, 2], [5, 6]]. Can you get -1 from it with pen and paper?",
        X=IMAGE,
        K=KERNEL,
    )


def test_conv2d__slides_the_kernel_without_flipping_it() -> None:
    X = torch.ones(6, 8)
    X[:, 2:6] = 0
    K = torch.tensor([[1.0, -1.0]])
    expected = torch.zeros(6, 7)
    expected[:, 1] = 1
    expected[:, 5] = -1
    assert_same(
        exercise.conv2d(X, K),
        expected,
        "conv2d(X, K)",
        "Left minus right: from white to black, should that be 1 or -1?",
        X=X,
        K=K,
    )


def test_conv2d__does_not_mix_up_height_and_width() -> None:
    X = torch.arange(10.0).reshape(2, 5)
    K = torch.tensor([[1.0, 0.0, 2.0]])
    assert_same(
        exercise.conv2d(X, K),
        torch.tensor([[4.0, 7.0, 10.0], [19.0, 22.0, 25.0]]),
        "conv2d(X, K)",
        "The kernel is 1 high and 3 wide. At how many positions does it fit, vertically and horizontally?",
        X=X,
        K=K,
    )


def test_conv2d__gives_one_number_when_the_kernel_fills_the_image() -> None:
    X = torch.tensor([[1.0, 2.0], [3.0, 4.0]])
    assert_same(
        exercise.conv2d(X, X),
        torch.tensor([[30.0]]),
        "conv2d(X, X)",
        "There is one window, so the result has shape (1, 1). Did you lose an axis?",
        X=X,
    )


def test_conv2d__works_with_an_integer_kernel_and_keeps_float64() -> None:
    X, K = IMAGE.double(), KERNEL.long()
    assert_same(
        exercise.conv2d(X, K),
        RESULT.double(),
        "conv2d(X.double(), K.long())",
        "What is torch.result_type(X, K), and with which dtype did you create your result?",
        X=X,
        K=K,
    )


def test_conv2d__lets_the_gradient_through() -> None:
    X = torch.tensor([[1.0, 2.0, 3.0]], requires_grad=True)
    K = torch.tensor([[1.0, -1.0]], requires_grad=True)
    Y = exercise.conv2d(X, K)
    assert Y.requires_grad, (
        "conv2d(X, K): X and K require grad, but the result doesn't. "
        "Where does the computation graph end: .item(), float(...), .detach(), torch.tensor(...)?"
    )
    grad_X, grad_K = torch.autograd.grad(Y, (X, K), torch.tensor([[1.0, 10.0]]))
    question = "Does any step between X, K and Y leave the computation graph?"
    assert_same(grad_X, torch.tensor([[1.0, 9.0, -10.0]]), "conv2d(X, K), gradient of X", question, X=X, K=K)
    assert_same(grad_K, torch.tensor([[21.0, 32.0]]), "conv2d(X, K), gradient of K", question, X=X, K=K)


def test_conv2d__does_not_change_its_input() -> None:
    X, K = IMAGE.clone(), KERNEL.clone()
    exercise.conv2d(X, K)
    question = "A slice is a view of the image. Do you change it in place?"
    assert_same(X, IMAGE, "X after conv2d(X, K)", question)
    assert_same(K, KERNEL, "K after conv2d(X, K)", question)


def test_Conv2D__has_a_weight_and_a_bias() -> None:
    layer = exercise.Conv2D((2, 3))
    shapes = {name: tuple(parameter.shape) for name, parameter in layer.named_parameters()}
    assert shapes == {"weight": (2, 3), "bias": (1,)}, (
        f"Conv2D((2, 3)) should have a weight of shape (2, 3) and a bias of shape (1,), got {shapes}. "
        "Is each an nn.Parameter that you store on self in __init__?"
    )
    assert_same(
        layer.bias.detach(), torch.zeros(1), "Conv2D((2, 3)).bias", "What is the initial value of the bias?"
    )
    weight = layer.weight.detach()
    assert bool(((weight >= 0) & (weight < 1)).all()), (
        f"Conv2D((2, 3)).weight should be drawn by torch.rand, all in [0, 1), got {weight.tolist()}. "
        "Which one is uniform, rand or randn?"
    )


def test_Conv2D__takes_an_int_for_a_square_kernel() -> None:
    shape = tuple(exercise.Conv2D(3).weight.shape)
    assert shape == (3, 3), (
        f"Conv2D(3).weight should have shape (3, 3), but it has {shape}. What does _pair(3) return?"
    )


def test_Conv2D__adds_the_bias_once_to_every_output() -> None:
    layer = exercise.Conv2D(2)
    with torch.no_grad():
        layer.weight.copy_(KERNEL)
        layer.bias.fill_(100)
    assert_same(
        layer(IMAGE).detach(),
        RESULT + 100,
        "layer(X) with layer.weight = K and layer.bias = 100",
        "How often is the bias added to one output: once, or once for each kernel element?",
        X=IMAGE,
        K=KERNEL,
    )


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        ({"n": 8, "kernel": 3}, 6),
        ({"n": 5, "kernel": 5}, 1),
        ({"n": 8, "kernel": 3, "padding": 1}, 8),
        ({"n": 8, "kernel": 3, "stride": 2}, 3),
        ({"n": 28, "kernel": 5, "stride": 2, "padding": 2}, 14),
        ({"n": 9, "kernel": 3, "dilation": 2}, 5),
        ({"n": 10, "kernel": 3, "stride": 3, "padding": 1, "dilation": 3}, 2),
    ],
)
def test_output_size__counts_the_positions_where_the_window_fits(
    arguments: dict[str, int], expected: int
) -> None:
    call = ", ".join(f"{name}={value}" for name, value in arguments.items())
    assert_same(
        exercise.output_size(**arguments),
        expected,
        f"output_size({call})",
        "Where does the first window start, and where does the last one that fits completely?",
    )


def test_conv2d_vectorized__gives_the_same_result_as_the_loops() -> None:
    assert_same(
        exercise.conv2d_vectorized(IMAGE, KERNEL),
        RESULT,
        "conv2d_vectorized(X, K)",
        "After two unfolds there are four axes. Which of them index the windows?",
        X=IMAGE,
        K=KERNEL,
    )


def test_conv2d_vectorized__works_for_a_transposed_image() -> None:
    assert_same(
        exercise.conv2d_vectorized(IMAGE.T, KERNEL.T),
        RESULT.T,
        "conv2d_vectorized(X.T, K.T)",
        "A transposed tensor has a different memory layout. Does your code rely on a particular one?",
        X=IMAGE,
        K=KERNEL,
    )


def test_conv2d_backward__adds_up_the_contributions_of_all_outputs() -> None:
    X = torch.tensor([[1.0, 2.0, 3.0]])
    K = torch.tensor([[1.0, -1.0]])
    grad_Y = torch.tensor([[1.0, 10.0]])
    grad_X, grad_K = exercise.conv2d_backward(grad_Y, X, K)
    call = "conv2d_backward(grad_Y, X, K)"
    assert_same(
        grad_X,
        torch.tensor([[1.0, 9.0, -10.0]]),
        f"{call}, grad_X",
        "The middle pixel is in both windows. What does each of them contribute to its gradient?",
        grad_Y=grad_Y,
        X=X,
        K=K,
    )
    assert_same(
        grad_K,
        torch.tensor([[21.0, 32.0]]),
        f"{call}, grad_K",
        "The first kernel element was multiplied by the pixels 1 and 2. What is the gradient of each output?",
        grad_Y=grad_Y,
        X=X,
        K=K,
    )


def test_conv2d_matrix__has_one_row_per_output_and_one_column_per_pixel() -> None:
    K = torch.tensor([[1.0, 2.0], [3.0, 4.0]])
    expected = torch.tensor(
        [
            [1.0, 2.0, 0.0, 3.0, 4.0, 0.0],
            [0.0, 1.0, 2.0, 0.0, 3.0, 4.0],
        ]
    )
    assert_same(
        exercise.conv2d_matrix(K, (2, 3)),
        expected,
        "conv2d_matrix(K, (2, 3))",
        "Reshape the first row to (2, 3). Do you see the kernel in its place in the image?",
        K=K,
    )


def test_invalid_input__rejects_a_kernel_larger_than_the_image() -> None:
    assert_refused(
        lambda: exercise.conv2d(torch.zeros(2, 5), torch.zeros(3, 3)),
        "conv2d(X of shape (2, 5), K of shape (3, 3))",
        "The kernel is higher than the image. Do you compare their shapes before the loops?",
    )


def test_invalid_input__rejects_a_stride_of_zero() -> None:
    assert_refused(
        lambda: exercise.output_size(5, 3, stride=0),
        "output_size(5, 3, stride=0)",
        "With stride 0 the window never moves. Do you check the stride before you use it?",
    )
