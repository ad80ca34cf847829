"""`python -m exercises`: show my progress, check my code, give me a hint, train my network."""

from __future__ import annotations

import argparse
import difflib
import json
import subprocess
import sys
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

from .recipes import RECIPES

HERE = Path(__file__).parent
_MARKS = {"written": "✓", "wrong": "✗", "to do": "·"}


def main(arguments: list[str] | None = None) -> int:
    """Run one command; returns the exit status."""
    parser = argparse.ArgumentParser(
        prog="python -m exercises",
        description="Without a command, it shows which tasks pass their examples and what to do next.",
    )
    commands = parser.add_subparsers(metavar="COMMAND")
    check = commands.add_parser("check", help="run the worked examples of one exercise, or of all")
    check.add_argument("name", nargs="?", help="an exercise or a task")
    check.set_defaults(run=lambda options: _check(options.name))
    hint = commands.add_parser("hint", help="show a hint for a task")
    hint.add_argument("name", help="a task, such as pool2d")
    hint.add_argument(
        "--more", action="count", default=0, help="show the next hint; repeat it for the one after that"
    )
    hint.set_defaults(run=lambda options: _hint(options.name, options.more))
    _add_train(commands)
    parser.set_defaults(run=lambda options: _status())
    options = parser.parse_args(arguments)
    return int(options.run(options))


def _add_train(commands: Any) -> None:
    parser = commands.add_parser(
        "train",
        help="train your LeNet on real images",
        description="Train your own LeNet, with your own train and accuracy, on real images.",
        formatter_class=argparse.RawDescriptionHelpFormatter,
        epilog="Recipes:\n"
        + "".join(
            f"  {name:<9} {recipe.about}.\n"
            f"            Learning rate {recipe.lr:g}, batches of {recipe.batch_size}, "
            f"{recipe.epochs} epochs.\n"
            f"            Test accuracy on Fashion-MNIST: {recipe.reaches}.\n"
            for name, recipe in RECIPES.items()
        )
        + "\nWithout --data, the command looks for the images in the folder that the environment variable\n"
        "CNN_DATA names, then in Debian's package dataset-fashion-mnist, and otherwise downloads them once.\n"
        "`--data bundled` needs no download: it uses the 600 images that come with the exercises.",
    )
    parser.add_argument(
        "--recipe", choices=RECIPES, default="quick", help="how to train (default: %(default)s)"
    )
    parser.add_argument(
        "--data", metavar="PATH", help="folder with the images, or `bundled` for those that come with the kit"
    )
    parser.add_argument(
        "--dataset", choices=("fashion-mnist", "mnist"), default="fashion-mnist", help="default: %(default)s"
    )
    parser.add_argument("--epochs", type=_positive, metavar="N", help="default: the recipe's")
    parser.add_argument(
        "--device",
        choices=("auto", "cpu", "cuda", "mps"),
        default="auto",
        help="auto uses an accelerator if there is one (default: %(default)s)",
    )
    parser.add_argument(
        "--seed",
        type=int,
        default=0,
        metavar="N",
        help="random seed for the choice of images, their order and the weights; "
        "on the CPU the same seed gives the same numbers (default: %(default)s)",
    )
    parser.add_argument("--plot", type=Path, metavar="FILE.png", help="plot loss and accuracy to this file")
    parser.set_defaults(run=_train)


def _positive(text: str) -> int:
    number = int(text) if text.isascii() and text.isdigit() else 0
    if number < 1:
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number of at least 1")
    return number


def _train(options: argparse.Namespace) -> int:
    wrong = _wrong_folder(options)
    if wrong is not None:
        print(wrong, file=sys.stderr)
        return 1
    from .training import run  # imported here: torch takes seconds to load, and only this command needs it

    return run(options)


def _wrong_folder(options: argparse.Namespace) -> str | None:
    """What is wrong with the folders that the options name, said before anything slow is loaded."""
    images = None if options.data in (None, "bundled") else Path(options.data).expanduser()
    if images is not None and not images.is_dir():
        return (
            f"{images}, named by --data, is not a folder. Name the folder with the images, or `bundled` "
            "for the 600 images that come with the exercises."
        )
    if options.plot is not None and not options.plot.absolute().parent.is_dir():
        home = options.plot.absolute().parent
        return f"{home} is not a folder. Create it, or use another for --plot."
    return None


