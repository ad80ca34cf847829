# %% [markdown] order=5
# # LeNet
#
# Convolution, multiple channels, pooling: you have all the parts, and now you put them together into a
# network. You'll build a close relative of a famous one, look inside it, measure it, train it, give it
# good initial weights, and finally design a better one.
#
# You may use everything in `torch.nn` here.

# %%
from collections.abc import Callable, Iterable

import torch
from torch import Tensor, nn

# %% [markdown]
# ## Where it came from
#
# In the 1990s, banks and post offices wanted machines that could read handwriting. Yann LeCun, Léon
# Bottou, Yoshua Bengio and Patrick Haffner showed how to build them in "Gradient-based learning applied
# to document recognition" (Proceedings of the IEEE, 1998). Their LeNet-5 learned its features from
# pixels, end to end by gradient descent, at a time when features were usually designed by hand. It went
# on to read real cheques.
#
# The basic structure is still in use. First comes a **convolutional part**: the image gets smaller and
# the number of channels grows, from many simple features with precise positions ("a stroke here") to
# fewer positions with richer features ("a loop somewhere at the top"). Then comes a **dense part**, which
# turns these features into one score per class.
#
# Our version is simplified. Images are $28 \times 28$ instead of $32 \times 32$, so the first convolution
# makes up for it with a padding of 2. The pooling has no parameters, the second convolution connects all
# channels, and the last layer is an ordinary linear one; in 1998 these were more elaborate.
#
# ## See it first
#
# Here is how the shape changes on the way through such layers, with random weights and sizes other than
# ours.

# %% tags=["example"]
if __name__ == "__main__":
    signal = torch.rand(2, 3, 20, 24)
    print(f"{'two images with three channels':32s}{tuple(signal.shape)}")
    for layer in (
        nn.Conv2d(3, 8, kernel_size=3),
        nn.Sigmoid(),
        nn.AvgPool2d(2),
        nn.Flatten(),
        nn.Linear(8 * 9 * 11, 5),
    ):
        signal = layer(signal)
        print(f"{type(layer).__name__:32s}{tuple(signal.shape)}")

# %% [markdown]
# Follow the sizes. The convolution takes $20 \times 24$ to $18 \times 22$ and produces 8 channels. The
# sigmoid doesn't change the shape. Pooling halves both sides: $9 \times 11$. `nn.Flatten` keeps the batch
# axis and flattens the rest into one row of $8 \cdot 9 \cdot 11 = 792$ numbers, and this is the input
# size that the linear layer needs. If you see the famous error "mat1 and mat2 shapes cannot be
# multiplied", this is usually the number that is wrong.
#
# ## The network
#
# | part | layers |
# |---|---|
# | block 1 | convolution 1 to 6 channels, $5 \times 5$, padding 2; sigmoid; average pooling 2, stride 2 |
# | block 2 | convolution 6 to 16 channels, $5 \times 5$; sigmoid; average pooling 2, stride 2 |
# | dense | flatten; linear 400 to 120; sigmoid; linear 120 to 84; sigmoid; linear 84 to 10 |
#
# Work out the 400 yourself before you believe it. The network has 61,706 parameters, and 48,120 of them
# are in the first linear layer.
#
# The result is ten **logits**: raw scores, positive or negative, one per class. There is no softmax at
# the end, because PyTorch's cross-entropy loss already includes it. With a second softmax in front of the
# loss, the loss of a single example can never fall below $\ln(e + 9) - 1 \approx 1.46$, and learning is
# very slow.
#
# Note the order: *sigmoid first, then pooling*. With PyTorch's initial weights the sigmoids are so close
# to linear that the reverse order gives the same outputs to about five digits. So neither the outputs nor
# the accuracy will reveal the mistake.
#
# Layers must be registered to be trained: put them inside `nn.Sequential`, or store them as attributes of
# your own module. If you keep layers in a Python list, or create them in `forward`, the optimizer never
# sees their parameters.


