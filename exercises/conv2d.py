# %% [markdown]
# # Convolution by hand
#
# A convolution is the one operation that made computers good at seeing. It is also small: slide a little
# table of numbers over a picture, multiply, add up. At the end of this exercise you will have written it
# yourself, three different ways, and you will know what flows backward through it when a network learns.
#
# Nothing here needs more than plain tensors. Let us begin by watching it work.

# %%
import torch
from torch import Tensor, nn


def _pair(value: int | tuple[int, int]) -> tuple[int, int]:
    """Return `(height, width)`: an int counts for both axes, a pair stays as it is."""
    if isinstance(value, int):
        return value, value
    if len(value) != 2:
        raise ValueError(f"expected an int or a pair (height, width), got {value!r}")
    height, width = value
    return height, width


# %% [markdown]
# ## See it first: finding an edge
#
# The image below is 6 pixels high and 8 wide. It is white (1) with a black stripe (0) in columns 2 to 5.
# The kernel `[[1, -1]]` looks at two neighbours in a row and takes left minus right. Where both are equal
# the answer is 0. From white to black it is $1 - 0 = 1$, from black to white $0 - 1 = -1$. So the result is
# silent everywhere except at the two edges of the stripe.
#
# Then comes the surprise. Suppose nobody told us the kernel, and we only had the image and the result.
# Start with two random numbers, and ten rounds of gradient descent bring them close to `[[1, -1]]`. Nobody
# designs the kernels of a modern network: they are all found this way. (How it is done, and why at this
# very learning rate, is the exercise `kernel_learning`. Just watch for now.)

# %% tags=["example"]
if __name__ == "__main__":
    image = torch.ones(6, 8)
    image[:, 2:6] = 0
    kernel = torch.tensor([[1.0, -1.0]])

    # torch's own convolution wants a batch axis and a channel axis in front: (1, 1, height, width).
    image4, kernel4 = image.reshape(1, 1, 6, 8), kernel.reshape(1, 1, 1, 2)
    edges = torch.nn.functional.conv2d(image4, kernel4)
    print("The image, 6 x 8:", image, sep="\n")
    print("The kernel:", kernel, sep="\n")
    print("The edges, 6 x 7: 1 from white to black, -1 from black to white", edges[0, 0], sep="\n")

    learned = torch.rand(1, 1, 1, 2, requires_grad=True)
    optimizer = torch.optim.SGD([learned], lr=0.03)
    print("Learning the kernel back, from a random start:", learned.detach().flatten().tolist())
    for epoch in range(10):
        optimizer.zero_grad()
        loss = ((edges - torch.nn.functional.conv2d(image4, learned)) ** 2).sum()
        loss.backward()  # type: ignore[no-untyped-call]
        optimizer.step()
        print(f"epoch {epoch + 1:2d}   summed squared error before the step {loss.item():8.4f}")
    print("Learned:", [round(number, 3) for number in learned.detach().flatten().tolist()])


