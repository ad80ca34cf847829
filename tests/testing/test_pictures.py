"""Grading on real images: they are the bundled ones; right answers pass by a wide margin, wrong ones fail."""

from __future__ import annotations

import gzip
import re
import shutil
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from exercises import data
from graders.sandbox.warm_parent import WarmParent
from graders.tasks.lenet import networks
from graders.tasks.lenet.properties import accuracy, init_lenet, lenet_modern, train
from graders.testing import pictures
from graders.testing.expect import GraderError, Mismatch, NotWritten
from graders.testing.in_process import submission_in_process
from graders.testing.pictures import in_batches, new_pictures, training_pictures
from graders.testing.submission import Submission
from solutions import lenet as reference
from tests.parts import Part
from tests.tasks.right_answers import RightAnswer, right_answers

SEEDS = range(1, 11)
ANSWERS = [one for one in right_answers() if one.exercise == "lenet"]
QUESTIONS: dict[str, tuple[Callable[..., None], ...]] = {
    "accuracy": (accuracy.test_accuracy_on_real_images,),
    "train": (
        train.test_the_losses_of_lenet_on_real_images,
        train.test_the_parameters_of_lenet_after_a_training_on_real_images,
        train.test_lenet_with_tanh_recognises_new_images_after_an_epoch,
    ),
    "init_lenet": (init_lenet.test_lenet_with_tanh_soon_learns_from_real_images,),
    "lenet_modern": (lenet_modern.test_it_beats_the_classic_network_with_the_same_training,),
}


@pytest.fixture(autouse=True)
def one_thread() -> None:
    torch.set_num_threads(1)


def asked(names: dict[str, Any], seed: int = 0) -> Submission:
    """The reference with some names replaced, run in this process."""
    right = {key: value for key, value in vars(reference).items() if not key.startswith("__")}
    submission = submission_in_process(right | names)
    submission._seed = seed
    submission.begin(by_hand=False)
    return submission


# ------------------------------------------------------------------------------------------- the images


def test_they_are_the_bundled_images_in_their_order() -> None:
    transform = data.scaled("fashion-mnist", standardised=True)
    for ours, theirs in zip(
        (training_pictures(), new_pictures()), data.load(root="bundled", transform=transform), strict=True
    ):
        X, y = theirs.tensors()
        assert torch.allclose(ours[0], X, rtol=0, atol=1e-6)
        assert torch.equal(ours[1], y)


@pytest.mark.parametrize(("batch", "each"), [(training_pictures, 40), (new_pictures, 20)])
def test_they_are_balanced_and_standardised(batch: Callable[[], pictures.Batch], each: int) -> None:
    X, y = batch()
    assert (X.shape, X.dtype, y.dtype) == ((10 * each, 1, 28, 28), torch.float32, torch.int64)
    assert y.bincount().tolist() == [each] * 10
    pixels = (X * pictures.DEVIATION + pictures.MEAN) * 255
    assert torch.allclose(pixels, pixels.round(), rtol=0, atol=1e-3)
    assert (round(float(pixels.min())), round(float(pixels.max()))) == (0, 255)
    assert abs(float(X.mean())) < 0.05
    assert abs(float(X.std()) - 1) < 0.05


def test_batches_take_the_first_images_and_no_more_than_there_are() -> None:
    X, y = new_pictures()
    batches = in_batches(new_pictures(), 5, 1, 3)
    assert [len(labels) for _, labels in batches] == [5, 1, 3]
    assert torch.equal(torch.cat([images for images, _ in batches]), X[:9])
    assert torch.equal(torch.cat([labels for _, labels in batches]), y[:9])
    with pytest.raises(GraderError, match="200 images, not 201"):
        in_batches(new_pictures(), 200, 1)


