"""Device mistakes are found without a GPU, and right code isn't reported as one.

Each case is the answer to one task, as a student writes it. CUDA defines what is right: mixing devices raises
an error, and tensors go to the CPU without `device=` (https://docs.pytorch.org/docs/stable/notes/cuda.html).
"""

from __future__ import annotations

import pytest
import torch

from graders.grading.grade import Settings, grade
from graders.grading.hand_in import hand_in_of
from graders.report import TaskResult
from graders.sandbox.inside import accelerator
from graders.sandbox.warm_parent import WarmParent
from graders.testing import devices
from tests.parts import Part
from tests.testing.device_answers.parts import HEAD
from tests.testing.device_answers.right import RIGHT
from tests.testing.device_answers.wrong import RIGHT_BY_CHANCE, WRONG


def graded(task: str, source: str, parent: WarmParent) -> TaskResult:
    """The result of one task whose file is `source`."""
    exercise = task.partition(".")[0]
    hand_in = hand_in_of("student", {f"{exercise}.py": HEAD + source})
    (result,) = grade(hand_in, Settings(only=(task,)), parent).tasks
    return result


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """A part of the answers that each test is about."""
    about = {
        test_a_device_mistake_is_found_without_a_device: [*WRONG, *RIGHT_BY_CHANCE],
        test_right_code_is_not_taken_for_a_mistake: [*RIGHT],
    }
    if metafunc.function in about:
        metafunc.parametrize("name", Part(metafunc.config.option.part).of(about[metafunc.function]))


def test_a_device_mistake_is_found_without_a_device(name: str, warm_parent: WarmParent) -> None:
    task, source, told = {**WRONG, **RIGHT_BY_CHANCE}[name]
    result = graded(task, source, warm_parent)
    (found,) = (group for group in result.groups if group.name == "devices")
    assert result.outcome == "failed", result.message
    assert found.score == 0
    assert told in found.message, found.message
    assert "an accelerator" in found.message


def test_right_code_is_not_taken_for_a_mistake(
    name: str, warm_parent: WarmParent, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Here the simulation has to be able to do whatever is asked of it.
    monkeypatch.setattr(devices, "is_of_the_simulation", lambda error: False)
    task, source = RIGHT[name]
    result = graded(task, source, warm_parent)
    assert result.outcome == "passed", result.message


def test_a_mistake_about_devices_costs_only_the_points_for_devices(warm_parent: WarmParent) -> None:
    task, source, _ = WRONG["buffer without device"]
    result = graded(task, source, warm_parent)
    assert [group.name for group in result.groups if group.score < group.max_score] == ["devices"]


def test_the_accelerator_computes_what_the_cpu_computes() -> None:
    """A network learns on it exactly as on the CPU, bit by bit, because its values are the CPU's."""
    accelerator.install()
    data, labels = torch.rand(4, 1, 6, 6), torch.tensor([0, 1, 2, 0])
    found = []
    for device in ("cpu", accelerator.NAME):
        torch.manual_seed(3)
        layers = torch.nn.Conv2d(1, 2, 3), torch.nn.BatchNorm2d(2), torch.nn.MaxPool2d(2), torch.nn.Flatten()
        net = torch.nn.Sequential(*layers, torch.nn.Linear(8, 3)).to(device)
        optimizer = torch.optim.SGD(net.parameters(), lr=0.1, momentum=0.9)
        for _ in range(3):
            optimizer.zero_grad()
            torch.nn.functional.cross_entropy(net(data.to(device)), labels.to(device)).backward()
            optimizer.step()
        assert {parameter.device.type for parameter in net.parameters()} == {device}
        found.append([parameter.detach().cpu() for parameter in net.parameters()])
    assert all(torch.equal(one, other) for one, other in zip(*found, strict=True))


def test_numbers_set_through_data_are_those_that_are_computed_with() -> None:
    accelerator.install()
    weight = torch.ones(2, 3, device=accelerator.NAME).requires_grad_()
    for _ in range(2):
        (gradient,) = torch.autograd.grad((weight * weight).sum(), weight)
        weight.data = weight.data - 0.25 * gradient
    assert weight.requires_grad
    assert torch.equal(weight.detach().cpu(), torch.full((2, 3), 0.25))
    weight.data = torch.zeros(4, device=accelerator.NAME)
    assert weight.shape == weight.cpu().shape == (4,)
    with pytest.raises(RuntimeError, match="at least two devices"):
        weight.data = torch.zeros(4)


@pytest.mark.parametrize(
    "mixture",
    [
        lambda here, there: there + here,
        lambda here, there: here.add_(there),
        lambda here, there: torch.stack([here, there]),
        lambda here, there: torch.mm(here[None], there[:, None]),
        lambda here, there: here[there.long()],
        lambda here, there: there.gather(0, here.long()),
        lambda here, there: torch.tensor(0.0).add_(there[0]),
        lambda here, there: there.index_put_((torch.tensor([0]),), here[:1]),
        lambda here, there: torch.rand(2, generator=torch.Generator(), device=there.device),
        lambda here, there: there.numpy(),
        lambda here, there: there.apply_(lambda number: number),
        lambda here, there: there.map_(there, lambda number, _: number),
    ],
)
def test_what_cuda_refuses_is_refused(mixture: object) -> None:
    accelerator.install()
    here = torch.zeros(3)
    with pytest.raises(
        (RuntimeError, TypeError), match=r"same device|numpy|generator|only implemented on CPU"
    ):
        mixture(here, here.to(accelerator.NAME))  # type: ignore[operator]


@pytest.mark.parametrize(
    "mixture",
    [
        lambda here, there: there + here[0],
        lambda here, there: there.copy_(here),
        lambda here, there: here.copy_(there),
        lambda here, there: there[here.long()],
        lambda here, there: there.index_put_((torch.tensor([0]),), here[0]),
        lambda here, there: there.masked_fill_(there > 0, here[0]),
        lambda here, there: torch.where(there > 0, there, here[0]),
        lambda here, there: there.tolist(),
        lambda here, there: there.to(here),
        lambda here, there: torch.add(there, there, out=torch.empty(0, device=there.device)),
        lambda here, there: there.t_(),
    ],
)
def test_what_cuda_allows_is_allowed(mixture: object) -> None:
    accelerator.install()
    here = torch.zeros(3)
    mixture(here, here.to(accelerator.NAME))  # type: ignore[operator]
