"""Worked examples for exercises/pooling.py, small enough to work out by hand."""

from collections.abc import Callable

import pytest
import torch
from torch import nn

from exercises.checks.helpers import assert_same
from exercises.pooling import (
    AvgPool2d,
    MaxPool2d,
    avg_pool_as_conv,
    pool2d,
    pool2d_backward,
    pool2d_multi_channel,
    receptive_field,
)


def small_image() -> torch.Tensor:
    return torch.tensor([[1.0, 3, 2, 0, 5], [4, 0, 1, 7, 2], [6, 2, 8, 1, 3]])


def test_pool2d__keeps_the_largest_value_of_each_window() -> None:
    X = torch.tensor([[0.0, 1, 2, 3], [4, 5, 6, 7]])
    assert_same(
        pool2d(X, 2),
        torch.tensor([[5.0, 7]]),
        "pool2d(X, 2)",
        "Which four numbers are in the first window, and which is the largest?",
        X=X,
    )


def test_pool2d__takes_the_mean_in_avg_mode() -> None:
    X = torch.tensor([[0.0, 1, 2, 3], [4, 5, 6, 7]])
    assert_same(
        pool2d(X, 2, mode="avg"),
        torch.tensor([[2.5, 4.5]]),
        'pool2d(X, 2, mode="avg")',
        "Do you use the mode for each window? And do you take the mean, not the sum?",
        X=X,
    )


def test_pool2d__moves_by_the_window_size_and_drops_the_rest() -> None:
    X = small_image()
    assert_same(
        pool2d(X, 2),
        torch.tensor([[4.0, 7]]),
        "pool2d(X, 2)",
        "Without a stride, how far does the window move? How many complete windows fit into 3 x 5?",
        X=X,
    )


def test_pool2d__reads_pairs_as_height_and_width() -> None:
    X = small_image()
    assert_same(
        pool2d(X, (1, 3), stride=(2, 1)),
        torch.tensor([[3.0, 3, 5], [8, 8, 8]]),
        "pool2d(X, (1, 3), stride=(2, 1))",
        "The window is 1 high and 3 wide, and moves 2 down and 1 to the right. Which number is for rows?",
        X=X,
    )


def test_pool2d__never_lets_padding_win_the_maximum() -> None:
    X = torch.tensor([[-1.0, -2], [-3, -4]])
    assert_same(
        pool2d(X, 2, padding=1),
        torch.tensor([[-1.0, -2], [-3, -4]]),
        "pool2d(X, 2, padding=1)",
        "Each window has one real pixel and three of padding. Which padding value can never win?",
        X=X,
    )


def test_pool2d__counts_padding_as_zeros_in_the_mean() -> None:
    X = torch.tensor([[4.0, 8], [12, 16]])
    assert_same(
        pool2d(X, 2, mode="avg", padding=1),
        torch.tensor([[1.0, 2], [3, 4]]),
        'pool2d(X, 2, mode="avg", padding=1)',
        "Each window has one real pixel and three zeros. What is the sum divided by?",
        X=X,
    )


def test_pool2d__keeps_double_precision() -> None:
    X = small_image().double()
    assert_same(
        pool2d(X, 3, stride=2),
        torch.tensor([[8.0, 8]], dtype=torch.float64),
        "pool2d(X, 3, stride=2) with X in float64",
        "Where do you create the result, and with which dtype?",
        X=X,
    )


def test_pool2d__does_not_change_its_input() -> None:
    X = small_image()
    pool2d(X, 2, padding=1)
    assert_same(X, small_image(), "X after pool2d(X, 2, padding=1)", "Do you write into a slice of X?")


def test_pool2d__lets_the_gradient_through_to_the_maxima() -> None:
    X = small_image().requires_grad_()
    Y = pool2d(X, 2)
    assert Y.requires_grad, (
        "pool2d(X, 2): X requires grad, but the result doesn't. "
        "Do you convert a tensor to a number on the way, with `.item()`, `float` or NumPy?"
    )
    (Y * torch.tensor([[1.0, 10]])).sum().backward()  # type: ignore[no-untyped-call]
    assert_same(
        X.grad,
        torch.tensor([[0.0, 0, 0, 0, 0], [1, 0, 0, 10, 0], [0, 0, 0, 0, 0]]),
        "X.grad after pool2d(X, 2), with output gradients 1 and 10",
        "Where in X were the two maxima?",
        X=X,
    )