def test_files_that_were_changed_are_the_graders_fault(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "images"
    shutil.copytree(pictures.FOLDER, folder)
    monkeypatch.setattr(pictures, "FOLDER", folder)
    path = folder / "t10k-labels-idx1-ubyte.gz"
    raw = gzip.decompress(path.read_bytes())
    for broken in (raw[:-1], raw[:3] + b"\3" + raw[4:], b""):
        path.write_bytes(gzip.compress(broken))
        with pytest.raises(GraderError, match=r"t10k-labels-idx1-ubyte\.gz does not hold 200 numbers"):
            pictures._pictures("t10k", 200)
    for broken in (raw, gzip.compress(raw)[:-20]):
        path.write_bytes(broken)
        with pytest.raises(GraderError, match="cannot be read"):
            pictures._pictures("t10k", 200)
    path.unlink()
    with pytest.raises(GraderError, match="cannot be read"):
        pictures._pictures("t10k", 200)


# -------------------------------------------------------------------------------- networks and trainings


def test_the_linear_layer_is_right_about_a_share_that_batches_do_not_average_to() -> None:
    weight, bias = networks.straight()
    X, y = new_pictures()
    hits = F.linear(X.flatten(1), weight, bias).argmax(1) == y
    assert networks.recognised(new_pictures()) == int(hits.sum()) == 149
    mean_of_batches = sum(float(part.double().mean()) for part in hits.split([64, 64, 64, 8])) / 4
    assert abs(mean_of_batches - 149 / 200) > 0.02


def test_a_linear_layer_that_hesitates_judges_nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    weight, bias = networks.straight()
    monkeypatch.setattr(
        networks, "straight", lambda: (weight[[0, 0, *range(2, 10)]], bias[[0, 0, *range(2, 10)]])
    )
    with pytest.raises(GraderError, match="too close"):
        networks.recognised(new_pictures())


def test_the_classic_network_guesses_after_the_one_training() -> None:
    assert networks.classic_share() <= 0.15 < lenet_modern.ENOUGH / 2 + 0.01


def test_starts_are_of_the_size_that_they_are_said_to_be() -> None:
    for start, draw in (
        (networks.pytorch_start, lambda net: net),
        (networks.xavier_start, reference.init_lenet),
    ):
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(0)
            drawn = [value.detach() for value in draw(reference.lenet()).parameters()]
        for ours, theirs in zip(start(0), drawn, strict=True):
            assert ours.shape == theirs.shape
            if ours.numel() > 1000:
                assert abs(float(ours.abs().max() / theirs.abs().max()) - 1) < 0.01
                assert abs(float(ours.std() / theirs.std()) - 1) < 0.1


def test_the_layers_are_those_of_the_classic_network() -> None:
    ours = nn.Sequential(*map(networks.made, networks.lenet_layers("Sigmoid"))).double()
    weights, X = networks.known_parameters(1), networks.images(2, 1)
    for own, value in zip(ours.parameters(), weights, strict=True):
        own.data.copy_(value)
    assert torch.allclose(ours(X), networks.expected_logits(X, weights), rtol=0, atol=1e-10)


def test_training_in_the_sandbox_gives_the_same_numbers_twice(warm_parent: WarmParent) -> None:
    files = {"lenet.py": Path(reference.__file__).read_text(encoding="utf-8")}
    found: list[list[Tensor]] = []
    for _ in range(2):
        submission = Submission(warm_parent, files, "lenet", seed=3)
        try:
            submission.begin(by_hand=False)
            net = submission.create("lenet_modern")
            net.fit(networks.training_data(), epochs=1, lr=networks.LR, momentum=networks.MOMENTUM)
            other = submission.build("Sequential", *networks.lenet_layers("Tanh"))
            other.assign(networks.pytorch_start(1))
            submission.init_lenet(other)
            submission.train(other, networks.short_training(), 1, networks.SHORT_LR)
            found.append([value for one in (net, other) for value in one.describe().state.values()])
        finally:
            submission.close()
    assert all(torch.equal(one, again) for one, again in zip(*found, strict=True))


# ---------------------------------------------------------------------------------------------- right answers


def each_answer(*tasks: str) -> Iterator[Any]:
    for answer in ANSWERS:
        if answer.task in tasks:
            yield pytest.param(answer, id=f"{answer.task}:{answer.style}".replace(" ", "-"))


@pytest.mark.parametrize("answer", list(each_answer("accuracy", "train")))
def test_right_answers_pass(answer: RightAnswer) -> None:
    for question in QUESTIONS[answer.task]:
        question(submission=asked(answer.names()))


@pytest.mark.parametrize("answer", list(each_answer("train"))[1:2])
def test_right_trainings_pass_from_many_starts(answer: RightAnswer) -> None:
    for seed in SEEDS:
        for dtype in (torch.float64, torch.float32):
            for what in ("losses", "parameters"):
                train.check_training(
                    asked(answer.names()),
                    networks.lenet_layers("Sigmoid"),
                    (3, 8, 1),
                    epochs=1,
                    lr=0.5,
                    seed=seed,
                    what=what,
                    pictures=True,
                    dtype=dtype,
                )


def test_the_reference_passes_under_many_seeds(part: Part) -> None:
    for seed in SEEDS if part.is_all else SEEDS[:3]:
        for task in ("init_lenet", "lenet_modern"):
            for question in QUESTIONS[task]:
                question(submission=asked({}, seed))


@pytest.mark.parametrize("answer", list(each_answer("init_lenet", "lenet_modern")))
def test_other_right_answers_pass_under_some_seeds(answer: RightAnswer) -> None:
    for seed in SEEDS[:2]:
        for question in QUESTIONS[answer.task]:
            question(submission=asked(answer.names(), seed))


# ---------------------------------------------------------------------------------------------- wrong answers


Data = Sequence[tuple[Tensor, Tensor]]


def mean_of_batches(net: nn.Module, data: Data) -> float:
    return sum(reference.accuracy(net, [batch]) for batch in data) / len(data)


def number_right(net: nn.Module, data: Data) -> float:
    return reference.accuracy(net, data) * sum(len(y) for _, y in data)


def of_the_last_batch(net: nn.Module, data: Data) -> float:
    return reference.accuracy(net, data[-1:])


def without_the_last_batch(net: nn.Module, data: Data, num_epochs: int, lr: float) -> list[float]:
    return reference.train(net, data[:-1], num_epochs, lr)


def gradients_piled_up(net: nn.Module, data: Data, num_epochs: int, lr: float) -> list[float]:
    return _loop(net, data, num_epochs, lr, cleared=False)


def by_the_sum(net: nn.Module, data: Data, num_epochs: int, lr: float) -> list[float]:
    return _loop(net, data, num_epochs, lr, reduction="sum")


def uphill(net: nn.Module, data: Data, num_epochs: int, lr: float) -> list[float]:
    return _loop(net, data, num_epochs, lr, sign=-1)


def without_a_step(net: nn.Module, data: Data, num_epochs: int, lr: float) -> list[float]:
    return reference.train(net, data, num_epochs, 0.0)


def _loop(
    net: nn.Module,
    data: Data,
    num_epochs: int,
    lr: float,
    cleared: bool = True,
    reduction: str = "mean",
    sign: int = 1,
) -> list[float]:
    optimizer = torch.optim.SGD(net.parameters(), lr=lr)
    net.train()
    losses = []
    for _ in range(num_epochs):
        total = 0.0
        for X, y in data:
            if cleared:
                optimizer.zero_grad()
            loss = F.cross_entropy(net(X), y, reduction=reduction)
            (sign * loss).backward()
            optimizer.step()
            total += loss.item() * (len(y) if reduction == "mean" else 1)
        losses.append(total / sum(len(y) for _, y in data))
    return losses


def drawing(draw: Callable[[Tensor], Any], *kinds: type[nn.Module]) -> Callable[[nn.Module], nn.Module]:
    def init_lenet(net: nn.Module) -> nn.Module:
        for module in net.modules():
            if isinstance(module, kinds or (nn.Conv2d, nn.Linear)):
                draw(module.weight)
        return net

    return init_lenet


INITS: dict[str, Callable[[nn.Module], nn.Module]] = {
    "zeros": drawing(nn.init.zeros_),
    "ones": drawing(nn.init.ones_),
    "normal, small": drawing(lambda weight: nn.init.normal_(weight, 0, 0.01)),
    "normal, large": drawing(lambda weight: nn.init.normal_(weight, 0, 1)),
    "convolutions only": drawing(nn.init.xavier_uniform_, nn.Conv2d),
    "as PyTorch does": drawing(lambda weight: nn.init.kaiming_uniform_(weight, 5**0.5)),
    "nothing": lambda net: net,
}
LOSSES, PARAMETERS, SHARE = range(3)


def fails(question: Callable[..., None], names: dict[str, Any], seed: int = 0) -> str:
    """The message for a wrong answer."""
    with pytest.raises(Mismatch) as found:
        question(submission=asked(names, seed))
    assert found.value.sentence.endswith((".", "?"))
    return str(found.value)


@pytest.mark.parametrize("wrong", [mean_of_batches, number_right, of_the_last_batch])
def test_wrong_accuracies_fail(wrong: Callable[..., float]) -> None:
    for question in QUESTIONS["accuracy"]:
        assert "real images" in fails(question, {"accuracy": wrong})


@pytest.mark.parametrize(
    ("wrong", "which"),
    [
        (without_the_last_batch, (LOSSES, PARAMETERS)),
        (gradients_piled_up, (LOSSES, PARAMETERS)),
        (by_the_sum, (LOSSES, PARAMETERS)),
        (uphill, (LOSSES, PARAMETERS, SHARE)),
        (without_a_step, (LOSSES, PARAMETERS, SHARE)),
    ],
)
def test_wrong_trainings_fail(wrong: Callable[..., list[float]], which: tuple[int, ...]) -> None:
    for place in which:
        assert "real images" in fails(QUESTIONS["train"][place], {"train": wrong})


def test_a_training_without_a_loss_to_show_for_it_loses_the_losses_alone() -> None:
    def silent(net: nn.Module, data: Data, num_epochs: int, lr: float) -> None:
        reference.train(net, data, num_epochs, lr)

    losses, *others = QUESTIONS["train"]
    assert "Is a return statement missing?" in fails(losses, {"train": silent})
    for question in others:
        question(submission=asked({"train": silent}))


@pytest.mark.parametrize("task", ["train", "init_lenet"])
def test_what_does_nothing_and_returns_nothing_is_not_written(task: str) -> None:
    for question in QUESTIONS[task]:
        with pytest.raises(NotWritten):
            question(submission=asked({task: lambda *args: None}))


@pytest.mark.parametrize("name", INITS)
def test_wrong_weights_fail(name: str) -> None:
    for question in QUESTIONS["init_lenet"]:
        for seed in SEEDS[:3]:
            sentence = fails(question, {"init_lenet": INITS[name]}, seed)
            loss = re.search(r"a loss of (\S+) on new ones", sentence)
            assert loss is not None
            assert not float(loss[1]) < init_lenet.LEARNT + 0.25


def test_zero_biases_are_the_business_of_another_group() -> None:
    def with_biases(net: nn.Module) -> nn.Module:
        for module in reference.init_lenet(net).modules():
            if isinstance(module, (nn.Conv2d, nn.Linear)):
                nn.init.zeros_(module.bias)
        return net

    for question in QUESTIONS["init_lenet"]:
        question(submission=asked({"init_lenet": with_biases}))


@pytest.mark.parametrize("xavier", [False, True])
def test_the_classic_network_does_not_count_as_a_modern_one(xavier: bool) -> None:
    def classic() -> nn.Module:
        net = reference.lenet()
        return reference.init_lenet(net) if xavier else net

    for question in QUESTIONS["lenet_modern"]:
        sentence = fails(question, {"lenet_modern": classic}, seed=int(xavier))
        assert "it is right about 10% of 200 new ones, the classic network about 10%" in sentence
