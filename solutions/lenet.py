# %% [markdown]
# # LeNet
#
# Convolution, several channels, pooling: all parts are on the table, and now they become a network. You
# will build a close relative of a famous one, look inside it, train it, measure it, give it a good start,
# and at the end design a better one.
#
# Everything in `torch.nn` is allowed here.

# %%
from collections.abc import Callable, Iterable

import torch
from torch import Tensor, nn

# %% [markdown]
# ## Where it came from
#
# In the 1990s banks and post offices wanted machines that read handwriting. Yann LeCun, Léon Bottou,
# Yoshua Bengio and Patrick Haffner showed how in "Gradient-based learning applied to document
# recognition" (Proceedings of the IEEE, 1998). Their LeNet-5 learned its features from pixels, by
# gradient descent from end to end, at a time when features were usually designed by hand, and it went on
# to read real checks.
#
# The idea of its shape has lasted. First a **convolutional part**: image size goes down, number of
# channels goes up, from many precise and simple facts ("a stroke here") to fewer, vaguer and richer ones
# ("a loop somewhere above"). Then a **dense part**, which turns these into one score per class.
#
# What we build is simplified: images are $28 \times 28$ instead of $32 \times 32$, so the first
# convolution pads by 2 to make up for it. The pooling has no parameters, the second convolution connects
# all channels, and the last layer is an ordinary linear one; in 1998 these were more elaborate.
#
# ## See it first
#
# Here are shapes on their way through such layers, with sizes other than ours, and random numbers for
# weights.

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
# Follow the sizes. The convolution takes $20 \times 24$ to $18 \times 22$ and makes 8 channels. The
# sigmoid changes no shape. Pooling halves: $9 \times 11$. `nn.Flatten` keeps the batch axis and lays the
# rest in one row of $8 \cdot 9 \cdot 11 = 792$ numbers, which is what the linear layer must expect. The
# famous error "mat1 and mat2 shapes cannot be multiplied" says that this one number was guessed.
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
# sit in the first linear layer.
#
# The result is ten **logits**: plain scores, positive or negative, one per class. There is no softmax at
# the end, because the cross-entropy loss of PyTorch contains it. With a second one in front, the loss of
# a single example can never fall below $\ln(e + 9) - 1 \approx 1.46$, and learning crawls.
#
# Mind the order *sigmoid, then pooling*. At PyTorch's initial weights the sigmoids are so nearly linear
# that the exchanged order gives the same outputs to about five digits. So neither a look at the outputs
# nor the accuracy will tell you of the mistake.
#
# Layers must be registered in order to be trained: inside `nn.Sequential`, or as attributes of a module
# of your own. Layers in a Python list, or made anew in `forward`, have parameters that no optimizer ever
# hears of.