# %% task="lenet" kind="core" points=6 difficulty=2 minutes=15 importance=5
def lenet() -> nn.Module:
    """Build the classic network, with PyTorch's default initialisation.

    Returns:
        A module that maps images `(N, 1, 28, 28)` to logits `(N, 10)`; its 61,706 parameters are in forward
        order.

    Source: LeCun, Bottou, Bengio and Haffner, "Gradient-based learning applied to document recognition",
        1998, simplified
    """
    ### BEGIN SOLUTION
    return nn.Sequential(
        nn.Conv2d(1, 6, kernel_size=5, padding=2),
        nn.Sigmoid(),
        nn.AvgPool2d(kernel_size=2, stride=2),
        nn.Conv2d(6, 16, kernel_size=5),
        nn.Sigmoid(),
        nn.AvgPool2d(kernel_size=2, stride=2),
        nn.Flatten(),
        nn.Linear(16 * 5 * 5, 120),
        nn.Sigmoid(),
        nn.Linear(120, 84),
        nn.Sigmoid(),
        nn.Linear(84, 10),
    )
    ### END SOLUTION


# %% [markdown] hints="lenet"
# 1. What is the shape after each layer if a $28 \times 28$ image goes in? Where do the 400 come from?
# 2. One `nn.Sequential` with twelve entries is enough. How many sigmoids are there, and what comes after
#    the last linear layer?
# 3. `nn.Sequential(nn.Conv2d(1, 6, kernel_size=5, padding=2), nn.Sigmoid(), nn.AvgPool2d(2, 2), ...)`:
#    the second block is similar, with `nn.Conv2d(6, 16, kernel_size=5)`, followed by `nn.Flatten()`,
#    `nn.Linear(400, 120)` and so on. There are four sigmoids, and nothing follows `nn.Linear(84, 10)`.

# %% [markdown]
# ## Looking inside: hooks and modes
#
# The first thing to do with a new network is to send one image through and look at the shapes. A
# **forward hook** is a function that a module calls after each of its forward passes:
#
# `handle = module.register_forward_hook(hook)`, where `hook(module, inputs, output)` returns nothing.
#
# It stays registered until you call `handle.remove()`. If you forget to remove it, it runs on every pass
# from then on. So remove it in a `finally` block, which runs even if the pass fails.
#
# Inspecting a network shouldn't change it. Two kinds of layer depend on the **mode** of the network. In
# *training mode* (`net.train()`), dropout switches units off at random, and batch normalisation uses the
# statistics of the batch and updates its running averages, which are *buffers*: state that isn't trained
# by gradients. In *evaluation mode* (`net.eval()`), dropout does nothing, and batch normalisation uses
# its running averages without updating them. So inspect in evaluation mode, and restore the mode
# afterwards. Every submodule has its own `training` flag: somebody may have frozen one part with
# `net[1].eval()`, and `net.train()` would undo that. And with `torch.no_grad()` you don't build a
# computation graph that nobody needs.


# %% task="layer_shapes" kind="core" points=4 difficulty=3 minutes=20 importance=4
def layer_shapes(
    net: nn.Module, input_shape: tuple[int, ...] = (1, 1, 28, 28)
) -> list[tuple[str, tuple[int, ...]]]:
    """Send one input through a network and list the output shape of each direct child.

    Args:
        net: any module whose direct children each return one tensor.
        input_shape: shape of the input; its dtype and device are those of the parameters.

    Returns:
        `(class name, output shape)` of every direct child, in order, such as `("Conv2d", (1, 6, 28, 28))`.
        Nothing about `net` changes: not its training mode, parameters, buffers or hooks.

    Source: https://docs.pytorch.org/docs/stable/generated/torch.nn.Module.html (register_forward_hook)
    """
    ### BEGIN SOLUTION
    shapes: dict[nn.Module, tuple[int, ...]] = {}

    def remember_shape(module: nn.Module, inputs: tuple[Tensor, ...], output: Tensor) -> None:
        shapes[module] = tuple(output.shape)

    parameter = next(net.parameters(), torch.empty(0))
    X = torch.zeros(input_shape, dtype=parameter.dtype, device=parameter.device)
    modes = [(module, module.training) for module in net.modules()]
    # The pass works on copies of the buffers, and the state of the random generator is restored after it.
    buffers = {name: buffer.clone() for name, buffer in net.named_buffers()}
    hooks = [child.register_forward_hook(remember_shape) for child in net.children()]
    net.eval()
    try:
        with torch.no_grad(), torch.random.fork_rng(devices=[]):
            torch.func.functional_call(net, buffers, (X,))
    finally:
        for hook in hooks:
            hook.remove()
        for module, mode in modes:
            module.training = mode
    return [(type(child).__name__, shapes[child]) for child in net.children()]
    ### END SOLUTION


