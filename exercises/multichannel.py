# %% [markdown]
# # Many channels
#
# A colour photo is not one table of numbers but three: red, green and blue. And a layer that looks for
# edges in one direction only would be of little use; we want many kernels, each with a result of its own.
# Both ideas meet in one word, **channel**, and in one tensor of four axes. At the end of this exercise you
# have a layer that can take the place of `nn.Conv2d` in any network.

# %%
import torch
from torch import Tensor, nn
from torch.nn import functional as F


def _pair(value: int | tuple[int, int]) -> tuple[int, int]:
    """Return `(height, width)`: an int counts for both axes, a pair stays as it is."""
    if isinstance(value, int):
        return value, value
    if len(value) != 2:
        raise ValueError(f"expected an int or a pair (height, width), got {value!r}")
    height, width = value
    return height, width


# %% [markdown]
# ## Several channels in
#
# An image with $c_{in}$ channels has shape `(c_in, H, W)`: channels first. Its kernel gets one layer for
# each channel, so its shape is `(c_in, kh, kw)`. Each channel is cross-correlated with *its own* layer of
# the kernel, and the $c_{in}$ results are **added up** into one map:
#
# $$Y_{ij} = \sum_{c} \sum_{a,b} X_{c,\,i+a,\,j+b}\; K_{c,a,b}.$$
#
# So the result has no channel axis at all. Think of the kernel as a little block that is as deep as the
# image: it moves down and to the right, never in depth, because there is no room. It is a sum and not an
# average: a channel is not a shade of grey but a witness of its own, and the kernel decides how much each
# one's word counts.
#
# An image of three channels and a kernel of two do not belong together. A trap here is Python's `zip`: it
# stops at the shorter of the two without a word.
#
# As everywhere in this course, the result has dtype `torch.result_type(X, K)`, lies on `X.device`, is
# differentiable, and leaves its input alone. "By hand" means without `torch.nn.functional.conv2d` and its
# relatives; you are free to bring your own `conv2d` from the first exercise and to paste it in here.
# `einsum`, `matmul`, `unfold` and `F.pad` are fair, too.

# %%
def conv2d_multi_in(X: Tensor, K: Tensor) -> Tensor:
    """Cross-correlate an image of several channels with one kernel of as many layers.

    Args:
        X: the image, shape `(c_in, H, W)`.
        K: the kernel, shape `(c_in, kh, kw)`.

    Returns:
        Y of shape `(H - kh + 1, W - kw + 1)`: the sum over all channels.

    Raises:
        ValueError: X or K is not three-dimensional, their channels disagree, or the kernel is larger than the
            image (stretch task `invalid_input`).

    Source: the formula at the top of https://docs.pytorch.org/docs/stable/generated/torch.nn.Conv2d.html
    """
    raise NotImplementedError("write conv2d_multi_in")


# %% [markdown]
# ## Several channels out
#
# One kernel gives one map. For $c_{out}$ maps we take $c_{out}$ kernels, each a block of $c_{in}$ layers of
# its own, and put them together into one tensor of shape `(c_out, c_in, kh, kw)`. So there are
# $c_{in} \cdot c_{out}$ small kernels in all, in **one group for each output channel**: `K[o]` is the group
# for output channel `o`, and `K[o, c]` says what this output makes of input channel `c`.
#
# The result has `c_out` channels and not $c_{in} \cdot c_{out}$, because within a group the sum is taken.
# Every output channel sees *all* of the input channels, also if there are equally many of both.
#
# The order of the axes, output first, is PyTorch's. Other libraries use others, and with $c_{in} = c_{out}$
# an exchange of the two raises no error at all. So try your code with different numbers everywhere.

# %%
def conv2d_multi_in_out(X: Tensor, K: Tensor) -> Tensor:
    """Cross-correlate an image with one group of kernels for each output channel.

    Args:
        X: the image, shape `(c_in, H, W)`.
        K: the kernels, shape `(c_out, c_in, kh, kw)`.

    Returns:
        Y of shape `(c_out, H - kh + 1, W - kw + 1)`.

    Raises:
        ValueError: as `conv2d_multi_in`, with a four-dimensional K.

    Source: the formula at the top of https://docs.pytorch.org/docs/stable/generated/torch.nn.Conv2d.html
    """
    raise NotImplementedError("write conv2d_multi_in_out")