# %% task="lenet" kind="core" points=6 difficulty=2 minutes=15 importance=5
def lenet() -> nn.Module:
    """Build the classic network, with PyTorch's own initialisation.

    Returns:
        A module from images `(N, 1, 28, 28)` to logits `(N, 10)`; its 61,706 parameters come in forward
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
# 1. What is the shape after each layer, if a $28 \times 28$ image goes in? Where do the 400 come from?
# 2. One `nn.Sequential` with twelve entries is enough. How often does a sigmoid appear, and what comes
#    right after the last linear layer?
# 3. `nn.Sequential(nn.Conv2d(1, 6, kernel_size=5, padding=2), nn.Sigmoid(), nn.AvgPool2d(2, 2), ...)`:
#    the second block is alike with `nn.Conv2d(6, 16, kernel_size=5)`, then `nn.Flatten()`,
#    `nn.Linear(400, 120)` and so on. The sigmoids number four, and nothing follows `nn.Linear(84, 10)`.

# %% [markdown]
# ## Looking inside: hooks and modes
#
# The first thing to do with a new network is to send one image through and look at the shapes. A
# **forward hook** is a function that a module calls after each of its forward passes:
#
# `handle = module.register_forward_hook(hook)`, where `hook(module, inputs, output)` returns nothing.
#
# It stays until `handle.remove()`. A hook forgotten on a network goes on running at every pass, so remove
# it in a `finally` block, which is carried out even if the pass fails.
#
# Looking should not change what is looked at. Two kinds of layer depend on the **mode** of the network.
# In *training mode* (`net.train()`), dropout switches units off at random, and batch normalisation uses
# the statistics of the batch and updates its running averages: these are *buffers*, state without
# gradient. In *evaluation mode* (`net.eval()`), dropout does nothing and batch normalisation uses its
# averages as they are. So look in evaluation mode, and put the mode back afterwards. Every submodule has
# a `training` flag of its own: somebody may have frozen one part with `net[1].eval()`, and `net.train()`
# would undo that. And `torch.no_grad()` saves building a graph that nobody needs.


# %% task="layer_shapes" kind="core" points=4 difficulty=3 minutes=20 importance=4
def layer_shapes(
    net: nn.Module, input_shape: tuple[int, ...] = (1, 1, 28, 28)
) -> list[tuple[str, tuple[int, ...]]]:
    """Send one input through a network and list what comes out of each direct child.

    Args:
        net: any module whose direct children each give one tensor.
        input_shape: shape of the input to send; its dtype and device are those of the parameters.

    Returns:
        `(class name, output shape)` of every direct child, in order, such as `("Conv2d", (1, 6, 28, 28))`.
        `net` is left as it was: training mode, parameters, buffers and hooks.

    Source: https://docs.pytorch.org/docs/stable/generated/torch.nn.Module.html (register_forward_hook)
    """
    ### BEGIN SOLUTION
    shapes: dict[nn.Module, tuple[int, ...]] = {}

    def remember_shape(module: nn.Module, inputs: tuple[Tensor, ...], output: Tensor) -> None:
        shapes[module] = tuple(output.shape)

    parameter = next(net.parameters(), torch.empty(0))
    X = torch.zeros(input_shape, dtype=parameter.dtype, device=parameter.device)
    modes = [(module, module.training) for module in net.modules()]
    # The pass works on copies of the buffers, and random numbers drawn in it are put back.
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
# 1. If `net` is an `nn.Sequential`, you could call its children one after another. What if it is a module
#    with a `forward` of its own? Who knows what came out of each child?
# 2. Register a forward hook on each of `net.children()` that notes `output.shape`, then call the network
#    once on zeros. Before that, write down `module.training` of every module in `net.modules()`. What
#    must be undone, and where does the undoing belong, if the pass may fail?
# 3. `hooks = [child.register_forward_hook(note) for child in net.children()]`, `net.eval()`, then `try:`
#    one pass under `torch.no_grad()`, and `finally:` call `remove()` on each hook and set
#    `module.training` back, module by module. The zeros take `dtype` and `device` from
#    `next(net.parameters())`.

# %% [markdown]
# ## Accuracy
#
# The prediction is the class with the largest logit, and accuracy is the share of right predictions.
# Batches differ in size, the last one is often smaller, so count right answers and examples; the mean of
# the batches' accuracies is something else.
#
# Evaluating is looking, not learning: evaluation mode, no gradients, and the mode put back afterwards,
# module by module. The data may live elsewhere than the network: move each batch to the device of its
# parameters.
#
# **Why accuracy alone proves little.** It is one number about the end of a long chain, and networks are
# good at working around our mistakes. Max instead of average pooling, a sigmoid too few, the layers of a
# block exchanged: most such networks learn all the same, and reach much the same accuracy. Conversely a
# perfectly right network may sit at 10 % for its first hundreds of steps. So test parts where the right
# answer is known: shapes, the number of parameters, outputs and gradients for given weights, the loss of
# the first few steps. Then look at accuracy.


# %% task="accuracy" kind="core" points=3 difficulty=2 minutes=15 importance=5
def accuracy(net: nn.Module, data: Iterable[tuple[Tensor, Tensor]]) -> float:
    """Share of right predictions, in evaluation mode and without gradients.

    Args:
        net: from a batch `X` to logits `(N, classes)`.
        data: batches `(X, y)` of any sizes, `y` of shape `(N,)` holding class numbers.

    Returns:
        A number from 0 to 1. The mode of `net` and of each of its submodules is left as it was.

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
# 1. Two batches, of 3 and 1 examples, with 3 and 0 right predictions: what is the accuracy? And what is
#    the mean of the two batches' accuracies?
# 2. Count in two plain integers. Along which axis of `(N, classes)` is the largest logit to be found?
#    What do you have to write down before `net.eval()`?
# 3. `device = next(net.parameters()).device`; under `torch.no_grad()` add
#    `(net(X.to(device)).argmax(dim=1) == y.to(device)).sum().item()` and `len(y)` up. Before, keep
#    `[(module, module.training) for module in net.modules()]`, and set the flags back in `finally`.

