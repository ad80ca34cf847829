"""Worked examples for exercises/multichannel.py, small enough to do in your head."""

import pytest
import torch
from torch import nn

from exercises import multichannel as exercise
from exercises.checks.helpers import assert_refused, assert_same

# Two channels of 2 x 3 pixels; the second is ten times the first.
IMAGE = torch.tensor([[[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]], [[10.0, 20.0, 30.0], [40.0, 50.0, 60.0]]])
# A kernel of size 1 x 2 for each channel: the sum of two neighbours, and right minus left.
KERNEL = torch.tensor([[[1.0, 1.0]], [[-1.0, 1.0]]])
# Channel 0 gives [[3, 5], [9, 11]], channel 1 gives 10 everywhere.
RESULT = torch.tensor([[13.0, 15.0], [19.0, 21.0]])


def test_conv2d_multi_in__adds_up_what_each_channels_own_kernel_gives() -> None:
    assert_same(
        exercise.conv2d_multi_in(IMAGE, KERNEL),
        RESULT,
        "conv2d_multi_in(X, K)",
        "Channel 0 with K[0] gives [[3, 5], [9, 11]]. What does channel 1 with K[1] give, and then?",
        X=IMAGE,
        K=KERNEL,
    )


def test_conv2d_multi_in__works_with_an_integer_kernel_and_keeps_float64() -> None:
    assert_same(
        exercise.conv2d_multi_in(IMAGE.double(), KERNEL.long()),
        RESULT.double(),
        "conv2d_multi_in(X.double(), K.long())",
        "Which dtype does torch.result_type(X, K) name?",
    )


def test_conv2d_multi_in_out__gives_one_map_for_each_group_of_kernels() -> None:
    K = torch.stack([KERNEL, 2 * KERNEL, torch.zeros(2, 1, 2)])
    assert_same(
        exercise.conv2d_multi_in_out(IMAGE, K),
        torch.stack([RESULT, 2 * RESULT, torch.zeros(2, 2)]),
        "conv2d_multi_in_out(X, K)",
        "K[1] is twice K[0], and K[2] is zero. What does that say about the three maps?",
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
        "The first two maps copy the two channels. Did the pixels stay in their places?",
        X=IMAGE,
        K=K,
    )


def test_conv2d_batched__treats_each_image_of_the_batch_alone() -> None:
    X = torch.stack([IMAGE, -IMAGE, 0 * IMAGE])
    assert_same(
        exercise.conv2d_batched(X, KERNEL[None]),
        torch.stack([RESULT, -RESULT, 0 * RESULT])[:, None],
        "conv2d_batched(X, weight) with three images",
        "The second image is minus the first, the third is black. Does your sum run over the batch as well?",
    )


def test_conv2d_batched__adds_one_bias_for_each_output_channel() -> None:
    weight = torch.stack([KERNEL, KERNEL])
    bias = torch.tensor([100.0, 200.0])
    assert_same(
        exercise.conv2d_batched(IMAGE[None], weight, bias),
        torch.stack([RESULT + 100, RESULT + 200])[None],
        "conv2d_batched(X, weight, bias)",
        "Both output channels have the same kernels. By how much must they differ?",
        bias=bias,
    )


def test_conv2d_batched__moves_by_the_stride() -> None:
    X = torch.arange(20.0).reshape(1, 1, 4, 5)
    weight = torch.tensor([[[[1.0]]]])
    assert_same(
        exercise.conv2d_batched(X, weight, stride=(3, 2)),
        torch.tensor([[[[0.0, 2.0, 4.0], [15.0, 17.0, 19.0]]]]),
        "conv2d_batched(X, weight, stride=(3, 2))",
        "This kernel copies pixels. Every third row and every second column, or the other way round?",
        X=X,
    )


def test_conv2d_batched__puts_zeros_around_the_image() -> None:
    X = torch.tensor([[[[1.0, 2.0]]]])
    weight = torch.ones(1, 1, 1, 2)
    assert_same(
        exercise.conv2d_batched(X, weight, padding=(0, 1)),
        torch.tensor([[[[1.0, 3.0, 2.0]]]]),
        "conv2d_batched(X, weight, padding=(0, 1))",
        "No row above or below, one column left and right. In which order does F.pad want these?",
        X=X,
        weight=weight,
    )