def test_pool2d_multi_channel__pools_each_channel_separately() -> None:
    X = torch.stack([small_image(), -small_image()])
    assert_same(
        pool2d_multi_channel(X, 2),
        torch.tensor([[[4.0, 7]], [[0, 0]]]),
        "pool2d_multi_channel(X, 2) with X of shape (2, 3, 5)",
        "Two channels went in. How many should come out?",
        X=X,
    )


def test_pool2d_multi_channel__pools_a_batch() -> None:
    X = torch.arange(24.0).reshape(2, 3, 2, 2)
    assert_same(
        pool2d_multi_channel(X, 2, mode="avg"),
        torch.tensor([[[[1.5]], [[5.5]], [[9.5]]], [[[13.5]], [[17.5]], [[21.5]]]]),
        'pool2d_multi_channel(X, 2, mode="avg") with X of shape (2, 3, 2, 2)',
        "Does the result still have four axes, even where their length is 1?",
        X=X,
    )


def test_pool2d_multi_channel__passes_on_stride_and_padding() -> None:
    X = torch.tensor([[[-3.0, -1, -2]], [[4, 6, 5]]])
    assert_same(
        pool2d_multi_channel(X, (1, 2), stride=1, padding=(0, 1)),
        torch.tensor([[[-3.0, -1, -1, -2]], [[4, 6, 6, 5]]]),
        "pool2d_multi_channel(X, (1, 2), stride=1, padding=(0, 1))",
        "Do you pass on all the settings? On which sides is the padding, and is it ever the maximum?",
        X=X,
    )


def test_MaxPool2d__pools_a_batch_of_images() -> None:
    X = torch.arange(24.0).reshape(2, 3, 2, 2)
    assert_same(
        MaxPool2d(2)(X),
        torch.tensor([[[[3.0]], [[7]], [[11]]], [[[15]], [[19]], [[23]]]]),
        "MaxPool2d(2)(X) with X of shape (2, 3, 2, 2)",
        "What does your pool2d_multi_channel return for the same input?",
        X=X,
    )


def test_MaxPool2d__remembers_stride_and_padding() -> None:
    X = torch.tensor([[[[-3.0, -1, -2]]]])
    assert_same(
        MaxPool2d((1, 2), stride=1, padding=(0, 1))(X),
        torch.tensor([[[[-3.0, -1, -1, -2]]]]),
        "MaxPool2d((1, 2), stride=1, padding=(0, 1))(X)",
        "Do you store all three settings on `self` and use them in `forward`?",
        X=X,
    )


def test_MaxPool2d__has_nothing_to_learn() -> None:
    parameters = list(MaxPool2d(2).parameters())
    assert parameters == [], (
        f"MaxPool2d(2) has {len(parameters)} parameters, expected none. What could pooling learn?"
    )


def test_AvgPool2d__pools_a_batch_of_images() -> None:
    X = torch.arange(24.0).reshape(2, 3, 2, 2)
    assert_same(
        AvgPool2d(2)(X),
        torch.tensor([[[[1.5]], [[5.5]], [[9.5]]], [[[13.5]], [[17.5]], [[21.5]]]]),
        "AvgPool2d(2)(X) with X of shape (2, 3, 2, 2)",
        "Which mode does this layer use?",
        X=X,
    )


def test_AvgPool2d__remembers_stride_and_padding() -> None:
    X = torch.tensor([[[[-3.0, -1, -2]]]])
    assert_same(
        AvgPool2d((1, 2), stride=1, padding=(0, 1))(X),
        torch.tensor([[[[-1.5, -2, -1.5, -1]]]]),
        "AvgPool2d((1, 2), stride=1, padding=(0, 1))(X)",
        "Do you store all three settings on `self` and use them in `forward`? Do the padded zeros count?",
        X=X,
    )


def test_receptive_field__of_nothing_is_one_pixel() -> None:
    assert_same(
        receptive_field([]), 1, "receptive_field([])", "With no layers, how many pixels does a pixel see?"
    )


def test_receptive_field__of_one_layer_is_its_kernel() -> None:
    assert_same(
        receptive_field([(5, 2)]), 5, "receptive_field([(5, 2)])", "Does a layer's own stride matter?"
    )