# %% [markdown]
# ## Training
#
# One epoch goes through all batches once. Each batch makes one step of *stochastic gradient descent*:
#
# $$w \leftarrow w - \text{lr} \cdot \nabla_w L, \qquad L = \frac{1}{n} \sum_i \ell(\text{net}(x_i), y_i),$$
#
# with the cross-entropy $\ell$ of logits and class number, which for logits $z$ is
# $\ell(z, y) = \ln \sum_k e^{z_k} - z_y$. A network that knows nothing of ten classes has a loss of
# $\ln 10 \approx 2.30$: a good number to recognise. Plain SGD, without momentum or other ingredients.
#
# - Gradients *add up* in `parameter.grad` until somebody clears them: once for every batch.
# - The order: clear, forward, backward, step. Clearing between backward and step throws away what was
#   just computed.
# - `cross_entropy` gives the mean over the batch. For the mean over the *epoch* a batch of 3 must count
#   three times as much as a batch of 1. Each loss is taken as it was before its own step.
# - Keep Python numbers (`loss.item()`), not tensors: each tensor would hold its whole graph.
# - Training mode, while training. The evaluation in between may have left it.
# - The network says where: its device is that of its parameters, and batches may come from elsewhere.


# %% task="train" kind="core" points=4 difficulty=3 minutes=20 importance=5
def train(net: nn.Module, data: Iterable[tuple[Tensor, Tensor]], num_epochs: int, lr: float) -> list[float]:
    """Train a classifier by plain minibatch SGD on the cross-entropy, in training mode.

    Args:
        net: from a batch `X` to logits `(N, classes)`; its parameters are changed.
        data: batches `(X, y)` of any sizes, such as a list or a `DataLoader`; gone through once per epoch.
        num_epochs: how often.
        lr: the learning rate.

    Returns:
        The mean loss per example of each epoch, each batch's loss taken before its step.

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
# 1. What are the four things that happen to each batch, and in which order? Which of them would you not
#    notice if it were missing for the very first batch?
# 2. `torch.optim.SGD(net.parameters(), lr=lr)` is made once, not once per epoch. If a batch of `n`
#    examples has the mean loss `m`, what does it add to the sum over the epoch?
# 3. For each batch: `optimizer.zero_grad()`, `loss = torch.nn.functional.cross_entropy(net(X), y)`,
#    `loss.backward()`, `optimizer.step()`, then `total += loss.item() * len(y)` and `examples += len(y)`.
#    At the end of the epoch append `total / examples`. Do not forget `net.train()` and the device.

# %% [markdown]
# ## A good start
#
# A sigmoid is flat on both sides: far from 0 its slope is nearly 0, and nowhere is it more than
# $\frac{1}{4}$. On its way down, the gradient is multiplied by such a slope at each of our four sigmoids,
# and by small weights in between. At PyTorch's initial weights little is left of it: in three trials with
# random images the gradient of the first convolution's weights was about five thousand times smaller (in
# norm) than that of the last layer. All images get almost the same logits, and the loss stays on a
# **plateau** near 2.30.
#
# Xavier Glorot and Yoshua Bengio ("Understanding the difficulty of training deep feedforward neural
# networks", AISTATS 2010) asked how large weights should be so that signals neither fade nor explode on
# their way through the layers. Where an activation is close to a line of slope 1, the variance is kept
#
# - on the way forward, if $n_\text{in} \operatorname{Var}(w) = 1$,
# - on the way back, if $n_\text{out} \operatorname{Var}(w) = 1$.
#
# Both at once is impossible unless the two are equal, so they took the middle:
# $\operatorname{Var}(w) = 2 / (n_\text{in} + n_\text{out})$. A uniform distribution on $[-b, b]$ has
# variance $b^2 / 3$, which gives
#
# $$b = \sqrt{\frac{6}{n_\text{in} + n_\text{out}}} .$$
#
# For a linear layer $n_\text{in}$ and $n_\text{out}$ are its sizes. For a convolution each output sees
# $c_\text{in} k_h k_w$ numbers, and each input reaches $c_\text{out} k_h k_w$: our second convolution has
# 150 and 400, so $b = \sqrt{6 / 550} \approx 0.104$.
#
# A sigmoid's slope is $\frac{1}{4}$ at best, so this is a help and no cure: in the three trials above the
# factor of five thousand became several hundred. With Xavier's weights too LeNet may stay on its plateau
# for a while, and needs a fairly large learning rate. Have patience before you look for a bug.
#
# `torch.nn.init` has these distributions; its functions that end in `_` change a tensor in place.


# %% task="init_lenet" kind="core" points=3 difficulty=2 minutes=10 importance=4
def init_lenet(net: nn.Module) -> nn.Module:
    """Draw the weights of every convolution and linear layer anew, Xavier-uniform, in place.

    Args:
        net: any module; layers nested at any depth are reached, biases and other layers are not touched.

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
        # A weight with four axes belongs to a two-dimensional convolution, of PyTorch's or one's own making.
        if isinstance(weight, nn.Parameter) and (isinstance(module, known + transposed) or weight.dim() == 4):
            nn.init.xavier_uniform_(weight)
    return net
    ### END SOLUTION


