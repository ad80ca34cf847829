# %% [markdown]
# # Many channels
#
# A colour photo isn't one table of numbers but three: red, green and blue. And a layer that only looks
# for edges in one direction wouldn't be much use; we want many kernels, each with its own result. Both
# ideas come together in one word, **channel**, and in one tensor with four axes. By the end of this
# exercise you'll have a layer that can replace `nn.Conv2d` in any network.

# %%
import torch
from torch import Tensor, nn
from torch.nn import functional as F


def _pair(value: int | tuple[int, int]) -> tuple[int, int]:
    """Return `(height, width)`: an int stands for both axes, a pair stays as it is."""
    if isinstance(value, int):
        return value, value
    if len(value) != 2:
        raise ValueError(f"expected an int or a pair (height, width), got {value!r}")
    height, width = value
    return height, width


# %% [markdown]
# ## Several input channels
#
# An image with $c_{in}$ channels has shape `(c_in, H, W)`: channels first. Its kernel has one slice for
# each channel, so its shape is `(c_in, kh, kw)`. A kernel with several slices is called a **filter**.
# Each channel is cross-correlated with *its own* slice of the filter, and the $c_{in}$ results are
# **added up** to give a single map:
#
# $$Y_{ij} = \sum_{c} \sum_{a,b} X_{c,\,i+a,\,j+b}\; K_{c,a,b}.$$
#
# So the result has no channel axis at all. Think of the filter as a small block that is as deep as the
# image: it moves down and to the right, but never along the channels. The results are summed, not
# averaged: the weights in each slice already decide how much each channel contributes.
#
# An image with three channels and a filter with two slices don't match. Python's `zip` hides this
# mistake: it stops silently at the shorter of the two.
#
# As everywhere in this course, the result has dtype `torch.result_type(X, K)`, lives on `X.device` and is
# differentiable, and the input isn't changed. "By hand" means without `torch.nn.functional.conv2d` and
# its relatives; feel free to paste in your own `conv2d` from the first exercise. `einsum`, `matmul`,
# `unfold` and `F.pad` are allowed, too.


# %%
def conv2d_multi_in(X: Tensor, K: Tensor) -> Tensor:
    """Cross-correlate an image that has several channels with one filter that has a slice for each channel.

    Args:
        X: the image, shape `(c_in, H, W)`.
        K: the filter, shape `(c_in, kh, kw)`.

    Returns:
        Y of shape `(H - kh + 1, W - kw + 1)`: the sum over all channels.

    Raises:
        ValueError: X or K isn't three-dimensional, their channels disagree, or the kernel is larger than the
            image (stretch task `invalid_input`).

    Source: the formula at the top of https://docs.pytorch.org/docs/stable/generated/torch.nn.Conv2d.html
    """
    raise NotImplementedError("write conv2d_multi_in")


# %% [markdown]
# ## Several output channels
#
# One filter gives one map. For $c_{out}$ maps we take $c_{out}$ filters, each with its own $c_{in}$
# slices, and stack them into one tensor of shape `(c_out, c_in, kh, kw)`. There is **one filter per
# output channel**: `K[o]` is the filter for output channel `o`, and its slice `K[o, c]` is applied to
# input channel `c`. That makes $c_{in} \cdot c_{out}$ slices in total.
#
# The result has $c_{out}$ channels and not $c_{in} \cdot c_{out}$, because each filter sums over the
# input channels. Every output channel sees *all* input channels, even when there are as many output
# channels as input channels.
#
# PyTorch puts the output channels first. Other libraries order the axes differently, and when
# $c_{in} = c_{out}$, mixing up these two axes raises no error at all. So test your code with a different
# number for each axis.


# %%
def conv2d_multi_in_out(X: Tensor, K: Tensor) -> Tensor:
    """Cross-correlate an image with one filter per output channel.

    Args:
        X: the image, shape `(c_in, H, W)`.
        K: the filters, shape `(c_out, c_in, kh, kw)`.

    Returns:
        Y of shape `(c_out, H - kh + 1, W - kw + 1)`.

    Raises:
        ValueError: as for `conv2d_multi_in`, with a four-dimensional K.

    Source: the formula at the top of https://docs.pytorch.org/docs/stable/generated/torch.nn.Conv2d.html
    """
    raise NotImplementedError("write conv2d_multi_in_out")


