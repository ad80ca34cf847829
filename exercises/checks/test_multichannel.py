"""Worked examples for exercises/multichannel.py, small enough to work out by hand."""

import pytest
import torch
from torch import nn

from exercises import multichannel as exercise
from exercises.checks.helpers import assert_refused, assert_same

# Two channels of 2 x 3 pixels; the second is ten times the first.
IMAGE = torch.tensor([[[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]], [[10.0, 20.0, 30.0], [40.0, 50.0, 60.0]]])
# A filter with a 1 x 2 slice for each channel: the sum of two neighbours, and right minus left.
KERNEL = torch.tensor([[[1.0, 1.0]], [[-1.0, 1.0]]])
# Channel 0 gives [[3, 5], [9, 11]], channel 1 gives 10 everywhere.
RESULT = torch.tensor([[13.0, 15.0], [19.0, 21.0]])


def test_conv2d_multi_in__sums_the_results_of_the_channels() -> None:
    assert_same(
        exercise.conv2d_multi_in(IMAGE, KERNEL),
        RESULT,
        "conv2d_multi_in(X, K)",
        "Channel 0 with K[0] gives [[3, 5], [9, 11]]. What does channel 1 give, and how are they combined?",
        X=IMAGE,
        K=KERNEL,
    )


def test_conv2d_multi_in__works_with_an_integer_kernel_and_keeps_float64() -> None:
    assert_same(
        exercise.conv2d_multi_in(IMAGE.double(), KERNEL.long()),
        RESULT.double(),
        "conv2d_multi_in(X.double(), K.long())",
        "What is torch.result_type(X, K)?",
    )


def test_conv2d_multi_in_out__gives_one_map_per_filter() -> None:
    K = torch.stack([KERNEL, 2 * KERNEL, torch.zeros(2, 1, 2)])
    assert_same(
        exercise.conv2d_multi_in_out(IMAGE, K),
        torch.stack([RESULT, 2 * RESULT, torch.zeros(2, 2)]),
        "conv2d_multi_in_out(X, K)",
        "K[1] is twice K[0], and K[2] is zero. What does that tell you about the three maps?",
        X=IMAGE,
        K=K,
    )


def test_conv2d_multi_in_out__lets_every_output_see_every_input() -> None:
    X = torch.tensor([[[1.0]], [[10.0]]])
    K = torch.tensor([[[[1.0]], [[2.0]]], [[[3.0]], [[4.0]]]])
    assert_same(
        exercise.conv2d_multi_in_out(X, K),
        torch.tensor([[[21.0]], [[43.0]]]),
        "conv2d_multi_in_out(X, K)",
        "Output 0 is 1 * 1 + 2 * 10. Which axis of K counts the outputs?",
        X=X,
        K=K,
    )


def test_conv2d_1x1__mixes_the_channels_of_each_pixel() -> None:
    K = torch.tensor([[1.0, 0.0], [0.0, 1.0], [1.0, -0.5]]).reshape(3, 2, 1, 1)
    assert_same(
        exercise.conv2d_1x1(IMAGE, K),
        torch.cat([IMAGE, -4 * IMAGE[:1]]),
        "conv2d_1x1(X, K)",
        "The first two maps copy the two channels. Did the pixels keep their positions?",
        X=IMAGE,
        K=K,
    )


def test_conv2d_batched__processes_each_image_separately() -> None:
    X = torch.stack([IMAGE, -IMAGE, 0 * IMAGE])
    assert_same(
        exercise.conv2d_batched(X, KERNEL[None]),
        torch.stack([RESULT, -RESULT, 0 * RESULT])[:, None],
        "conv2d_batched(X, weight) with three images",
        "The second image is minus the first, the third is all zeros. Do you also sum over the batch?",
    )


def test_conv2d_batched__adds_one_bias_for_each_output_channel() -> None:
    weight = torch.stack([KERNEL, KERNEL])
    bias = torch.tensor([100.0, 200.0])
    assert_same(
        exercise.conv2d_batched(IMAGE[None], weight, bias),
        torch.stack([RESULT + 100, RESULT + 200])[None],
        "conv2d_batched(X, weight, bias)",
        "Both output channels have the same filter. By how much must the results differ?",
        bias=bias,
    )


def test_conv2d_batched__moves_by_the_stride() -> None:
    X = torch.arange(20.0).reshape(1, 1, 4, 5)
    weight = torch.tensor([[[[1.0]]]])
    assert_same(
        exercise.conv2d_batched(X, weight, stride=(3, 2)),
        torch.tensor([[[[0.0, 2.0, 4.0], [15.0, 17.0, 19.0]]]]),
        "conv2d_batched(X, weight, stride=(3, 2))",
        "This filter copies pixels. Every third row and every second column, or the other way round?",
        X=X,
    )