# %% [markdown] hints="layer_shapes"
# 1. If `net` is an `nn.Sequential`, you could call its children one after another. What if it's a module
#    with its own `forward`? How can you find out what each child returned?
# 2. Register a forward hook on each of `net.children()` that stores `output.shape`, then call the network
#    once on zeros. Before that, save `module.training` for every module in `net.modules()`. What has to
#    be restored, and where should that happen if the pass may fail?
# 3. `hooks = [child.register_forward_hook(note) for child in net.children()]` and `net.eval()`. In
#    `try:`, do one pass under `torch.no_grad()`; in `finally:`, call `remove()` on each hook and restore
#    `module.training` module by module. The zeros take `dtype` and `device` from
#    `next(net.parameters())`.

# %% [markdown]
# ## Accuracy
#
# The prediction is the class with the largest logit, and the accuracy is the fraction of correct
# predictions. Batches can differ in size, and the last one is often smaller. So count correct predictions
# and examples; the mean of the batches' accuracies is something else.
#
# Evaluating is not training: use evaluation mode and no gradients, and restore the mode of every module
# afterwards. The data may be on a different device than the network, so move each batch to the device of
# the network's parameters.
#
# **Why accuracy alone proves little.** It is one number at the end of a long chain, and networks are good
# at compensating for our mistakes. Max instead of average pooling, a missing sigmoid, the layers of a
# block in the wrong order: most such networks still learn, and reach about the same accuracy. Conversely,
# a perfectly correct network may stay at 10 % for its first few hundred steps. So test the parts where
# you know the right answer: shapes, the number of parameters, outputs and gradients for given weights,
# the loss of the first few steps. Then look at the accuracy.


# %% task="accuracy" kind="core" points=3 difficulty=2 minutes=15 importance=5
def accuracy(net: nn.Module, data: Iterable[tuple[Tensor, Tensor]]) -> float:
    """Compute the fraction of correct predictions, in evaluation mode and without gradients.

    Args:
        net: a module that maps a batch `X` to logits `(N, classes)`.
        data: batches `(X, y)` of any sizes; `y` has shape `(N,)` and holds class numbers.

    Returns:
        A number from 0 to 1. The mode of `net` and of each of its submodules stays as it was.

    Source: https://docs.pytorch.org/docs/stable/notes/autograd.html (evaluation mode and no-grad mode)
    """
    ### BEGIN SOLUTION
    device = next(
        (parameter.device for parameter in net.parameters()), None
    )  # None leaves batches where they are
    modes = [(module, module.training) for module in net.modules()]
    right = examples = 0
    net.eval()
    try:
        with torch.no_grad():
            for X, y in data:
                prediction = net(X.to(device)).argmax(dim=1)
                right += int((prediction == y.to(device)).sum())
                examples += len(y)
    finally:
        for module, mode in modes:
            module.training = mode
    return right / examples
    ### END SOLUTION