# %% [markdown]
# ## The $1 \times 1$ convolution
#
# A kernel of a single pixel sees no neighbours: no edge, no pattern. Is it useless? Not when there are
# several channels: it mixes the channels of each pixel, with the same weights at every pixel. That is a
# dense layer from $c_{in}$ to $c_{out}$ numbers, applied pixel by pixel. Networks use it to reduce, say,
# 256 channels to 64 at low cost.
#
# Without neighbours there is nothing to slide over, so you don't need any loops. Flatten each channel
# into one row: the image becomes a matrix of shape `(c_in, H * W)`, with one pixel per *column*. The
# filters become a matrix of shape `(c_out, c_in)`. Compute one matrix product, and reshape the result
# back into an image.
#
# Be careful with `reshape`: it keeps the order of the numbers and never swaps axes. A `reshape` from
# `(c_in, H, W)` to `(H * W, c_in)` has the right shape but mixes up pixels and channels.


# %%
def conv2d_1x1(X: Tensor, K: Tensor) -> Tensor:
    """Convolve with a kernel size of one pixel, as one matrix product over the channels.

    Args:
        X: the image, shape `(c_in, H, W)`.
        K: the filters, shape `(c_out, c_in, 1, 1)`.

    Returns:
        Y of shape `(c_out, H, W)`, the same as `conv2d_multi_in_out(X, K)`.

    Raises:
        ValueError: X isn't three-dimensional, K isn't four-dimensional, their channels disagree, or the
            kernel isn't 1 x 1.

    Source: Lin, Chen and Yan, "Network In Network", https://arxiv.org/abs/1312.4400
    """
    raise NotImplementedError("write conv2d_1x1")


# %% [markdown]
# ## The complete operation: batch, bias, stride, padding
#
# Now for the version that is used in practice. Four things are new.
#
# - **Batch.** `X` has shape `(N, c_in, H, W)`: N images, each processed separately with the same weights.
#   The result has shape `(N, c_out, H', W')`. A plain `.sum()` over the window would also sum over the N
#   images.
# - **Padding.** Before anything else, each *image* gets a border of `padding` zeros on all four sides
#   (the image, not the result). If `padding` is a pair, the first number is for the rows above and below,
#   the second for the columns on the left and right. Careful: `F.pad` takes the *last* axis first: left,
#   right, top, bottom.
# - **Stride.** The window moves by `stride` pixels, which may differ between the two axes. The window of
#   output `(i, j)` starts at row `i * stride` and column `j * stride`, so an index into the result is not
#   a position in the image. The stride makes the result smaller *and* moves the windows; if you forget
#   either effect, the shape or the values are wrong. Windows that don't fit completely are dropped, so
#   the size rounds down.
# - **Bias.** One number for each *output* channel, added once to every element of that channel's map. Its
#   shape is `(c_out,)`; how must you reshape it so that it broadcasts over `(N, c_out, H', W')`?
#
# Along each axis, the result has $\lfloor (n + 2p - k) / s \rfloor + 1$ elements.
#
# You may loop over the positions of the result, and compute all images and output channels at once in
# each step. `torch.einsum` is a good tool for this: give each axis a letter, and every letter that
# doesn't appear after the arrow is summed over. The example shows it on two small matrices.

# %% tags=["example"]
if __name__ == "__main__":
    first = torch.tensor([[1.0, 2.0], [3.0, 4.0]])
    second = torch.tensor([[1.0, 0.0], [10.0, 1.0]])
    print("einsum 'ni,oi->no', the sum over i:", torch.einsum("ni,oi->no", first, second), sep="\n")
    print("The same as first @ second.T:", first @ second.T, sep="\n")
    print("F.pad(first, (1, 0, 0, 2)): 1 column left, 2 rows below", F.pad(first, (1, 0, 0, 2)), sep="\n")


# %%
def conv2d_batched(
    X: Tensor,
    weight: Tensor,
    bias: Tensor | None = None,
    stride: int | tuple[int, int] = 1,
    padding: int | tuple[int, int] = 0,
) -> Tensor:
    """Convolve as networks do: a batch of images, with bias, stride and zero padding.

    Args:
        X: the images, shape `(N, c_in, H, W)`.
        weight: the filters, shape `(c_out, c_in, kh, kw)`.
        bias: one number for each output channel, shape `(c_out,)`, or None.
        stride: distance between neighbouring windows, an int or a pair `(height, width)`.
        padding: number of zeros on each side of the image, an int or a pair `(height, width)`.

    Returns:
        Y of shape `(N, c_out, (H + 2ph - kh) // sh + 1, (W + 2pw - kw) // sw + 1)`, dtype
        `torch.result_type(X, weight)`, equal to the result of `torch.nn.functional.conv2d`.

    Raises:
        ValueError: X or weight isn't four-dimensional, channels disagree, the bias has the wrong shape, the
            stride is below 1, padding is negative, or the kernel is larger than the padded image.

    Source: https://docs.pytorch.org/docs/stable/generated/torch.nn.functional.conv2d.html
    """
    raise NotImplementedError("write conv2d_batched")