def test_conv2d_batched__puts_zeros_around_the_image() -> None:
    X = torch.tensor([[[[1.0, 2.0]]]])
    weight = torch.ones(1, 1, 1, 2)
    assert_same(
        exercise.conv2d_batched(X, weight, padding=(0, 1)),
        torch.tensor([[[[1.0, 3.0, 2.0]]]]),
        "conv2d_batched(X, weight, padding=(0, 1))",
        "No rows above or below, one column left and right. In which order does F.pad take these?",
        X=X,
        weight=weight,
    )


def test_MultiChannelConv2d__shares_its_state_dict_with_nn_Conv2d() -> None:
    ours = exercise.MultiChannelConv2d(2, 3, (1, 2), stride=2, padding=1)
    builtin = nn.Conv2d(2, 3, (1, 2), stride=2, padding=1)
    shapes = {name: tuple(value.shape) for name, value in ours.state_dict().items()}
    expected = {name: tuple(value.shape) for name, value in builtin.state_dict().items()}
    assert shapes == expected, (
        f"MultiChannelConv2d(2, 3, (1, 2)).state_dict() should contain {expected}, but contains {shapes}. "
        "Which names and shapes does nn.Conv2d use?"
    )
    ours.load_state_dict(builtin.state_dict())
    X = torch.arange(36.0).reshape(1, 2, 3, 6)
    assert_same(
        ours(X).detach(),
        builtin(X).detach(),
        "MultiChannelConv2d(2, 3, (1, 2), stride=2, padding=1) with the parameters of nn.Conv2d",
        "Are the stride, the padding and the bias used in forward?",
        X=X,
    )


def test_MultiChannelConv2d__works_without_a_bias() -> None:
    layer = exercise.MultiChannelConv2d(2, 3, 2, bias=False)
    names = list(layer.state_dict())
    assert names == ["weight"] and layer.bias is None, (
        "MultiChannelConv2d(2, 3, 2, bias=False) should have only a weight, and its bias should be None, "
        f"but it has {names} and its bias is {layer.bias}. What does nn.Conv2d do?"
    )


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [((1, 1, 3, False), 9), ((3, 10, 5, True), 760), ((2, 4, (1, 3), True), 28)],
)
def test_num_parameters__counts_weights_and_biases(
    arguments: tuple[int, int, int | tuple[int, int], bool], expected: int
) -> None:
    assert_same(
        exercise.num_parameters(*arguments),
        expected,
        f"num_parameters{arguments}",
        "How many slices are there, how many numbers does each have, and how many biases are there?",
    )


def test_conv2d_general__spreads_the_kernel_by_the_dilation() -> None:
    X = torch.tensor([[[[1.0, 2.0, 3.0, 4.0, 5.0]]]])
    weight = torch.tensor([[[[1.0, 10.0]]]])
    assert_same(
        exercise.conv2d_general(X, weight, dilation=(1, 3)),
        torch.tensor([[[[41.0, 52.0]]]]),
        "conv2d_general(X, weight, dilation=(1, 3))",
        "The two kernel elements are 3 pixels apart. Which pixels does the first window use?",
        X=X,
        weight=weight,
    )


def test_conv2d_general__keeps_the_groups_separate() -> None:
    weight = KERNEL[:, None]
    assert_same(
        exercise.conv2d_general(IMAGE[None], weight, groups=2),
        torch.tensor([[[[3.0, 5.0], [9.0, 11.0]], [[10.0, 10.0], [10.0, 10.0]]]]),
        "conv2d_general(X, weight, groups=2)",
        "Two groups for two channels: which inputs does each output see?",
        X=IMAGE,
        weight=weight,
    )


def test_conv2d_im2col__gives_the_same_result_as_the_loops() -> None:
    X = torch.stack([IMAGE, -IMAGE])
    assert_same(
        exercise.conv2d_im2col(X, torch.stack([KERNEL, 2 * KERNEL, 0 * KERNEL])),
        torch.stack(
            [torch.stack([RESULT, 2 * RESULT, 0 * RESULT]), torch.stack([-RESULT, -2 * RESULT, 0 * RESULT])]
        ),
        "conv2d_im2col(X, weight)",
        "Are the numbers of a window in the filter's order? Do you permute before you reshape?",
    )


def test_invalid_input__rejects_channels_that_disagree() -> None:
    assert_refused(
        lambda: exercise.conv2d_multi_in(torch.zeros(3, 4, 4), torch.zeros(2, 2, 2)),
        "conv2d_multi_in(X of shape (3, 4, 4), K of shape (2, 2, 2))",
        "The image has three channels, the filter two: does zip or broadcasting hide this?",
    )


def test_invalid_input__rejects_a_kernel_larger_than_the_padded_image() -> None:
    assert_refused(
        lambda: exercise.conv2d_batched(torch.zeros(1, 1, 2, 6), torch.zeros(1, 1, 5, 2), padding=1),
        "conv2d_batched(X of shape (1, 1, 2, 6), weight of shape (1, 1, 5, 2), padding=1)",
        "The padded image is 4 high, the kernel is 5 high. Where would the first window end?",
    )