# %% [markdown]
# ## The $1 \times 1$ convolution
#
# A kernel of a single pixel sees no neighbours: no edge, no pattern. Is it good for nothing? With channels,
# no: it mixes the channels of each pixel, with the same weights at every pixel. That is a dense layer from
# $c_{in}$ to $c_{out}$ numbers, applied pixel by pixel. Networks use it to bring 256 channels down to 64 at
# little cost.
#
# Without neighbours there is nothing to slide, so there is a way without loops. Lay all pixels of a channel
# in one row: the image becomes a matrix of shape `(c_in, H * W)`, one pixel in each *column*. The kernel is
# a matrix of shape `(c_out, c_in)`. One matrix product, and the pixels back into place.
#
# Take care when you lay out the numbers. `reshape` only reads them in order and folds them anew; it
# exchanges no axes. A `reshape` from `(c_in, H, W)` to `(H * W, c_in)` has the right shape and mixes pixels
# with channels.

# %%
def conv2d_1x1(X: Tensor, K: Tensor) -> Tensor:
    """A convolution with kernels of one pixel, as one matrix product over the channels.

    Args:
        X: the image, shape `(c_in, H, W)`.
        K: the kernels, shape `(c_out, c_in, 1, 1)`.

    Returns:
        Y of shape `(c_out, H, W)`, the same as `conv2d_multi_in_out(X, K)`.

    Raises:
        ValueError: X is not three- or K not four-dimensional, their channels disagree, or K is not 1 x 1.

    Source: Lin, Chen and Yan, "Network In Network", https://arxiv.org/abs/1312.4400
    """
    raise NotImplementedError("write conv2d_1x1")


# %% [markdown]
# ## The whole thing: batch, bias, stride, padding
#
# Now to what is used in practice. Four things are new.
#
# - **Batch.** `X` has shape `(N, c_in, H, W)`: N images, each treated alone, the same weights for all. The
#   result has shape `(N, c_out, H', W')`. A plain `.sum()` over the window would add up the N images as
#   well.
# - **Padding.** A frame of `padding` zeros is put around each *image* before anything else happens (around
#   the image, not the result; above, below, left and right). With a pair, the first number is for the rows
#   on top and below, the second for the columns left and right. Careful: `F.pad` lists the *last* axis
#   first: left, right, top, bottom.
# - **Stride.** The window moves on by `stride` pixels, which may differ for the two axes. Output `(i, j)`
#   has its window at row `i * stride` and column `j * stride`: an index of the result is not yet a position
#   in the image. The stride makes the result smaller *and* moves the windows; forget one, and either the
#   shape or the numbers are wrong. Windows that do not fit entirely are left away, so the size rounds down.
# - **Bias.** One number for each *output* channel, added once to its whole map. Shape `(c_out,)`; think
#   about how it has to be shaped to broadcast over `(N, c_out, H', W')`.
#
# Along each axis the result has $\lfloor (n + 2p - k) / s \rfloor + 1$ elements.
#
# You may loop over the positions of the result, and let each step serve all images and output channels at
# once. `torch.einsum` is a fine tool for this: name the axes by letters, and each letter missing after the
# arrow is summed over. The example shows it on two small matrices.

# %% tags=["example"]
if __name__ == "__main__":
    first = torch.tensor([[1.0, 2.0], [3.0, 4.0]])
    second = torch.tensor([[1.0, 0.0], [10.0, 1.0]])
    print("einsum 'ni,oi->no', the sum over i:", torch.einsum("ni,oi->no", first, second), sep="\n")
    print("It is the same as first @ second.T:", first @ second.T, sep="\n")
    print("F.pad(first, (1, 0, 0, 2)): 1 column left, 2 rows below", F.pad(first, (1, 0, 0, 2)), sep="\n")