# %% [markdown]
# ## Why not simply connect everything?
#
# Take a photo of one megapixel: $1000 \times 1000$ pixels in three colours, three million numbers. A dense
# layer with a modest 1000 outputs gives each output its own weight for each number. That makes
# $3\,000\,000 \cdot 1000$, **three billion** parameters, for one layer. In 32-bit floats they fill 12 GB.
#
# A convolutional layer with ten kernels of size $5 \times 5$ over the three colours has
# $10 \cdot 3 \cdot 5 \cdot 5 = 750$ weights and ten biases: **760** parameters, however large the photo is.
# Two observations about pictures pay for this.
#
# **Translation invariance.** A cat is a cat in any corner of the picture. What detects it in one place
# should detect it in every other, so the weights need not depend on the place. Write a dense layer from a
# picture to a map of the same size as $h_{ij} = \sum_{a,b} V_{i,j,a,b}\, x_{i+a,\,j+b}$. The principle
# says: drop $i$ and $j$ from $V$. For one colour of our megapixel this leaves one weight per offset
# $(a, b)$, which is $1999^2$, about four million, where there had been $10^{12}$.
#
# **Locality.** To judge what is at $(i, j)$, look near $(i, j)$. So $V_{a,b}$ is zero when $a$ or $b$ is
# far from 0. Keeping $|a|, |b| \le 2$ leaves 25 weights. What remains is a convolution, and $V$ is its
# kernel.
#
# (One word of care. If the cat moves, the *result* of a convolution moves along with it. The exact name for
# this is translation *equivariance*. Answers that stay put under small shifts come later, with pooling.)
#
# ## Convolution or cross-correlation?
#
# The operation we build is
#
# $$Y_{ij} = \sum_{a=0}^{k_h-1} \sum_{b=0}^{k_w-1} X_{i+a,\,j+b}\; K_{ab}.$$
#
# Mathematicians call this **cross-correlation**. Their *convolution* has $X_{i-a,\,j-b}$ in it, which
# amounts to turning the kernel by 180 degrees first. Deep learning borrowed the name and left out the turn:
# when the kernel is learned, it may just as well be learned turned. So here, as in PyTorch, "convolution"
# means the formula above, and **the kernel is not flipped**. For a kernel that is given it matters:
# flipped, `[[1, -1]]` would answer -1 where we want 1.
#
# Read the formula slowly once more, it answers most questions.
#
# - $a$ runs down the rows and $b$ along the columns, for the image and for the kernel alike.
# - The image window and the kernel are multiplied *element by element*; this is no matrix product.
# - Then comes the *sum*. Not the mean, not the absolute value: a negative answer is a real answer.
# - How many positions are there? A window of height $k_h$ fits into $H$ rows at $H - k_h + 1$ places. The
#   last one counts too, and the result is smaller than the image. Height and width each go their own way.
# - `[[1, -1]]` compares neighbours *in a row*. It answers to every horizontal change, a slanted edge
#   included, and it never notices a purely vertical one.
#
# Three habits for all tensor functions of this course.
#
# - **Keep the kind of number.** The result has dtype `torch.result_type(X, K)` (a float image with an
#   integer kernel gives floats) and lives on `X.device`. A fresh `torch.zeros(3, 4)` knows nothing of
#   either: tell it.
# - **Keep the thread.** `.item()`, `float(...)`, `.detach()` and numpy cut the result off from the
#   gradient.
# - **Keep your hands off the input.** A slice such as `X[0:2, 0:3]` is a *view*, a window onto the very
#   same numbers: `window *= K` would paint over the image.
#
# "By hand" below means: without `torch.nn.functional.conv2d` and its relatives. Indexing, arithmetic, sums
# and matrix products are all yours.

# %%
def conv2d(X: Tensor, K: Tensor) -> Tensor:
    """Cross-correlate one image with one kernel, which is not flipped.

    Args:
        X: the image, shape `(H, W)`, any strides.
        K: the kernel, shape `(kh, kw)`.

    Returns:
        Y of shape `(H - kh + 1, W - kw + 1)`, dtype `torch.result_type(X, K)`, on `X.device`, differentiable
        with respect to `X` and `K`. Neither of them is changed.

    Raises:
        ValueError: X or K is not two-dimensional, or the kernel is larger than the image (stretch task
            `invalid_input`).

    Source: the one-channel case of https://docs.pytorch.org/docs/stable/generated/torch.nn.functional.conv2d.html
    """
    raise NotImplementedError("write conv2d")


# %% [markdown]
# ## From a function to a layer
#
# A layer is a function that owns its numbers. `nn.Module` does the bookkeeping: whatever you store on
# `self` as an `nn.Parameter` is found by the optimizer, saved in the `state_dict`, and moved along by
# `.to(device)` and `.double()`. A plain tensor on `self` gets none of this. And a parameter made in
# `forward` would be new on every call, so it could never learn.
#
# Our layer has a `weight` drawn by `torch.rand` (uniform between 0 and 1; `randn` would be the normal
# distribution) and a single `bias` that starts at zero. The bias belongs to the *output*: it is added once
# to every element of the result, not once for every element of the kernel.
#
# `kernel_size` may be an int (a square kernel) or a pair `(height, width)`. The little function `_pair` at
# the top of this file turns both into a pair.
#
# A tip for later: the gradient belongs to the parameter. After `backward()` look at `layer.weight.grad`;
# there is no `layer.grad`.

# %%
class Conv2D(nn.Module):
    """A layer that cross-correlates an image with its own kernel and adds its bias.

    Args:
        kernel_size: an int (both axes) or a pair `(height, width)`.

    Attributes:
        weight: parameter of shape `(kh, kw)`, drawn by `torch.rand`.
        bias: parameter of shape `(1,)`, zero at first.

    Raises:
        ValueError: the kernel size is below 1 (stretch task `invalid_input`).

    Source: https://docs.pytorch.org/docs/stable/generated/torch.nn.Module.html
    """

    def __init__(self, kernel_size: int | tuple[int, int]) -> None:
        super().__init__()
        raise NotImplementedError("write Conv2D.__init__")

    def forward(self, X: Tensor) -> Tensor:
        """Return `conv2d(X, weight) + bias`: X of shape `(H, W)` gives `(H - kh + 1, W - kw + 1)`."""
        raise NotImplementedError("write Conv2D.forward")