# %% [markdown] hints="init_lenet"
# 1. Which layers of the network have weights? How do you reach a layer that sits inside another module?
# 2. `net.modules()` goes through all depths. `isinstance` tells convolutions and linear layers from the
#    rest. Is it the uniform or the normal distribution that is asked for?
# 3. For each module that is an `nn.Conv2d` or an `nn.Linear` (and its relatives) call
#    `nn.init.xavier_uniform_(module.weight)`. Leave the bias alone, and return `net`.

# %% [markdown]
# ## Stretch: your own layers carry it
#
# Classes are values in Python: a function can take them as arguments. If the layers that you wrote by
# hand understand the same arguments as PyTorch's, the same function builds the network from either kind,
# and with the same parameters both give the same logits. A sum of everything so far: your convolution and
# your pooling, learning to read.


# %% task="lenet_from" kind="stretch" points=3 difficulty=2 minutes=10 importance=4
def lenet_from(Conv2d: Callable[..., nn.Module], AvgPool2d: Callable[..., nn.Module]) -> nn.Module:
    """Build the network of `lenet` from the given layer classes.

    Args:
        Conv2d: called as `Conv2d(in_channels, out_channels, kernel_size, padding=...)`, like `nn.Conv2d`.
        AvgPool2d: called as `AvgPool2d(kernel_size, stride)`, like `nn.AvgPool2d`.

    Returns:
        A module from images `(N, 1, 28, 28)` to logits `(N, 10)`, parameters in forward order.

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
# 1. Which lines of your `lenet` name a layer that may now come from elsewhere?
# 2. The arguments are classes, not layers: each call `Conv2d(...)` makes a new layer. Why must the two
#    convolutions not be one and the same object?
# 3. It is the body of `lenet` with `Conv2d(1, 6, 5, padding=2)`, `Conv2d(6, 16, 5)` and twice
#    `AvgPool2d(2, 2)`, without `nn.` in front of these names.

# %% [markdown]
# ## Stretch: feature maps
#
# What does a trained network see in an image? Catch the output of every layer on its way through. A
# **leaf** is a module without children: the layers that compute, not the containers around them.
# `net.named_modules()` gives every module with its dotted name, such as `"block1.0"`.
#
# One trap: a layer such as `nn.ReLU(inplace=True)` overwrites the tensor it gets, which is the output
# that you have just noted of the layer before. Keep a copy.


# %% task="feature_maps" kind="stretch" points=2 difficulty=3 minutes=15 importance=3
def feature_maps(net: nn.Module, X: Tensor) -> dict[str, Tensor]:
    """The output of every named leaf module, by name, in one forward pass in the mode that `net` is in.

    Args:
        net: any module whose leaves each give one tensor.
        X: the input of `net`.

    Returns:
        The name of each leaf, as in `net.named_modules()`, with what came out of it, in the order of the
        pass. No hook is left behind, even if the pass fails.

    Source: https://docs.pytorch.org/docs/stable/generated/torch.nn.Module.html (register_forward_hook)
    """
    ### BEGIN SOLUTION
    maps: dict[str, Tensor] = {}

    def keeper(name: str) -> Callable[[nn.Module, tuple[Tensor, ...], Tensor], None]:
        def keep(module: nn.Module, inputs: tuple[Tensor, ...], output: Tensor) -> None:
            maps[name] = output.clone()  # a copy, for a later layer may work in place

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
# 1. How do you recognise a leaf? And how does a hook know the name of the module that calls it?
# 2. Make one hook per leaf with a function that takes the name and returns the hook. A `lambda` in a loop
#    would see only the last name: why?
# 3. `leaves` are the pairs of `net.named_modules()` with no `list(module.children())`. Register
#    `keeper(name)` on each, where the function it returns does `maps[name] = output.clone()`; call
#    `net(X)` inside `try`, and remove all handles in `finally`.

# %% [markdown]
# ## Stretch: your own design
#
# Much has been learned since 1998. Change what you like, but spend at most 62,000 parameters: with images
# `(N, 1, 28, 28)` in and logits `(N, 10)` out, beat the classic network clearly under the same short
# training. Three ideas that made a difference:
#
# - **ReLU**, $\max(0, x)$, has slope 1 wherever it is active. There is no plateau on the right side.
# - **Batch normalisation** (Ioffe and Szegedy, 2015) brings each channel to mean 0 and variance 1 over
#   the batch, then scales and shifts it by learned numbers. It keeps every layer where it can learn, and
#   allows larger rates. After a very short training its running averages may lag behind: look at
#   `momentum`.
# - **Max pooling** keeps the strongest evidence.
#
# And where do the classic network's parameters sit? Small kernels with more channels, and a smaller dense
# part, may use them better. The reference has 8,962 parameters, about a seventh.


# %% task="lenet_modern" kind="stretch" points=3 difficulty=3 minutes=30 importance=3
def lenet_modern() -> nn.Module:
    """Build a network of your own design that learns faster than the classic one.

    Returns:
        A module with at most 62,000 parameters from images `(N, 1, 28, 28)` to logits `(N, 10)`.

    Source: Ioffe and Szegedy, "Batch Normalization", 2015; Glorot, Bordes and Bengio, "Deep Sparse
        Rectifier Neural Networks", 2011
    """

    ### BEGIN SOLUTION
    def block(in_channels: int, out_channels: int, kernel_size: int) -> list[nn.Module]:
        return [
            # No bias: batch normalisation takes the mean away, and adds a learned shift of its own.
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
# 1. What holds the classic network back at the beginning: too few parameters, or too small gradients?
# 2. Start from `lenet` and change one thing at a time: ReLU for sigmoid, then `nn.BatchNorm2d` between
#    convolution and activation, then max for average pooling. Train each for an epoch on a few thousand
#    images. Which change helps most?
# 3. Three blocks of `nn.Conv2d`, `nn.BatchNorm2d`, `nn.ReLU`, `nn.MaxPool2d(2)` with 8, 16 and 32
#    channels, padded so that only pooling changes the size ($28, 14, 7, 3$), then `nn.Flatten()` and a
#    single `nn.Linear(288, 10)`.

# %% [markdown]
# ## Help, I see ...
#
# - *"mat1 and mat2 shapes cannot be multiplied":* print `layer_shapes` of the part before the first
#   linear layer. 256 instead of 400 means that the padding of the first convolution is missing.
# - *the loss stays near 2.30:* the plateau, if the network has just been made: Xavier, a larger rate,
#   patience. If it does not move at all, ask whether `list(net.parameters())` has ten entries, and
#   whether `zero_grad` stands in the right place.
# - *the loss stays above 1.46:* a softmax in front of the cross-entropy.
# - *results differ from call to call:* is the network still in training mode?
# - *an error about float and double:* somewhere inside stands `x.float()`. A network follows its
#   parameters.
# - *one image too few in the result, or a batch of one:* `view(1, -1)` in place of `nn.Flatten()`.