# %%
def conv2d_batched(
    X: Tensor,
    weight: Tensor,
    bias: Tensor | None = None,
    stride: int | tuple[int, int] = 1,
    padding: int | tuple[int, int] = 0,
) -> Tensor:
    """The convolution of a network: a batch of images, bias, stride and zero padding.

    Args:
        X: the images, shape `(N, c_in, H, W)`.
        weight: the kernels, shape `(c_out, c_in, kh, kw)`.
        bias: one number for each output channel, shape `(c_out,)`, or None.
        stride: distance between neighbouring windows, an int or a pair `(height, width)`.
        padding: zeros on each side of the image, an int or a pair `(height, width)`.

    Returns:
        Y of shape `(N, c_out, (H + 2ph - kh) // sh + 1, (W + 2pw - kw) // sw + 1)`, dtype
        `torch.result_type(X, weight)`, equal to `torch.nn.functional.conv2d`.

    Raises:
        ValueError: X or weight is not four-dimensional, channels disagree, the bias has the wrong shape, the
            stride is below 1, padding is negative, or the kernel is larger than the padded image.

    Source: https://docs.pytorch.org/docs/stable/generated/torch.nn.functional.conv2d.html
    """
    raise NotImplementedError("write conv2d_batched")


# %% [markdown]
# ## A layer that can step in for `nn.Conv2d`
#
# A network is saved as a `state_dict`: the names of its parameters and their numbers. If your layer uses
# the same names and shapes as `nn.Conv2d`, each can load what the other has saved. The names are `weight`,
# shape `(out_channels, in_channels, kh, kw)`, and `bias`, shape `(out_channels,)`. With `bias=False` there
# must be no `bias` in the `state_dict`, yet `layer.bias` should be there and be `None`.
#
# The start should be random and of a sensible size: with all weights equal, all output channels would learn
# the same. `nn.Conv2d` draws weights and biases uniformly from $-1/\sqrt{n}$ to $1/\sqrt{n}$, with
# $n = c_{in} k_h k_w$ the number of inputs that one output sees. That is a good choice for you, too.

