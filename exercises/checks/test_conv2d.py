"""Worked examples for exercises/conv2d.py, small enough to do in your head."""

import pytest
import torch

from exercises import conv2d as exercise
from exercises.checks.helpers import assert_refused, assert_same

IMAGE = torch.tensor([[1.0, 2.0, 3.0, 4.0], [5.0, 6.0, 7.0, 8.0], [0.0, 1.0, 0.0, 2.0]])
KERNEL = torch.tensor([[1.0, 2.0], [0.0, -1.0]])
RESULT = torch.tensor([[-1.0, 1.0, 3.0], [16.0, 20.0, 21.0]])


def test_conv2d__multiplies_each_window_by_the_kernel_and_adds_up() -> None:
    assert_same(
        exercise.conv2d(IMAGE, KERNEL),
        RESULT,
        "conv2d(X, K)",
        "The first window is [[1, 2], [5, 6]]. Can you get -1 out of it with pen and paper?",
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


def test_conv2d__keeps_height_and_width_apart() -> None:
    X = torch.arange(10.0).reshape(2, 5)
    K = torch.tensor([[1.0, 0.0, 2.0]])
    assert_same(
        exercise.conv2d(X, K),
        torch.tensor([[4.0, 7.0, 10.0], [19.0, 22.0, 25.0]]),
        "conv2d(X, K)",
        "The kernel is 1 high and 3 wide. At how many places does it fit, downward and to the right?",
        X=X,
        K=K,
    )


def test_conv2d__gives_one_number_when_the_kernel_fills_the_image() -> None:
    X = torch.tensor([[1.0, 2.0], [3.0, 4.0]])
    assert_same(
        exercise.conv2d(X, X),
        torch.tensor([[30.0]]),
        "conv2d(X, X)",
        "There is one window, so the result has shape (1, 1). Did an axis get lost?",
        X=X,
    )


def test_conv2d__works_with_an_integer_kernel_and_keeps_float64() -> None:
    X, K = IMAGE.double(), KERNEL.long()
    assert_same(
        exercise.conv2d(X, K),
        RESULT.double(),
        "conv2d(X.double(), K.long())",
        "Which dtype does torch.result_type(X, K) name, and which one did your result start with?",
        X=X,
        K=K,
    )


def test_conv2d__lets_the_gradient_through() -> None:
    X = torch.tensor([[1.0, 2.0, 3.0]], requires_grad=True)
    K = torch.tensor([[1.0, -1.0]], requires_grad=True)
    Y = exercise.conv2d(X, K)
    assert Y.requires_grad, (
        "conv2d(X, K) with an X and a K that require grad gave a result that does not. "
        "Where is the thread cut: .item(), float(...), .detach(), torch.tensor(...)?"
    )
    grad_X, grad_K = torch.autograd.grad(Y, (X, K), torch.tensor([[1.0, 10.0]]))
    question = "Does any step on the way from X and K to Y leave the notes of autograd?"
    assert_same(grad_X, torch.tensor([[1.0, 9.0, -10.0]]), "conv2d(X, K), gradient of X", question, X=X, K=K)
    assert_same(grad_K, torch.tensor([[21.0, 32.0]]), "conv2d(X, K), gradient of K", question, X=X, K=K)


def test_conv2d__leaves_its_input_alone() -> None:
    X, K = IMAGE.clone(), KERNEL.clone()
    exercise.conv2d(X, K)
    question = "A slice is a view of the image. Is something written to it in place?"
    assert_same(X, IMAGE, "X after conv2d(X, K)", question)
    assert_same(K, KERNEL, "K after conv2d(X, K)", question)


def test_Conv2D__owns_a_weight_and_a_bias() -> None:
    layer = exercise.Conv2D((2, 3))
    shapes = {name: tuple(parameter.shape) for name, parameter in layer.named_parameters()}
    assert shapes == {"weight": (2, 3), "bias": (1,)}, (
        f"Conv2D((2, 3)) should have a weight of shape (2, 3) and a bias of shape (1,), got {shapes}. "
        "Is each of them an nn.Parameter, stored on self in __init__?"
    )
    assert_same(
        layer.bias.detach(), torch.zeros(1), "Conv2D((2, 3)).bias", "What should the bias start with?"
    )
    weight = layer.weight.detach()
    assert bool(((weight >= 0) & (weight < 1)).all()), (
        f"Conv2D((2, 3)).weight should be drawn by torch.rand, all in [0, 1), got {weight.tolist()}. "
        "Which of rand and randn is the uniform one?"
    )


def test_Conv2D__takes_an_int_for_a_square_kernel() -> None:
    shape = tuple(exercise.Conv2D(3).weight.shape)
    assert shape == (3, 3), (
        f"Conv2D(3).weight should have shape (3, 3), it has {shape}. What does _pair(3) give?"
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
def test_output_size__counts_the_places_where_the_window_fits(
    arguments: dict[str, int], expected: int
) -> None:
    call = ", ".join(f"{name}={value}" for name, value in arguments.items())
    assert_same(
        exercise.output_size(**arguments),
        expected,
        f"output_size({call})",
        "Where does the first window start, where the last one that fits entirely?",
    )


def test_conv2d_vectorized__gives_what_the_loops_give() -> None:
    assert_same(
        exercise.conv2d_vectorized(IMAGE, KERNEL),
        RESULT,
        "conv2d_vectorized(X, K)",
        "After two unfolds there are four axes. Which of them count the windows?",
        X=IMAGE,
        K=KERNEL,
    )


def test_conv2d_vectorized__copes_with_a_transposed_image() -> None:
    assert_same(
        exercise.conv2d_vectorized(IMAGE.T, KERNEL.T),
        RESULT.T,
        "conv2d_vectorized(X.T, K.T)",
        "A transposed tensor lies in memory in another order. Does your code count on a certain one?",
        X=IMAGE,
        K=KERNEL,
    )


def test_conv2d_backward__collects_what_each_output_asks_for() -> None:
    X = torch.tensor([[1.0, 2.0, 3.0]])
    K = torch.tensor([[1.0, -1.0]])
    grad_Y = torch.tensor([[1.0, 10.0]])
    grad_X, grad_K = exercise.conv2d_backward(grad_Y, X, K)
    call = "conv2d_backward(grad_Y, X, K)"
    assert_same(
        grad_X,
        torch.tensor([[1.0, 9.0, -10.0]]),
        f"{call}, grad_X",
        "The middle pixel is in both windows. What does each of them send back to it?",
        grad_Y=grad_Y,
        X=X,
        K=K,
    )
    assert_same(
        grad_K,
        torch.tensor([[21.0, 32.0]]),
        f"{call}, grad_K",
        "The first kernel element met the pixels 1 and 2. How much did each of the two outputs matter?",
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
        "Fold the first row into the shape (2, 3). Do you see the kernel, laid on the image?",
        K=K,
    )


def test_invalid_input__a_kernel_larger_than_the_image_is_refused() -> None:
    assert_refused(
        lambda: exercise.conv2d(torch.zeros(2, 5), torch.zeros(3, 3)),
        "conv2d(X of shape (2, 5), K of shape (3, 3))",
        "The kernel is higher than the image. Who should notice, and say which shapes came?",
    )


def test_invalid_input__a_stride_of_zero_is_refused() -> None:
    assert_refused(
        lambda: exercise.output_size(5, 3, stride=0),
        "output_size(5, 3, stride=0)",
        "A window that never moves on has no number of places. Is the stride checked before it is used?",
    )