# %% [markdown]
# ## How large is the result?
#
# You will ask this for every layer of every network, so let us settle it once for a single axis. Four
# things decide.
#
# - **padding** $p$: so many zeros are put in front of the axis *and* behind it. The axis grows twice.
# - **kernel** $k$: how many elements the kernel has on this axis.
# - **dilation** $d$: how far apart neighbouring kernel elements lie. With $d = 1$ they touch; with $d = 2$
#   they leave one pixel out. $d$ is the *distance*, so there are $d - 1$ pixels in between. A dilated
#   kernel has no more elements than before, but it spans more pixels. How many, from its first to its last?
# - **stride** $s$: the window starts at 0, at $s$, at $2s$, and so on, as long as it fits *entirely*. A
#   last window that would stick out is left away: sizes round down.
#
# So count the starting positions. One is there as soon as the kernel fits at all; how many more steps of
# length $s$ does the room that is left allow? (Without padding, stride and dilation you must find
# $n - k + 1$ again, and a result as long as the input needs padding. It does not come by itself.)
#
# One number for each axis: for an image you will call it twice, once for the height, once for the width.

# %%
def output_size(n: int, kernel: int, stride: int = 1, padding: int = 0, dilation: int = 1) -> int:
    """Length of one axis of a convolution's result.

    Args:
        n: length of the input along this axis.
        kernel: number of kernel elements along this axis.
        stride: distance between two neighbouring windows.
        padding: number of zeros put on *each* of the two ends.
        dilation: distance between two neighbouring kernel elements; 1 means no gap.

    Returns:
        The number of window positions, an int.

    Raises:
        ValueError: stride, dilation, kernel or n below 1, negative padding, or a kernel that does not fit
            into the padded input (stretch task `invalid_input`).

    Source: section "Shape" of https://docs.pytorch.org/docs/stable/generated/torch.nn.Conv2d.html
    """
    raise NotImplementedError("write output_size")


# %% [markdown]
# ## Stretch: no loop over the pixels
#
# Two Python loops over a photo are slow: every step costs far more in Python than in arithmetic. Fast code
# hands all of the work over in a few large operations. The aim here: the number of tensor operations and of
# Python steps must *not* depend on the size of the image. (It may depend on the size of the kernel.)
#
# There are two classic ways. One looks at all windows at once: `Tensor.unfold(dim, size, step)` returns a
# view in which each window along `dim` lies in a new last axis. No number is copied. The example shows it
# for a row of six numbers. For an image you unfold twice; be sure to know, after the second time, which
# axis counts what.
#
# The other turns the formula round: for one fixed $(a, b)$, the products $X_{i+a,\,j+b} K_{ab}$ for *all*
# $(i, j)$ are one shifted piece of the image times one number.

# %% tags=["example"]
if __name__ == "__main__":
    row = torch.arange(6)
    print("A row of six:", row.tolist())
    print("Its windows of three, row.unfold(0, 3, 1):", row.unfold(0, 3, 1), sep="\n")


# %%
def conv2d_vectorized(X: Tensor, K: Tensor) -> Tensor:
    """The same result as `conv2d`, in a number of operations that does not grow with the image.

    Args:
        X: the image, shape `(H, W)`, any strides.
        K: the kernel, shape `(kh, kw)`.

    Returns:
        Y of shape `(H - kh + 1, W - kw + 1)`, dtype `torch.result_type(X, K)`, on `X.device`, differentiable.

    Raises:
        ValueError: as `conv2d`.

    Source: https://docs.pytorch.org/docs/stable/generated/torch.Tensor.unfold.html
    """
    raise NotImplementedError("write conv2d_vectorized")