# %%
class MultiChannelConv2d(nn.Module):
    """A convolution layer whose parameters and results are those of `nn.Conv2d`.

    Args:
        in_channels: channels of the images that come in.
        out_channels: channels of the result.
        kernel_size: an int or a pair `(height, width)`.
        stride: an int or a pair.
        padding: an int or a pair.
        bias: whether there is a bias.

    Attributes:
        weight: parameter of shape `(out_channels, in_channels, kh, kw)`.
        bias: parameter of shape `(out_channels,)`, or None.

    Raises:
        ValueError: channels, kernel size or stride below 1, or negative padding.

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
        """Convolve a batch `(N, in_channels, H, W)`, or one image without batch axis, as `nn.Conv2d` does."""
        raise NotImplementedError("write MultiChannelConv2d.forward")


# %% [markdown]
# ## Counting parameters
#
# How large is such a layer? Count the small kernels, one for each pair of an input and an output channel,
# and then the numbers in each. If there is a bias, how many numbers does it add: one per input channel, per
# output channel, or per kernel?
#
# Note what does not appear: height and width of the image, stride and padding. The same layer works on a
# stamp and on a poster.

# %%
def num_parameters(
    in_channels: int, out_channels: int, kernel_size: int | tuple[int, int], bias: bool = True
) -> int:
    """Number of learned numbers in a convolution layer.

    Args:
        in_channels: channels of the input.
        out_channels: channels of the result.
        kernel_size: an int or a pair `(height, width)`.
        bias: whether the layer has a bias.

    Returns:
        The count, an int.

    Raises:
        ValueError: channels or kernel size below 1.

    Source: "Variables" in https://docs.pytorch.org/docs/stable/generated/torch.nn.Conv2d.html
    """
    raise NotImplementedError("write num_parameters")


# %% [markdown]
# ## Stretch: dilation and groups
#
# Two arguments of `torch.nn.functional.conv2d` are still missing.
#
# **Dilation** pulls the elements of the kernel apart: neighbours in the kernel lie `dilation` pixels apart
# in the image. The number of weights stays, the extent grows to $d\,(k - 1) + 1$ pixels, and the result
# shrinks accordingly.
#
# **Groups** cut the channels into `groups` equal parts that know nothing of each other. The first part of
# the input channels serves only the first part of the output channels, and so on. Both numbers of channels
# must be divisible by `groups`, and `weight` has the shape `(c_out, c_in // groups, kh, kw)`: its second
# axis counts only the channels that one output sees. With `groups = c_in` each input channel is alone: this
# is called **depthwise**.
#
# As in PyTorch, `padding` may also be a word: `"valid"` is no padding, and `"same"`, for stride 1 only,
# pads in all $d\,(k-1)$ zeros along each axis, so that the result is as large as the image; if that number
# is odd, the additional zero goes to the end. And `X` may come without its batch axis; then the result has
# none, either. Both are for completeness, and no points depend on them.
#
# A good way to see dilation: loop over the elements $(a, b)$ of the kernel, not over the pixels. All the
# pixels that meet element $(a, b)$, for all outputs at once, form one slice with a step. Where does it
# begin, where does it end?

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
    """All that `torch.nn.functional.conv2d` can do.

    Args:
        X: the images, shape `(N, c_in, H, W)`, or one image `(c_in, H, W)`.
        weight: the kernels, shape `(c_out, c_in // groups, kh, kw)`.
        bias: shape `(c_out,)`, or None.
        stride: an int or a pair `(height, width)`.
        padding: an int, a pair, `"valid"` or `"same"`.
        dilation: an int or a pair.
        groups: number of groups of channels; it divides `c_in` and `c_out`.

    Returns:
        Y of shape `(N, c_out, H', W')`, or `(c_out, H', W')` for one image.

    Raises:
        ValueError: wrong number of dimensions, channels or groups that disagree, a bias of the wrong
            shape, stride or dilation below 1, negative padding or an unknown word, `"same"` with a stride
            other than 1, or a kernel larger than the padded image.

    Source: https://docs.pytorch.org/docs/stable/generated/torch.nn.functional.conv2d.html
    """
    raise NotImplementedError("write conv2d_general")


# %% [markdown]
# ## Stretch: one matrix product
#
# Why are convolutions fast on every computer? Because they can be written as the operation that hardware
# does best. Write out each window, all channels of it, as one long row of $c_{in} k_h k_w$ numbers, for all
# positions of all images. Write each output channel's kernels as one long row, too. Each result is then a
# product of two rows, and *all* results together are **one** matrix product. The name of the trick is
# *im2col*.
#
# The price is memory: where windows overlap, every pixel is written several times, with a $3 \times 3$
# kernel and stride 1 up to nine times. The kernel is not flipped for this, it is only laid out flat.
#
# Everything depends on the order of the axes. The numbers within a window must be in the order in which the
# kernel's are, channel, row, column, and `reshape` never exchanges axes; `permute` does. In the end put the
# channel axis of the result back into its place. The number of operations must not grow with batch,
# channels or image: no loop is needed.

# %%
def conv2d_im2col(
    X: Tensor,
    weight: Tensor,
    bias: Tensor | None = None,
    stride: int | tuple[int, int] = 1,
    padding: int | tuple[int, int] = 0,
) -> Tensor:
    """The same result as `conv2d_batched`, by one matrix product.

    Args:
        X: the images, shape `(N, c_in, H, W)`.
        weight: the kernels, shape `(c_out, c_in, kh, kw)`.
        bias: shape `(c_out,)`, or None.
        stride: an int or a pair `(height, width)`.
        padding: an int or a pair `(height, width)`.

    Returns:
        Y of shape `(N, c_out, H', W')`, dtype `torch.result_type(X, weight)`.

    Raises:
        ValueError: as `conv2d_batched`.

    Source: Chellapilla, Puri and Simard, "High Performance Convolutional Neural Networks for Document
        Processing", 2006, https://inria.hal.science/inria-00112631
    """
    raise NotImplementedError("write conv2d_im2col")

# %% [markdown]
# ## Stretch: saying no
#
# With four axes there is much that can disagree, and broadcasting hides it: a kernel with one channel
# "works" on an image with three. A good function notices, and says which shapes it was given. Let your
# functions raise `ValueError`, with a message naming the offending shapes or value, for input that no
# result exists for.
#
# - A wrong number of dimensions: of `X`, of the kernel, of the bias.
# - Channels that disagree: of image and kernel; a bias that is not of length `c_out`.
# - A kernel higher or wider than the padded image; in `conv2d_general`, it is the dilated extent that
#   counts.
# - A stride or a dilation below 1, negative padding.
# - `conv2d_1x1`: a kernel that is not $1 \times 1$. `conv2d_general`: groups that do not divide both
#   numbers of channels, a padding word that does not exist, `"same"` with a stride.
# - `MultiChannelConv2d` and `num_parameters`: channels or a kernel size below 1.
