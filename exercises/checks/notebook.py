"""Run the checks of one task in a notebook, on the notebook's own functions, and draw the example.

    from exercises.checks.notebook import checks_of, picture
    check = checks_of("conv2d", globals())
    check("conv2d")

If a task passes, the check says so. If it fails, the check writes the reason to the error stream, which
notebooks show in red and `nbgrader validate` reports. It raises nothing, so *Run All* continues with the next
task.
"""

import contextlib
import sys
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from importlib import import_module
from itertools import product
from pathlib import Path
from types import ModuleType
from typing import Any

import torch
from torch import Tensor

from exercises.checks.helpers import show

_LARGEST = 64
"""Tensors with a longer side than this are not drawn."""


def checks_of(exercise: str, namespace: Mapping[str, Any]) -> Callable[..., None]:
    """Return `check(task, bonus=False)` for one exercise.

    Args:
        exercise: name of the exercise, such as `"conv2d"`.
        namespace: what holds the student's functions; in a notebook, `globals()`.
    """

    def check(task: str, bonus: bool = False) -> None:
        """Run the worked examples of one task. An unwritten bonus task doesn't count as a failure."""
        tests, drawn = _tests(exercise, namespace)
        chosen = [(name, test) for name, test in tests if name.startswith(f"test_{task}__")]
        failures, unwritten = [], 0
        for name, test in chosen:
            try:
                test()
            except NotImplementedError as error:
                unwritten += 1
                failures.append((name, str(error) or "not written yet"))
            except (Exception, SystemExit) as error:
                failures.append((name, _explained(error)))
        _draw_first(drawn)
        if not failures:
            print(f"✓ {task}: {_count(len(chosen))}. The grader tests more, so reread the docstring.")
        elif unwritten == len(chosen):
            stream = sys.stdout if bonus else sys.stderr
            print(f"· {task} is not written yet" + (" (a bonus task)." if bonus else "."), file=stream)
        else:
            print(f"✗ {task}: {_failed(len(failures), len(chosen))}.", file=sys.stderr)
            for name, why in failures:
                title = name.partition("__")[2].replace("_", " ")
                print(
                    f"\n  {title}\n" + "\n".join(f"    {line}" for line in why.splitlines()), file=sys.stderr
                )

    return check


def picture(**tensors: object) -> None:
    """Draw small two-dimensional tensors side by side, each under its name, and skip everything else.

    Without matplotlib, the numbers are printed instead.
    """
    images = _images(tensors)
    if not images:
        return
    try:
        plt = import_module("matplotlib.pyplot")
    except ImportError:
        print(show(**images))
        return
    widths = [max(2.0, min(4.0, 0.4 * image.shape[1])) for image in images.values()]
    figure, axes = plt.subplots(
        1, len(images), figsize=(sum(widths) + 0.6 * len(images), 2.8), width_ratios=widths, squeeze=False
    )
    for axis, (name, image) in zip(axes[0], images.items(), strict=True):
        largest = image.abs().max().item() or 1.0
        signed = {"cmap": "RdBu_r", "vmin": -largest, "vmax": largest}
        axis.imshow(image.numpy(), **({"cmap": "gray"} if image.min() >= 0 else signed))
        axis.set_title(f"{name}  {image.shape[0]}×{image.shape[1]}", fontsize=10)
        axis.set_xticks([])
        axis.set_yticks([])
        if image.numel() <= _LARGEST:
            _write_numbers(axis, image)
    figure.tight_layout()
    _display(figure)
    plt.close(figure)


def _tests(
    exercise: str, namespace: Mapping[str, Any]
) -> tuple[list[tuple[str, Callable[[], None]]], list[dict[str, Any]]]:
    """The checks of an exercise for the functions in `namespace`, and a list that collects their tensors."""
    path = Path(__file__).with_name(f"test_{exercise}.py")
    module = ModuleType(f"exercises.checks.test_{exercise}")
    module.__file__ = str(path)
    with _standing_in(exercise, namespace):
        exec(compile(path.read_text(encoding="utf-8"), str(path), "exec"), module.__dict__)
    drawn: list[dict[str, Any]] = []
    compare = module.__dict__.get("assert_same")
    if compare is not None:

        def assert_same(got: Any, expected: Any, *rest: Any, **inputs: Any) -> None:
            known = {name: value for name, value in inputs.items() if name != "tolerance"}
            drawn.append({**known, "result": got, "expected": expected})
            compare(got, expected, *rest, **inputs)

        module.__dict__["assert_same"] = assert_same
    found = [
        (name, value) for name, value in vars(module).items() if name.startswith("test_") and callable(value)
    ]
    return [(name, case) for name, test in found for case in _cases(test)], drawn