def test_MultiChannelConv2d__exchanges_its_state_with_the_builtin_layer() -> None:
    ours = exercise.MultiChannelConv2d(2, 3, (1, 2), stride=2, padding=1)
    builtin = nn.Conv2d(2, 3, (1, 2), stride=2, padding=1)
    shapes = {name: tuple(value.shape) for name, value in ours.state_dict().items()}
    expected = {name: tuple(value.shape) for name, value in builtin.state_dict().items()}
    assert shapes == expected, (
        f"MultiChannelConv2d(2, 3, (1, 2)).state_dict() should hold {expected}, it holds {shapes}. "
        "Which names and shapes does nn.Conv2d use?"
    )
    ours.load_state_dict(builtin.state_dict())
    X = torch.arange(36.0).reshape(1, 2, 3, 6)
    assert_same(
        ours(X).detach(),
        builtin(X).detach(),
        "MultiChannelConv2d(2, 3, (1, 2), stride=2, padding=1) with the numbers of nn.Conv2d",
        "Do stride and padding reach the computation, and does the bias?",
        X=X,
    )


def test_MultiChannelConv2d__can_go_without_a_bias() -> None:
    layer = exercise.MultiChannelConv2d(2, 3, 2, bias=False)
    names = list(layer.state_dict())
    assert names == ["weight"] and layer.bias is None, (
        f"MultiChannelConv2d(2, 3, 2, bias=False) should have only a weight, and bias None; it has {names} "
        f"and bias {layer.bias}. What does nn.Conv2d do?"
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
        "How many small kernels are there, how many numbers in each, and how many biases?",
    )


def test_conv2d_general__spreads_the_kernel_by_the_dilation() -> None:
    X = torch.tensor([[[[1.0, 2.0, 3.0, 4.0, 5.0]]]])
    weight = torch.tensor([[[[1.0, 10.0]]]])
    assert_same(
        exercise.conv2d_general(X, weight, dilation=(1, 3)),
        torch.tensor([[[[41.0, 52.0]]]]),
        "conv2d_general(X, weight, dilation=(1, 3))",
        "The two kernel elements lie 3 pixels apart. Which pixels does the first window take?",
        X=X,
        weight=weight,
    )


def test_conv2d_general__keeps_the_groups_apart() -> None:
    weight = KERNEL[:, None]
    assert_same(
        exercise.conv2d_general(IMAGE[None], weight, groups=2),
        torch.tensor([[[[3.0, 5.0], [9.0, 11.0]], [[10.0, 10.0], [10.0, 10.0]]]]),
        "conv2d_general(X, weight, groups=2)",
        "Two groups for two channels: which inputs does each output see?",
        X=IMAGE,
        weight=weight,
    )


def test_conv2d_im2col__gives_what_the_loops_give() -> None:
    X = torch.stack([IMAGE, -IMAGE])
    assert_same(
        exercise.conv2d_im2col(X, torch.stack([KERNEL, 2 * KERNEL, 0 * KERNEL])),
        torch.stack(
            [torch.stack([RESULT, 2 * RESULT, 0 * RESULT]), torch.stack([-RESULT, -2 * RESULT, 0 * RESULT])]
        ),
        "conv2d_im2col(X, weight)",
        "Are a window's numbers in the order of the kernel's? What did reshape do, and what permute?",
    )


def test_invalid_input__channels_that_disagree_are_refused() -> None:
    assert_refused(
        lambda: exercise.conv2d_multi_in(torch.zeros(3, 4, 4), torch.zeros(2, 2, 2)),
        "conv2d_multi_in(X of shape (3, 4, 4), K of shape (2, 2, 2))",
        "Three channels of the image, two of the kernel: does zip or broadcasting hide it?",
    )


def test_invalid_input__a_kernel_larger_than_the_padded_image_is_refused() -> None:
    assert_refused(
        lambda: exercise.conv2d_batched(torch.zeros(1, 1, 2, 6), torch.zeros(1, 1, 5, 2), padding=1),
        "conv2d_batched(X of shape (1, 1, 2, 6), weight of shape (1, 1, 5, 2), padding=1)",
        "With its padding the image is 4 high, the kernel 5. Where would the first window end?",
    )
