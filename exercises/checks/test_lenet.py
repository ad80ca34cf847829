"""Worked examples for exercises/lenet.py, small enough to work out by hand."""

import math
from collections import OrderedDict

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from exercises.checks.helpers import assert_same
from exercises.lenet import (
    accuracy,
    feature_maps,
    init_lenet,
    layer_shapes,
    lenet,
    lenet_from,
    lenet_modern,
    train,
)

LENET_PARAMETERS = [
    *[(6, 1, 5, 5), (6,), (16, 6, 5, 5), (16,)],
    *[(120, 400), (120,), (84, 120), (84,), (10, 84), (10,)],
]


class Times(nn.Module):
    """Multiplies its input by a number."""

    def __init__(self, factor: float) -> None:
        super().__init__()
        self.factor = factor

    def forward(self, X: Tensor) -> Tensor:
        return X * self.factor


class Witness(nn.Module):
    """Returns its input unchanged, and remembers how it was called."""

    def __init__(self) -> None:
        super().__init__()
        self.saw_training: list[bool] = []
        self.saw_gradients: list[bool] = []

    def forward(self, X: Tensor) -> Tensor:
        self.saw_training.append(self.training)
        self.saw_gradients.append(torch.is_grad_enabled())
        return X


def linear(rows: list[list[float]]) -> nn.Linear:
    """A linear layer with the given weights and no bias."""
    weight = torch.tensor(rows)
    layer = nn.Linear(weight.shape[1], weight.shape[0], bias=False)
    with torch.no_grad():
        layer.weight.copy_(weight)
    return layer


def hooks_on(net: nn.Module) -> int:
    return sum(len(module._forward_hooks) for module in net.modules())


def test_lenet__turns_three_images_into_three_rows_of_ten_logits() -> None:
    assert_same(
        tuple(lenet()(torch.zeros(3, 1, 28, 28)).shape),
        (3, 10),
        "lenet()(X).shape with X of shape (3, 1, 28, 28)",
        "Is the batch axis still there after flattening?",
    )


def test_lenet__has_its_parameters_in_forward_order() -> None:
    assert_same(
        [tuple(parameter.shape) for parameter in lenet().parameters()],
        LENET_PARAMETERS,
        "shapes of lenet().parameters()",
        "Is every layer registered? Which of them has a size different from the table?",
    )


def test_lenet__computes_what_the_table_says() -> None:
    torch.manual_seed(0)
    net = lenet().double()
    with torch.no_grad():
        for parameter in net.parameters():
            parameter.mul_(6)  # With small weights, a wrong order of layers would hardly show.
    X = torch.rand(3, 1, 28, 28, dtype=torch.float64)
    w1, b1, w2, b2, w3, b3, w4, b4, w5, b5 = net.parameters()
    h = F.avg_pool2d(torch.sigmoid(F.conv2d(X, w1, b1, padding=2)), 2)
    h = F.avg_pool2d(torch.sigmoid(F.conv2d(h, w2, b2)), 2).flatten(1)
    h = torch.sigmoid(F.linear(torch.sigmoid(F.linear(h, w3, b3)), w4, b4))
    assert_same(
        net(X).detach(),
        F.linear(h, w5, b5).detach(),
        "lenet()(X) in float64, with all its parameters times 6",
        "Are all four sigmoids in place? Is pooling after the sigmoid? Is nothing after the last layer?",
        tolerance=1e-9,
    )


def test_layer_shapes__lists_the_children_in_order() -> None:
    net = nn.Sequential(nn.Conv2d(1, 2, (3, 5)), nn.ReLU(), nn.AvgPool2d(2), nn.Flatten(), nn.Linear(12, 4))
    assert_same(
        layer_shapes(net, (2, 1, 7, 10)),
        [
            ("Conv2d", (2, 2, 5, 6)),
            ("ReLU", (2, 2, 5, 6)),
            ("AvgPool2d", (2, 2, 2, 3)),
            ("Flatten", (2, 12)),
            ("Linear", (2, 4)),
        ],
        "layer_shapes(net, (2, 1, 7, 10))",
        "Is each shape a plain tuple, with the batch axis in it?",
    )