# %% [markdown] hints="accuracy"
# 1. Two batches, of 3 and 1 examples, have 3 and 0 correct predictions: what is the accuracy? And what is
#    the mean of the two batches' accuracies?
# 2. Count with two plain integers. Along which axis of `(N, classes)` do you look for the largest logit?
#    What do you have to save before `net.eval()`?
# 3. `device = next(net.parameters()).device`; under `torch.no_grad()`, add up
#    `(net(X.to(device)).argmax(dim=1) == y.to(device)).sum().item()` and `len(y)`. Before that, save
#    `[(module, module.training) for module in net.modules()]`, and restore the flags in `finally`.

# %% [markdown]
# ## Training
#
# One epoch goes through all batches once. Each batch gives one step of *stochastic gradient descent*:
#
# $$w \leftarrow w - \text{lr} \cdot \nabla_w L, \qquad L = \frac{1}{n} \sum_i \ell(\text{net}(x_i), y_i),$$
#
# where $\ell$ is the cross-entropy of the logits and the class number; for logits $z$ it is
# $\ell(z, y) = \ln \sum_k e^{z_k} - z_y$. A network that guesses among ten classes has a loss of
# $\ln 10 \approx 2.30$, a number worth remembering. We use plain SGD, without momentum or other extras.
#
# - Gradients *accumulate* in `parameter.grad` until you clear them: do it once for every batch.
# - The order is: clear, forward, backward, step. If you clear between backward and step, you throw away
#   what was just computed.
# - `cross_entropy` gives the mean over the batch. For the mean over the *epoch*, a batch of 3 must count
#   three times as much as a batch of 1. Use the loss of each batch before its step.
# - Keep Python numbers (`loss.item()`), not tensors: each tensor would keep its whole computation graph
#   in memory.
# - Switch to training mode. An evaluation in between may have left the network in evaluation mode.
# - The network's parameters determine the device; the batches may come from another one.


# %% task="train" kind="core" points=4 difficulty=3 minutes=20 importance=5
def train(net: nn.Module, data: Iterable[tuple[Tensor, Tensor]], num_epochs: int, lr: float) -> list[float]:
    """Train a classifier by plain minibatch SGD on the cross-entropy, in training mode.

    Args:
        net: a module that maps a batch `X` to logits `(N, classes)`; its parameters are updated.
        data: batches `(X, y)` of any sizes, such as a list or a `DataLoader`; iterated over once per epoch.
        num_epochs: number of epochs.
        lr: the learning rate.

    Returns:
        The mean loss per example in each epoch, using each batch's loss before its step.

    Source: https://docs.pytorch.org/docs/stable/generated/torch.optim.SGD.html and
        https://docs.pytorch.org/docs/stable/generated/torch.nn.functional.cross_entropy.html
    """
    ### BEGIN SOLUTION
    device = next((parameter.device for parameter in net.parameters()), None)
    optimizer = torch.optim.SGD(net.parameters(), lr=lr)
    losses = []
    net.train()
    for _ in range(num_epochs):
        total, examples = 0.0, 0
        for X, y in data:
            optimizer.zero_grad()
            loss = nn.functional.cross_entropy(net(X.to(device)), y.to(device))
            loss.backward()  # type: ignore[no-untyped-call]
            optimizer.step()
            total += loss.item() * len(y)
            examples += len(y)
        losses.append(total / examples)
    return losses
    ### END SOLUTION


# %% [markdown] hints="train"
# 1. What are the four things you do with each batch, and in which order? Which of them wouldn't you miss
#    on the very first batch?
# 2. Create `torch.optim.SGD(net.parameters(), lr=lr)` once, not once per epoch. If a batch of `n`
#    examples has the mean loss `m`, what does it add to the sum over the epoch?
# 3. For each batch: `optimizer.zero_grad()`, `loss = torch.nn.functional.cross_entropy(net(X), y)`,
#    `loss.backward()`, `optimizer.step()`, then `total += loss.item() * len(y)` and `examples += len(y)`.
#    At the end of the epoch, append `total / examples`. Don't forget `net.train()` and the device.