# %% [markdown]
# ## Stretch: backward, written out
#
# Training needs to know: if the loss $L$ reacts to $Y_{ij}$ with the slope
# $G_{ij} = \partial L / \partial Y_{ij}$ (this is `grad_Y`), how does it react to each $X_{uv}$ and each
# $K_{ab}$? The chain rule, together with $Y_{ij} = \sum_{a,b} X_{i+a,\,j+b} K_{ab}$, answers both.
#
# - $K_{ab}$ takes part in *every* output, each time multiplied by a pixel:
#   $\partial L / \partial K_{ab} = \sum_{i,j} G_{ij}\, X_{i+a,\,j+b}$. Look closely: you have seen this
#   formula before, with another name in place of $K$.
# - $X_{uv}$ takes part only in the windows that cover it, and windows overlap: what arrives from each of
#   them is *added*. $\partial L / \partial X_{uv} = \sum_{i,j} G_{ij}\, K_{u-i,\,v-j}$, where terms outside
#   the kernel count as zero. Here the indices of $K$ run the other way: seen from the input, the kernel is
#   turned.
#
# It is $G$, the gradient of the output, that is multiplied in, never $Y$ itself. Test yourself on images
# that are not square, with a `grad_Y` that is not all ones: a good number of mistakes are invisible
# otherwise.

# %%
def conv2d_backward(grad_Y: Tensor, X: Tensor, K: Tensor) -> tuple[Tensor, Tensor]:
    """Both gradients of `conv2d`, without autograd.

    Args:
        grad_Y: gradient of the loss with respect to `Y = conv2d(X, K)`, shape `(H - kh + 1, W - kw + 1)`.
        X: the image, shape `(H, W)`.
        K: the kernel, shape `(kh, kw)`.

    Returns:
        `(grad_X, grad_K)`, of the shapes of `X` and `K`, dtype `torch.result_type(X, K)`, on `X.device`.

    Raises:
        ValueError: as `conv2d`, or `grad_Y` does not have the shape of `conv2d(X, K)`.

    Source: the chain rule; "vector-Jacobian product" in
        https://docs.pytorch.org/docs/stable/notes/autograd.html
    """
    raise NotImplementedError("write conv2d_backward")


# %% [markdown]
# ## Stretch: a convolution is a matrix
#
# Each output is a sum of pixels times fixed numbers. So the whole operation is linear, and every linear
# operation is a matrix. Lay the image out as one long column, row after row (this is what `X.flatten()`
# does), and the result as well. Then $y = M x$, where row $r$ of $M$ says how output number $r$ is made.
#
# Most of $M$ is zero (locality), and the same few numbers come back in every row, only shifted (translation
# invariance). It is the dense layer from above, with both observations written into it. Be careful where a
# window reaches its next line: neighbours in a column of the image lie $W$ places apart in the long column.
#
# There is a gift in it: the gradient with respect to the image is `M.T @ grad_Y.flatten()`. The backward
# pass is the transpose.

# %%
def conv2d_matrix(K: Tensor, input_size: tuple[int, int]) -> Tensor:
    """The matrix that does to `X.flatten()` what `conv2d(X, K)` does to `X`.

    Args:
        K: the kernel, shape `(kh, kw)`.
        input_size: the height and the width `(H, W)` of the image (an int for a square one).

    Returns:
        M of shape `((H - kh + 1) * (W - kw + 1), H * W)` and of K's dtype and device, differentiable with
        respect to `K`, with `M @ X.flatten()` equal to `conv2d(X, K).flatten()`.

    Raises:
        ValueError: K is not two-dimensional, or larger than the image.

    Source: Dumoulin and Visin, "A guide to convolution arithmetic for deep learning", section 4.1,
        https://arxiv.org/abs/1603.07285
    """
    raise NotImplementedError("write conv2d_matrix")

# %% [markdown]
# ## Stretch: saying no
#
# A kernel larger than the image fits nowhere. What should `conv2d` do then? The worst answer is a quiet
# one: an empty or a wrong tensor that turns up as a riddle three functions later. The kind answer is an
# error, at once, that says what was wrong: *kernel of shape (3, 3) does not fit into image of shape (2,
# 5)*.
#
# Go back over your functions and let them raise `ValueError`, with the offending shapes or value in the
# message, for input that no result exists for.
#
# - `conv2d`, `conv2d_vectorized`, `conv2d_backward`: an image or a kernel that does not have two axes; a
#   kernel that is higher *or* wider than the image. `conv2d_backward` also: a `grad_Y` of another shape
#   than the result.
# - `conv2d_matrix`: a kernel without two axes, or one larger than `input_size`.
# - `output_size`: stride, dilation or kernel below 1, negative padding, a kernel whose extent is larger
#   than the padded input. `Conv2D`: a kernel size below 1.