def _tasks() -> dict[str, dict[str, Any]]:
    return dict(json.loads((HERE / "hints.json").read_text(encoding="utf-8")))


def _status() -> int:
    print("Running the worked examples …", flush=True)
    results = _run_checks(["-q"])
    following = None
    for exercise, about in _tasks().items():
        print(f"\n{about['title']}  (exercises/{exercise}.py)")
        for task, facts in about["tasks"].items():
            state = _state(results.get((exercise, task), []))
            if state is None:
                continue
            bonus = " bonus" if facts["kind"] == "stretch" else ""
            points = f"{facts['points']:g} points{bonus}"
            print(f"  {_MARKS[state]} {task:<24} {state:<8} {points}")
            if state != "written" and following is None:
                following = (exercise, task, facts["minutes"])
    if following is None:
        print("\nEvery example passes. The hidden grader tests more than this, so reread each docstring.")
    else:
        exercise, task, minutes = following
        print(f"\nNext: {task} in exercises/{exercise}.py, about {minutes} minutes.")
        print(f"      python -m exercises check {task}     python -m exercises hint {task}")
    return 0


def _state(outcomes: list[str]) -> str | None:
    if not outcomes:
        return None
    if all(outcome == "passed" for outcome in outcomes):
        return "written"
    return "to do" if all(outcome == "to do" for outcome in outcomes) else "wrong"


def _run_checks(options: list[str]) -> dict[tuple[str, str], list[str]]:
    """The outcomes of all checks by exercise and task, run by pytest in a separate process."""
    report = HERE / ".checks.xml"
    command = [sys.executable, "-m", "pytest", str(HERE / "checks"), *options, f"--junit-xml={report}"]
    subprocess.run(
        command, cwd=HERE.parent, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=False
    )
    results: dict[tuple[str, str], list[str]] = {}
    if not report.exists():
        return results
    for case in ElementTree.parse(report).iter("testcase"):
        exercise = case.get("classname", "").rpartition(".")[2].removeprefix("test_")
        task = case.get("name", "").removeprefix("test_").partition("__")[0]
        trouble = [found for kind in ("failure", "error") for found in case.findall(kind)]
        said = " ".join(f"{found.get('message')} {found.text}" for found in trouble)
        outcome = "passed" if not trouble else "to do" if "NotImplementedError" in said else "wrong"
        results.setdefault((exercise, task), []).append(outcome)
    report.unlink()
    return results


def _check(name: str | None) -> int:
    command = [sys.executable, "-m", "pytest", "--tb=short", "-q", "-rN"]
    if name is None:
        return subprocess.run([*command, str(HERE / "checks")], cwd=HERE.parent, check=False).returncode
    if name.removesuffix(".py") in _tasks():
        target = HERE / "checks" / f"test_{name.removesuffix('.py')}.py"
        return subprocess.run([*command, str(target)], cwd=HERE.parent, check=False).returncode
    exercise = _exercise_of(name)
    if exercise is None:
        return 2
    target = HERE / "checks" / f"test_{exercise}.py"
    return subprocess.run(
        [*command, str(target), "-k", f"test_{name}__"], cwd=HERE.parent, check=False
    ).returncode


def _hint(name: str, more: int) -> int:
    exercise = _exercise_of(name)
    if exercise is None:
        return 2
    hints = _tasks()[exercise]["tasks"][name]["hints"]
    number = min(more, len(hints) - 1)
    print(f"{name}, hint {number + 1} of {len(hints)}:\n\n{hints[number]}")
    if number + 1 < len(hints):
        print(f"\nStill stuck? python -m exercises hint {name} {' '.join(['--more'] * (number + 1))}")
    return 0


def _exercise_of(task: str) -> str | None:
    """The exercise that a task belongs to; prints the names of all tasks if there is no such task."""
    tasks = {name: exercise for exercise, about in _tasks().items() for name in about["tasks"]}
    if task in tasks:
        return tasks[task]
    close = difflib.get_close_matches(task, [*tasks, *_tasks()], n=1)
    meant = f" Did you mean {close[0]}?" if close else ""
    print(f"There is no exercise or task {task!r}.{meant}\nTasks: {', '.join(tasks)}", file=sys.stderr)
    return None


if __name__ == "__main__":
    sys.exit(main())