# %% [markdown]
# ## A good start
#
# A sigmoid is flat on both sides: far from 0 its slope is nearly 0, and it is never more than
# $\frac{1}{4}$. In the backward pass, the gradient is multiplied by such a slope at each of our four
# sigmoids, and by small weights in between. With PyTorch's initial weights, very little of it is left: in
# three trials with random images, the gradient of the first convolution's weights was about five thousand
# times smaller (in norm) than that of the last layer's. All images get almost the same logits, and the
# loss stays on a **plateau** near 2.30.
#
# Xavier Glorot and Yoshua Bengio ("Understanding the difficulty of training deep feedforward neural
# networks", AISTATS 2010) asked how large weights should be so that signals neither vanish nor explode on
# their way through the layers. If the activation is close to a line of slope 1, the variance is preserved
#
# - in the forward pass, if $n_\text{in} \operatorname{Var}(w) = 1$,
# - in the backward pass, if $n_\text{out} \operatorname{Var}(w) = 1$.
#
# Both can hold only if the two numbers are equal, so they chose a compromise:
# $\operatorname{Var}(w) = 2 / (n_\text{in} + n_\text{out})$. A uniform distribution on $[-b, b]$ has
# variance $b^2 / 3$, which gives
#
# $$b = \sqrt{\frac{6}{n_\text{in} + n_\text{out}}} .$$
#
# For a linear layer, $n_\text{in}$ and $n_\text{out}$ are its input and output sizes. For a convolution,
# each output sees $c_\text{in} k_h k_w$ numbers, and each input affects $c_\text{out} k_h k_w$: for our
# second convolution these are 150 and 400, so $b = \sqrt{6 / 550} \approx 0.104$.
#
# A sigmoid's slope is at most $\frac{1}{4}$, so this helps but doesn't solve the problem: in the three
# trials above, the factor of five thousand became several hundred. Even with Xavier initialisation, LeNet
# may stay on its plateau for a while, and it needs a fairly large learning rate. Be patient before you
# look for a bug.
#
# `torch.nn.init` provides these distributions; its functions whose names end in `_` change a tensor in
# place.


# %% task="init_lenet" kind="core" points=3 difficulty=2 minutes=10 importance=4
def init_lenet(net: nn.Module) -> nn.Module:
    """Redraw the weights of every convolution and linear layer in place, Xavier-uniform.

    Args:
        net: any module; layers at any depth are included, biases and other layers stay as they are.

    Returns:
        `net` itself.

    Source: Glorot and Bengio, "Understanding the difficulty of training deep feedforward neural networks",
        2010; https://docs.pytorch.org/docs/stable/nn.init.html
    """
    ### BEGIN SOLUTION
    known = (nn.Linear, nn.Conv1d, nn.Conv2d, nn.Conv3d)
    transposed = (nn.ConvTranspose1d, nn.ConvTranspose2d, nn.ConvTranspose3d)
    for module in net.modules():
        weight = getattr(module, "weight", None)
        # A weight with four axes belongs to a two-dimensional convolution, PyTorch's or the student's own.
        if isinstance(weight, nn.Parameter) and (isinstance(module, known + transposed) or weight.dim() == 4):
            nn.init.xavier_uniform_(weight)
    return net
    ### END SOLUTION


# %% [markdown] hints="init_lenet"
# 1. Which layers of the network have weights? How do you reach a layer that is nested inside another
#    module?
# 2. `net.modules()` visits modules at every depth. `isinstance` tells convolutions and linear layers from
#    the rest. Which distribution does the task ask for, the uniform or the normal one?
# 3. For each module that is an `nn.Conv2d` or an `nn.Linear` (or a related layer), call
#    `nn.init.xavier_uniform_(module.weight)`. Don't touch the bias, and return `net`.

# %% [markdown]
# ## Stretch: LeNet from your own layers
#
# Classes are values in Python: you can pass them to a function as arguments. If your own layers accept
# the same arguments as PyTorch's, one function can build the network from either, and with the same
# parameters both networks give the same logits. This brings everything so far together: your convolution
# and your pooling, learning to read.