# %% [markdown]
# ## A layer that can replace `nn.Conv2d`
#
# A network is saved as a `state_dict`: the names of its parameters and their values. If your layer uses
# the same names and shapes as `nn.Conv2d`, each can load what the other has saved. The names are
# `weight`, with shape `(out_channels, in_channels, kh, kw)`, and `bias`, with shape `(out_channels,)`.
# With `bias=False` there must be no `bias` in the `state_dict`, but `layer.bias` should still exist and
# be `None`.
#
# The initial weights should be random and of a sensible size: if all weights were equal, all output
# channels would learn the same thing. `nn.Conv2d` draws weights and biases uniformly between
# $-1/\sqrt{n}$ and $1/\sqrt{n}$, where $n = c_{in} k_h k_w$ is the number of inputs that one output sees.
# That is a good choice for your layer, too.


# %%
class MultiChannelConv2d(nn.Module):
    """A convolution layer with the same parameters and results as `nn.Conv2d`.

    Args:
        in_channels: number of channels of the input images.
        out_channels: number of channels of the result.
        kernel_size: an int or a pair `(height, width)`.
        stride: an int or a pair.
        padding: an int or a pair.
        bias: whether the layer has a bias.

    Attributes:
        weight: parameter of shape `(out_channels, in_channels, kh, kw)`.
        bias: parameter of shape `(out_channels,)`, or None.

    Raises:
        ValueError: a number of channels, the kernel size or the stride is below 1, or padding is negative.

    Source: https://docs.pytorch.org/docs/stable/generated/torch.nn.Conv2d.html
    """

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel_size: int | tuple[int, int],
        stride: int | tuple[int, int] = 1,
        padding: int | tuple[int, int] = 0,
        bias: bool = True,
    ) -> None:
        super().__init__()
        raise NotImplementedError("write MultiChannelConv2d.__init__")

    def forward(self, X: Tensor) -> Tensor:
        """Convolve a batch `(N, in_channels, H, W)` or, like `nn.Conv2d`, one image `(in_channels, H, W)`."""
        raise NotImplementedError("write MultiChannelConv2d.forward")


# %% [markdown]
# ## Counting parameters
#
# How large is such a layer? Count the slices, one for each pair of an input and an output channel, and
# then the numbers in each slice. If there is a bias, how many numbers does it add: one per input channel,
# per output channel, or per slice?
#
# Note what doesn't appear in the count: the height and width of the image, stride and padding. The same
# layer works on a stamp and on a poster.


# %%
def num_parameters(
    in_channels: int, out_channels: int, kernel_size: int | tuple[int, int], bias: bool = True
) -> int:
    """Count the learnable parameters of a convolution layer.

    Args:
        in_channels: number of channels of the input.
        out_channels: number of channels of the result.
        kernel_size: an int or a pair `(height, width)`.
        bias: whether the layer has a bias.

    Returns:
        The number of parameters, an int.

    Raises:
        ValueError: a number of channels or the kernel size is below 1.

    Source: "Variables" in https://docs.pytorch.org/docs/stable/generated/torch.nn.Conv2d.html
    """
    raise NotImplementedError("write num_parameters")


# %% [markdown]
# ## Stretch: dilation and groups
#
# Two arguments of `torch.nn.functional.conv2d` are still missing.
#
# **Dilation** spreads the kernel out: neighbouring kernel elements are applied to pixels that lie
# `dilation` apart. The number of weights stays the same, the extent grows to $d\,(k - 1) + 1$ pixels, and
# the result shrinks accordingly.
#
# **Groups** split the channels into `groups` equal parts that are independent of each other. The first
# part of the output channels sees only the first part of the input channels, and so on. Both numbers of
# channels must be divisible by `groups`, and `weight` has shape `(c_out, c_in // groups, kh, kw)`: its
# second axis counts only the channels that one output sees. With `groups = c_in`, each output channel
# sees a single input channel: this is called a **depthwise** convolution.
#
# As in PyTorch, `padding` may also be a string. `"valid"` means no padding. `"same"`, which is only
# allowed with stride 1, adds $d\,(k-1)$ zeros in total along each axis, so that the result is as large as
# the image; if that number is odd, the extra zero goes at the end. Also, `X` may come without a batch
# axis; then the result has none, either. Both are there for completeness, and no points depend on them.
#
# A good way to handle dilation is to loop over the elements $(a, b)$ of the kernel, not over the pixels.
# For all outputs at once, the pixels that are multiplied by element $(a, b)$ form one slice with a step.
# Where does it start, and where does it end?