def test_receptive_field__counts_overlapping_pixels_once() -> None:
    assert_same(
        receptive_field([(3, 1), (3, 1)]),
        5,
        "receptive_field([(3, 1), (3, 1)])",
        "Three neighbouring windows of three pixels overlap. How many pixels do they cover together?",
    )


def test_receptive_field__multiplies_the_strides_below() -> None:
    assert_same(
        receptive_field([(2, 3), (2, 2), (3, 1)]),
        17,
        "receptive_field([(2, 3), (2, 2), (3, 1)])",
        "How many input pixels apart are two neighbours after the first layer, and after the second?",
    )


def test_receptive_field__includes_holes() -> None:
    assert_same(
        receptive_field([(1, 4), (2, 1)]),
        5,
        "receptive_field([(1, 4), (2, 1)])",
        "Pixels 0 and 4 are seen. What is the extent from the first to the last?",
    )


def test_avg_pool_as_conv__gives_the_means() -> None:
    X = torch.tensor([[[[1.0, 3, 5, 7]], [[0, 20, 40, 60]]]])
    conv = avg_pool_as_conv(2, (1, 2))
    assert isinstance(conv, nn.Conv2d), (
        f"avg_pool_as_conv(2, (1, 2)) returned {type(conv).__name__}, expected Conv2d. Do you return it?"
    )
    assert_same(
        conv(X).detach(),
        torch.tensor([[[[2.0, 6]], [[10, 50]]]]),
        "avg_pool_as_conv(2, (1, 2))(X)",
        "Does each channel see only itself? Which stride does pooling use? Is there still a bias?",
        X=X,
    )


def test_avg_pool_as_conv__has_fixed_weights() -> None:
    learning = [
        name for name, parameter in avg_pool_as_conv(3, 2).named_parameters() if parameter.requires_grad
    ]
    assert learning == [], (
        f"avg_pool_as_conv(3, 2): {learning} will be learned, but nothing should be. "
        "How do you mark a parameter as fixed?"
    )


def test_pool2d_backward__adds_up_where_windows_overlap() -> None:
    X, grad_Y = torch.tensor([[1.0, 5, 2]]), torch.tensor([[10.0, 1]])
    assert_same(
        pool2d_backward(grad_Y, X, (1, 2), "max", 1),
        torch.tensor([[0.0, 11, 0]]),
        'pool2d_backward(grad_Y, X, (1, 2), "max", 1)',
        "The 5 is the maximum of both windows. What gradient does it receive?",
        grad_Y=grad_Y,
        X=X,
    )
    assert_same(
        pool2d_backward(grad_Y, X, (1, 2), "avg", 1),
        torch.tensor([[5.0, 5.5, 0.5]]),
        'pool2d_backward(grad_Y, X, (1, 2), "avg", 1)',
        "Each window gives half of its gradient to each of its two pixels. How much does the middle one get?",
        grad_Y=grad_Y,
        X=X,
    )


def test_pool2d_backward__sends_the_gradient_of_a_tie_to_its_first_position() -> None:
    X, grad_Y = torch.tensor([[1.0, 7], [7, 7]]), torch.tensor([[5.0]])
    assert_same(
        pool2d_backward(grad_Y, X, 2),
        torch.tensor([[0.0, 5], [0, 0]]),
        "pool2d_backward(grad_Y, X, 2)",
        "Reading row by row, where does the maximum occur first?",
        grad_Y=grad_Y,
        X=X,
    )


def refused(call: str, function: Callable[[], object], named: str) -> None:
    """Fail unless the call raises a `ValueError` whose message contains `named`."""
    try:
        result = function()
    except ValueError as error:
        if named not in str(error):
            pytest.fail(f"{call}: the message is {str(error)!r}. Does it name the offending value, {named}?")
    else:
        pytest.fail(f"{call} returned {result!r}, expected a ValueError. Is there a valid result?")


def test_invalid_input__rejects_an_unknown_mode() -> None:
    refused('pool2d(X, 2, mode="median")', lambda: pool2d(small_image(), 2, mode="median"), "median")


def test_invalid_input__rejects_padding_of_more_than_half_the_window() -> None:
    refused("pool2d(X, 3, padding=2)", lambda: pool2d(small_image(), 3, padding=2), "2")


def test_invalid_input__rejects_an_image_without_channels() -> None:
    refused(
        "pool2d_multi_channel(X, 2) with X of shape (3, 5)",
        lambda: pool2d_multi_channel(small_image(), 2),
        "(3, 5)",
    )