# %% task="lenet_from" kind="stretch" points=3 difficulty=2 minutes=10 importance=4
def lenet_from(Conv2d: Callable[..., nn.Module], AvgPool2d: Callable[..., nn.Module]) -> nn.Module:
    """Build the network of `lenet` from the given layer classes.

    Args:
        Conv2d: called as `Conv2d(in_channels, out_channels, kernel_size, padding=...)`, like `nn.Conv2d`.
        AvgPool2d: called as `AvgPool2d(kernel_size, stride)`, like `nn.AvgPool2d`.

    Returns:
        A module that maps images `(N, 1, 28, 28)` to logits `(N, 10)`, with its parameters in forward order.

    Source: LeCun, Bottou, Bengio and Haffner, 1998, simplified as in `lenet`
    """
    ### BEGIN SOLUTION
    return nn.Sequential(
        Conv2d(1, 6, 5, padding=2),
        nn.Sigmoid(),
        AvgPool2d(2, 2),
        Conv2d(6, 16, 5),
        nn.Sigmoid(),
        AvgPool2d(2, 2),
        nn.Flatten(),
        nn.Linear(16 * 5 * 5, 120),
        nn.Sigmoid(),
        nn.Linear(120, 84),
        nn.Sigmoid(),
        nn.Linear(84, 10),
    )
    ### END SOLUTION


# %% [markdown] hints="lenet_from"
# 1. Which lines of your `lenet` name a layer that may now come from somewhere else?
# 2. The arguments are classes, not layers: each call `Conv2d(...)` creates a new layer. Why must the two
#    convolutions not be the same object?
# 3. It is the body of `lenet` with `Conv2d(1, 6, 5, padding=2)`, `Conv2d(6, 16, 5)` and `AvgPool2d(2, 2)`
#    twice, without `nn.` in front of these names.

# %% [markdown]
# ## Stretch: feature maps
#
# What does a trained network see in an image? Capture the output of every layer during one pass. A
# **leaf** is a module without children: a layer that computes something, not a container around other
# layers. `net.named_modules()` gives every module with its dotted name, such as `"block1.0"`.
#
# Beware of in-place layers: `nn.ReLU(inplace=True)` overwrites its input, which is the output that you've
# just stored for the layer before it. Store a copy.


# %% task="feature_maps" kind="stretch" points=2 difficulty=3 minutes=15 importance=3
def feature_maps(net: nn.Module, X: Tensor) -> dict[str, Tensor]:
    """Record the output of every leaf module, by name, in one forward pass in the current mode of `net`.

    Args:
        net: any module whose leaves each return one tensor.
        X: the input of `net`.

    Returns:
        A dict from the name of each leaf, as in `net.named_modules()`, to its output, in the order of the
        pass. No hook is left behind, even if the pass fails.

    Source: https://docs.pytorch.org/docs/stable/generated/torch.nn.Module.html (register_forward_hook)
    """
    ### BEGIN SOLUTION
    maps: dict[str, Tensor] = {}

    def keeper(name: str) -> Callable[[nn.Module, tuple[Tensor, ...], Tensor], None]:
        def keep(module: nn.Module, inputs: tuple[Tensor, ...], output: Tensor) -> None:
            maps[name] = output.clone()  # a copy, because a later layer may work in place

        return keep

    leaves = [(name, module) for name, module in net.named_modules() if not list(module.children())]
    hooks = [module.register_forward_hook(keeper(name)) for name, module in leaves]
    try:
        net(X)
    finally:
        for hook in hooks:
            hook.remove()
    return maps
    ### END SOLUTION


# %% [markdown] hints="feature_maps"
# 1. How do you recognise a leaf? And how can a hook know the name of the module that calls it?
# 2. Create one hook per leaf, using a function that takes the name and returns the hook. A `lambda` in a
#    loop would only see the last name: why?
# 3. The leaves are the pairs in `net.named_modules()` whose `list(module.children())` is empty. Register
#    `keeper(name)` on each, where the function it returns does `maps[name] = output.clone()`; call
#    `net(X)` inside `try`, and remove all handles in `finally`.