# %%
def conv2d_general(
    X: Tensor,
    weight: Tensor,
    bias: Tensor | None = None,
    stride: int | tuple[int, int] = 1,
    padding: int | tuple[int, int] | str = 0,
    dilation: int | tuple[int, int] = 1,
    groups: int = 1,
) -> Tensor:
    """Convolve with every option that `torch.nn.functional.conv2d` has.

    Args:
        X: the images, shape `(N, c_in, H, W)`, or one image `(c_in, H, W)`.
        weight: the filters, shape `(c_out, c_in // groups, kh, kw)`.
        bias: shape `(c_out,)`, or None.
        stride: an int or a pair `(height, width)`.
        padding: an int, a pair, `"valid"` or `"same"`.
        dilation: an int or a pair.
        groups: number of groups of channels; it must divide both `c_in` and `c_out`.

    Returns:
        Y of shape `(N, c_out, H', W')`, or `(c_out, H', W')` for one image.

    Raises:
        ValueError: wrong number of dimensions, channels or groups that disagree, a bias of the wrong
            shape, stride or dilation below 1, negative padding or an unknown string, `"same"` with a stride
            other than 1, or a kernel larger than the padded image.

    Source: https://docs.pytorch.org/docs/stable/generated/torch.nn.functional.conv2d.html
    """
    raise NotImplementedError("write conv2d_general")


# %% [markdown]
# ## Stretch: one matrix product
#
# Why are convolutions fast on every computer? Because you can write them as a matrix product, the
# operation that hardware does best. Flatten each window, with all its channels, into one row of
# $c_{in} k_h k_w$ numbers, for all positions of all images. Flatten each filter into one row, too. Each
# output is then the dot product of two rows, and *all* outputs together are **one** matrix product. This
# trick is called *im2col*.
#
# The price is memory: where windows overlap, every pixel is copied several times, up to nine times for a
# $3 \times 3$ kernel with stride 1. The kernel isn't flipped for this, only flattened.
#
# Everything depends on the order of the axes. The numbers within a window must come in the same order as
# those of the filter (channel, row, column), and `reshape` never swaps axes; `permute` does. At the end,
# move the channel axis of the result back to its place. The number of operations must not grow with the
# batch, the channels or the image: you don't need any loops.


# %%
def conv2d_im2col(
    X: Tensor,
    weight: Tensor,
    bias: Tensor | None = None,
    stride: int | tuple[int, int] = 1,
    padding: int | tuple[int, int] = 0,
) -> Tensor:
    """Compute the same result as `conv2d_batched` with one matrix product.

    Args:
        X: the images, shape `(N, c_in, H, W)`.
        weight: the filters, shape `(c_out, c_in, kh, kw)`.
        bias: shape `(c_out,)`, or None.
        stride: an int or a pair `(height, width)`.
        padding: an int or a pair `(height, width)`.

    Returns:
        Y of shape `(N, c_out, H', W')`, dtype `torch.result_type(X, weight)`.

    Raises:
        ValueError: as for `conv2d_batched`.

    Source: Chellapilla, Puri and Simard, "High Performance Convolutional Neural Networks for Document
        Processing", 2006, https://inria.hal.science/inria-00112631
    """
    raise NotImplementedError("write conv2d_im2col")


# %% [markdown]
# ## Stretch: rejecting invalid input
#
# With four axes, a lot can go wrong, and broadcasting hides it: a filter with one channel "works" on an
# image with three. A good function notices, and its message names the shapes it was given. Make your
# functions raise `ValueError`, with a message that names the offending shapes or value, for input that
# has no valid result.
#
# - A wrong number of dimensions: of `X`, of the filters, of the bias.
# - Channels that disagree: between the image and the filters; a bias whose length isn't `c_out`.
# - A kernel that is higher or wider than the padded image; in `conv2d_general`, the dilated extent is
#   what counts.
# - A stride or a dilation below 1, negative padding.
# - `conv2d_1x1`: a kernel that isn't $1 \times 1$.
# - `conv2d_general`: `groups` that doesn't divide both numbers of channels, an unknown padding string,
#   `"same"` with a stride other than 1.
# - `MultiChannelConv2d` and `num_parameters`: channels or a kernel size below 1.