@contextlib.contextmanager
def _standing_in(exercise: str, namespace: Mapping[str, Any]) -> Iterator[None]:
    """Make the notebook's functions available as `exercises.<exercise>` while the checks are loaded."""
    package, name = import_module("exercises"), f"exercises.{exercise}"
    stand_in = ModuleType(name)
    stand_in.__dict__.update({key: value for key, value in namespace.items() if not key.startswith("__")})

    def missing(wanted: str) -> Callable[..., Any]:
        if wanted.startswith("__"):
            raise AttributeError(wanted)

        def unwritten(*_: object, **__: object) -> Any:
            raise NotImplementedError(f"this notebook doesn't define {wanted}")

        return unwritten

    stand_in.__dict__["__getattr__"] = missing
    before = sys.modules.get(name), package.__dict__.get(exercise)
    sys.modules[name] = package.__dict__[exercise] = stand_in
    try:
        yield
    finally:
        _put_back(sys.modules, name, before[0])
        _put_back(package.__dict__, exercise, before[1])


def _put_back(table: dict[str, Any], key: str, value: Any) -> None:
    if value is None:
        table.pop(key, None)
    else:
        table[key] = value


def _cases(test: Any) -> list[Callable[[], None]]:
    """One check for each combination of the test's `parametrize` marks."""
    choices: list[list[dict[str, Any]]] = []
    for mark in getattr(test, "pytestmark", []):
        if mark.name == "parametrize":
            names = mark.args[0]
            names = [n.strip() for n in names.split(",")] if isinstance(names, str) else list(names)
            values = [getattr(value, "values", value) for value in mark.args[1]]
            choices.append([dict(zip(names, v if len(names) > 1 else (v,), strict=True)) for v in values])
    combined = [{k: v for part in parts for k, v in part.items()} for parts in product(*choices)]
    return [partial(test, **keywords) for keywords in combined]


def _explained(error: BaseException) -> str:
    if isinstance(error, AssertionError) or type(error).__name__ == "Failed":
        return str(error) or "the result is not the expected one"
    return f"{type(error).__name__}: {error}"


def _count(number: int) -> str:
    return "the example passes" if number == 1 else f"all {number} examples pass"


def _failed(failures: int, total: int) -> str:
    if total == 1:
        return "the example fails"
    return f"{failures} of {total} examples {'fails' if failures == 1 else 'fail'}"


def _draw_first(cases: list[dict[str, Any]]) -> None:
    """Draw the first example whose inputs and result can be drawn; draw `expected` only if it differs."""
    for case in cases:
        images = _images(case)
        if "result" not in images or len(images) < 2 + ("expected" in images):
            continue
        if "expected" in images and torch.equal(images["result"], images["expected"]):
            del images["expected"]
        picture(**images)
        return


def _images(tensors: Mapping[str, object]) -> dict[str, Tensor]:
    """The tensors that can be drawn, as matrices on the CPU; empty and large ones are left out."""
    images: dict[str, Tensor] = {}
    for name, value in tensors.items():
        if not isinstance(value, Tensor) or value.dim() < 2 or not value.numel() or value.is_complex():
            continue
        if any(size != 1 for size in value.shape[:-2]) or max(value.shape[-2:]) > _LARGEST:
            continue
        image = value.detach().cpu().double().reshape(value.shape[-2:])
        alike = any(torch.equal(image, other) for key, other in images.items() if key != "result")
        if name in ("result", "expected") or not alike:
            images[name] = image
    return images


def _write_numbers(axis: Any, image: Tensor) -> None:
    signed, high = image.min().item() < 0, image.abs().max().item()
    low = -high if signed else image.min().item()
    for row, numbers in enumerate(image.tolist()):
        for column, number in enumerate(numbers):
            share = (number - low) / (high - low) if high > low else 1.0
            dark = abs(share - 0.5) > 0.35 if signed else share < 0.5
            colour = "white" if dark else "black"
            axis.text(column, row, f"{number:.3g}", ha="center", va="center", fontsize=8, color=colour)


def _display(figure: Any) -> None:
    try:
        display = import_module("IPython.display").display
    except ImportError:
        return
    display(figure)