# %% [markdown]
# ## Stretch: your own design
#
# A lot has been learned since 1998. Change whatever you like, but use at most 62,000 parameters: with
# images `(N, 1, 28, 28)` in and logits `(N, 10)` out, clearly beat the classic network under the same
# short training. Three ideas that made a difference:
#
# - **ReLU**, $\max(0, x)$, has slope 1 for every positive input, so the gradient doesn't shrink there.
# - **Batch normalisation** (Ioffe and Szegedy, 2015) gives each channel mean 0 and variance 1 over the
#   batch, then scales and shifts it by learned numbers. It keeps the inputs of every layer in a good
#   range and allows larger learning rates. After a very short training, its running averages may lag
#   behind: look at `momentum`.
# - **Max pooling** keeps the strongest response.
#
# And where are most of the classic network's parameters? Small kernels with more channels, and a smaller
# dense part, may use them better. The reference has 8,962 parameters, about a seventh of the limit.


# %% task="lenet_modern" kind="stretch" points=3 difficulty=3 minutes=30 importance=3
def lenet_modern() -> nn.Module:
    """Build a network of your own design that learns faster than the classic one.

    Returns:
        A module with at most 62,000 parameters that maps images `(N, 1, 28, 28)` to logits `(N, 10)`.

    Source: Ioffe and Szegedy, "Batch Normalization", 2015; Glorot, Bordes and Bengio, "Deep Sparse
        Rectifier Neural Networks", 2011
    """

    ### BEGIN SOLUTION
    def block(in_channels: int, out_channels: int, kernel_size: int) -> list[nn.Module]:
        return [
            # No bias: batch normalisation subtracts the mean and adds a learned shift of its own.
            nn.Conv2d(in_channels, out_channels, kernel_size, padding=kernel_size // 2, bias=False),
            nn.BatchNorm2d(out_channels, momentum=0.3),
            nn.ReLU(),
            nn.MaxPool2d(2),
        ]

    return nn.Sequential(
        *block(1, 8, 5),
        *block(8, 16, 3),
        *block(16, 32, 3),
        nn.Flatten(),
        nn.Linear(32 * 3 * 3, 10),
    )
    ### END SOLUTION


# %% [markdown] hints="lenet_modern"
# 1. What holds the classic network back at the start: too few parameters, or gradients that are too
#    small?
# 2. Start from `lenet` and change one thing at a time: ReLU for sigmoid, then `nn.BatchNorm2d` between
#    convolution and activation, then max for average pooling. Train each version for an epoch on a few
#    thousand images. Which change helps most?
# 3. Three blocks of `nn.Conv2d`, `nn.BatchNorm2d`, `nn.ReLU`, `nn.MaxPool2d(2)` with 8, 16 and 32
#    channels, padded so that only pooling changes the size ($28, 14, 7, 3$), then `nn.Flatten()` and a
#    single `nn.Linear(288, 10)`.

# %% [markdown]
# ## Help, I see ...
#
# - *"mat1 and mat2 shapes cannot be multiplied":* print `layer_shapes` of the part before the first
#   linear layer. If you get 256 instead of 400, the padding of the first convolution is missing.
# - *the loss stays near 2.30:* if the network is new, it's the plateau: use Xavier initialisation, a
#   larger learning rate and patience. If the loss doesn't move at all, check that
#   `list(net.parameters())` has ten entries and that `zero_grad` is in the right place.
# - *the loss stays above 1.46:* there is a softmax in front of the cross-entropy.
# - *results differ from call to call:* is the network still in training mode?
# - *an error about float and double:* there is an `x.float()` somewhere inside. A network computes in the
#   dtype of its parameters.
# - *one image too few in the result, or a batch of one:* `view(1, -1)` instead of `nn.Flatten()`.