def test_layer_shapes__works_for_a_module_with_its_own_forward() -> None:
    class Halves(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.pool = nn.MaxPool2d(2)
            self.head = nn.Sequential(nn.Flatten(), nn.Linear(6, 3))

        def forward(self, X: Tensor) -> Tensor:
            total: Tensor = self.head(self.pool(X[:, :1])) + self.head(self.pool(X[:, 1:]))
            return total

    assert_same(
        layer_shapes(Halves().double(), (1, 2, 4, 6)),
        [("MaxPool2d", (1, 1, 2, 3)), ("Sequential", (1, 3))],
        "layer_shapes(net, (1, 2, 4, 6)), with net a float64 module that has its own forward",
        "Who calls the children: you, or the network's own forward? What dtype does your input have?",
    )


def test_layer_shapes__does_not_change_the_network() -> None:
    net = nn.Sequential(nn.Conv2d(1, 2, 3), nn.BatchNorm2d(2), nn.Dropout())
    net[2].eval()
    before = {name: value.clone() for name, value in net.state_dict().items()}
    layer_shapes(net, (4, 1, 5, 5))
    assert_same(
        [module.training for module in net.modules()],
        [True, True, True, False],
        "training flags of net and its three children after layer_shapes(net)",
        "Each submodule has its own flag. Did you restore all of them?",
    )
    assert_same(hooks_on(net), 0, "number of hooks on net after layer_shapes(net)", "Who removes the hooks?")
    for name, value in net.state_dict().items():
        assert_same(
            value,
            before[name],
            f"{name} after layer_shapes(net)",
            "In which mode does batch normalisation not update its running averages?",
        )


def test_accuracy__counts_examples_and_not_batches() -> None:
    # The network returns its input, so these are the logits themselves.
    data = [
        (torch.tensor([[5.0, 0], [0, 5], [3, 2]]), torch.tensor([0, 1, 0])),
        (torch.tensor([[1.0, 0]]), torch.tensor([1])),
    ]
    assert_same(
        accuracy(linear([[1.0, 0], [0, 1]]), data),
        0.75,
        "accuracy(net, data), with 3 of 3 correct in the first batch and 0 of 1 in the second",
        "Three of four examples are correct. Did you take the mean of the batches' accuracies?",
    )


def test_accuracy__uses_evaluation_mode_and_no_gradients() -> None:
    witness = Witness()
    net = nn.Sequential(witness, linear([[1.0, 0], [0, 1]]))
    accuracy(net, [(torch.ones(1, 2), torch.tensor([0]))])
    assert_same(
        witness.saw_training,
        [False],
        "training flag during accuracy(net, data)",
        "Which mode should it be?",
    )
    assert_same(
        witness.saw_gradients,
        [False],
        "torch.is_grad_enabled() during accuracy(net, data)",
        "Do you need gradients here?",
    )


def test_accuracy__restores_the_mode() -> None:
    net = nn.Sequential(nn.Dropout(), linear([[1.0, 0], [0, 1]]))
    net[0].eval()
    accuracy(net, [(torch.ones(1, 2), torch.tensor([0]))])
    assert_same(
        [module.training for module in net.modules()],
        [True, False, True],
        "training flags of net and its two children after accuracy(net, data)",
        "One part was in evaluation mode before. Is it still in that mode?",
    )


def test_train__takes_one_step_per_batch() -> None:
    # One example, x = (1, 0) of class 0. With zero weights both classes have probability 1/2, so the loss is
    # ln 2, and its gradient with respect to the two weights of the first input is -1/2 and 1/2.
    net = linear([[0.0, 0], [0, 0]])
    losses = train(net, [(torch.tensor([[1.0, 0]]), torch.tensor([0]))], num_epochs=1, lr=1.0)
    assert_same(
        losses, [math.log(2)], "train(net, data, num_epochs=1, lr=1.0)", "Is it the loss before the step?"
    )
    assert_same(
        net.weight.detach(),
        torch.tensor([[0.5, 0], [-0.5, 0]]),
        "the weights after train(net, data, num_epochs=1, lr=1.0)",
        "Was there exactly one step, downhill, with the gradient of this batch?",
    )


def test_train__clears_the_gradient_before_each_batch() -> None:
    # After the first step the logits are 1/2 and -1/2: class 0 has the probability p = 1 / (1 + 1/e).
    net = linear([[0.0, 0], [0, 0]])
    losses = train(net, [(torch.tensor([[1.0, 0]]), torch.tensor([0]))], num_epochs=2, lr=1.0)
    p = 1 / (1 + math.exp(-1))
    assert_same(
        losses,
        [math.log(2), -math.log(p)],
        "train(net, data, num_epochs=2, lr=1.0)",
        "Is there one float per epoch, each taken before its step?",
    )
    assert_same(
        net.weight.detach(),
        torch.tensor([[1.5 - p, 0], [p - 1.5, 0]]),
        "the weights after train(net, data, num_epochs=2, lr=1.0)",
        "What is in `.grad` when the second backward pass starts?",
    )


def test_train__reports_the_mean_loss_per_example() -> None:
    # Logits ln 3 and 0 give probabilities 3/4 and 1/4. With lr=0 the weights don't change.
    net = linear([[math.log(3)], [0.0]])
    data = [(torch.ones(3, 1), torch.tensor([0, 0, 0])), (torch.ones(1, 1), torch.tensor([1]))]
    assert_same(
        train(net, data, num_epochs=1, lr=0.0),
        [(3 * math.log(4 / 3) + math.log(4)) / 4],
        "train(net, data, num_epochs=1, lr=0.0), with batches of 3 and 1 examples",
        "How much should a batch of three weigh against a batch of one?",
    )


def test_train__uses_training_mode() -> None:
    witness = Witness()
    net = nn.Sequential(witness, linear([[0.0, 0], [0, 0]])).eval()
    train(net, [(torch.ones(1, 2), torch.tensor([0]))], num_epochs=2, lr=0.1)
    assert_same(
        witness.saw_training,
        [True, True],
        "training flag in each pass of train(net, data, num_epochs=2, lr=0.1)",
        "The network was in evaluation mode. Do you switch it to training mode?",
    )


def test_init_lenet__draws_weights_within_xaviers_bound() -> None:
    net = nn.Sequential(nn.Conv2d(6, 16, 5), nn.Sequential(nn.Linear(400, 120)))
    for parameter in net.parameters():
        nn.init.zeros_(parameter)
    torch.manual_seed(0)
    init_lenet(net)
    for name, fans in (("0.weight", 6 * 25 + 16 * 25), ("1.0.weight", 400 + 120)):
        bound = math.sqrt(6 / fans)
        largest = net.get_parameter(name).detach().abs().max().item()
        assert 0.98 * bound < largest <= bound * (1 + 1e-6), (
            f"init_lenet(net): the largest weight of {name} is {largest:.4f}, "
            f"expected a little less than {bound:.4f}. "
            "Which distribution do you draw from, and do you include nested layers?"
        )


def test_init_lenet__does_not_change_anything_else() -> None:
    net = nn.Sequential(nn.Conv2d(1, 2, 3), nn.BatchNorm2d(2), nn.Flatten(), nn.Linear(8, 3))
    for parameter in net.parameters():
        nn.init.constant_(parameter, 7)
    returned = init_lenet(net)
    assert returned is net, (
        f"init_lenet(net) returned {type(returned).__name__}, expected net itself. Do you return it?"
    )
    for name in ("0.bias", "1.weight", "1.bias", "3.bias"):
        assert_same(
            net.get_parameter(name).detach(),
            torch.full_like(net.get_parameter(name), 7).detach(),
            f"{name} after init_lenet(net)",
            "Only the weights of convolutions and linear layers are redrawn. Where do you change this one?",
        )


def test_lenet_from__uses_the_layers_it_is_given() -> None:
    class MyConv(nn.Conv2d):
        pass

    class MyPool(nn.AvgPool2d):
        pass

    net = lenet_from(MyConv, MyPool)
    kinds = [type(module).__name__ for module in net.modules()]
    for kind in ("MyConv", "MyPool"):
        assert_same(
            kinds.count(kind),
            2,
            f"number of {kind} layers in lenet_from(MyConv, MyPool)",
            "Is there still an `nn.` in front of a name?",
        )
    assert_same(
        [tuple(parameter.shape) for parameter in net.parameters()],
        LENET_PARAMETERS,
        "shapes of lenet_from(MyConv, MyPool).parameters()",
        "Is it the same network as lenet()?",
    )


def test_feature_maps__records_every_leaf_by_name() -> None:
    net = nn.Sequential(OrderedDict(twice=Times(2), block=nn.Sequential(Times(5), nn.ReLU(inplace=True))))
    X = torch.tensor([[1.0, -1]])
    maps = feature_maps(net, X)
    expected = {
        "twice": torch.tensor([[2.0, -2]]),
        "block.0": torch.tensor([[10.0, -10]]),
        "block.1": torch.tensor([[10.0, 0]]),
    }
    assert_same(
        sorted(maps), sorted(expected), "names in feature_maps(net, X)", "Which modules have no children?"
    )
    for name, value in expected.items():
        assert_same(
            maps[name],
            value,
            f"feature_maps(net, X)[{name!r}]",
            "The ReLU works in place. Did you store a copy of each output?",
            X=X,
        )
    assert_same(
        hooks_on(net), 0, "number of hooks on net after feature_maps(net, X)", "Who removes the hooks?"
    )


def test_lenet_modern__stays_within_the_budget() -> None:
    net = lenet_modern()
    count = sum(parameter.numel() for parameter in net.parameters())
    assert count <= 62_000, (
        f"lenet_modern() has {count:,} parameters, expected at most 62,000. Which layer holds most of them?"
    )
    assert_same(
        tuple(net(torch.zeros(3, 1, 28, 28)).shape),
        (3, 10),
        "lenet_modern()(X).shape with X of shape (3, 1, 28, 28)",
        "What is the shape after each layer?",
    )


def test_lenet_modern__learns_ten_easy_patterns_in_a_few_steps() -> None:
    torch.manual_seed(0)
    y = torch.arange(200) % 10
    X = torch.rand(10, 1, 28, 28)[y] + 0.2 * torch.rand(200, 1, 28, 28)
    net = lenet_modern().train()
    optimizer = torch.optim.SGD(net.parameters(), lr=0.1)
    for step in range(50):
        rows = torch.arange(20) + 20 * (step % 10)
        optimizer.zero_grad()
        loss = F.cross_entropy(net(X[rows]), y[rows])
        loss.backward()  # type: ignore[no-untyped-call]
        optimizer.step()
    assert loss.item() < 1, (
        f"after 50 steps of SGD with lr=0.1 the loss is {loss.item():.2f}, expected less than 1. "
        "The classic network is still near 2.30 at that point. What holds yours back?"
    )
