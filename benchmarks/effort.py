"""What many images cost with and without a loop: `python -m benchmarks.effort`.

Every right answer that the tests know, and loops over the pixels, get the images that vectorised tasks are
graded with, in a student process. The table shows the CPU time of all calls together, as the grader sees it,
on a machine as it is and beside busy processes that go through memory, with its ratio to the limit.
"""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import torch
from rich.console import Console
from rich.table import Table

from graders.sandbox.limits import Limits
from graders.sandbox.tiers import best_tier
from graders.sandbox.warm_parent import WarmParent
from graders.tasks.conv2d.properties.vectorized import many_cases
from graders.tasks.multichannel.convolutions import many_cases as cases_with_channels
from graders.testing.strategies import MANY, MANY_SECONDS, SIDE
from tests.tasks import right_answers

_LOOPS = """
def one_operation_for_each_pixel(X, K):
    k = K.flatten()
    windows = X.unfold(0, K.shape[0], 1).unfold(1, K.shape[1], 1)
    rows = [torch.stack([torch.dot(w, k) for w in row.reshape(-1, len(k)).unbind()]) for row in windows]
    return torch.stack(rows)

def plain_loop(X, K):
    h, w = K.shape
    rows = []
    for i in range(X.shape[0] - h + 1):
        rows.append(torch.stack([(X[i:i+h, j:j+w] * K).sum() for j in range(X.shape[1] - w + 1)]))
    return torch.stack(rows)

def python_lists(X, K):
    h, w = K.shape
    x, k = X.tolist(), K.tolist()
    rows = range(len(x) - h + 1)
    columns = range(len(x[0]) - w + 1)
    return torch.tensor(
        [[sum(k[a][b] * x[i+a][j+b] for a in range(h) for b in range(w)) for j in columns] for i in rows]
    )

def lists_of_this_kernel(X, K):
    x, ((a,), (b,)) = X.tolist(), K.tolist()
    return torch.tensor([[a * u + b * v for u, v in zip(*pair)] for pair in zip(x, x[1:])])
"""
_ANSWERS = Path(right_answers.__file__).parent
_RIGHT = {
    f"answers/{name}.py": (_ANSWERS / f"{name}.py").read_text()
    for name in ("__init__", "conv2d", "multichannel")
}
_BUSY = "a = bytearray(1 << 26)\nwhile True: b = bytes(a)"
_CASES = {
    "conv2d_vectorized": many_cases,
    "conv2d_im2col": lambda: cases_with_channels((1, 1, SIDE, SIDE), (1, 1, 2, 1)),
    "conv2d_1x1": lambda: cases_with_channels((1, SIDE, SIDE), (1, 1, 1, 1)),
}


def seconds(parent: WarmParent, files: Mapping[str, str], module: str, name: str, task: str) -> float:
    """CPU time of the calls on all images."""
    child = parent.spawn(by_hand=True, limits=Limits(cpu_seconds=100.0))
    child.ask({"ask": "load", "files": dict(files), "module": module})
    before = child.cpu_seconds()
    for X, K, *_ in _CASES[task]():
        child.ask({"ask": "call", "target": name, "args": [X, K], "kwargs": {}})
    spent = child.cpu_seconds() - before
    child.end()
    return spent


@contextmanager
def crowded(processes: int) -> Iterator[None]:
    """Meanwhile other processes are busy and go through memory."""
    busy = [subprocess.Popen([sys.executable, "-c", _BUSY]) for _ in range(processes)]
    try:
        yield
    finally:
        for process in busy:
            process.kill()
            process.wait()


def main() -> None:
    """Measure and print."""
    torch.set_num_threads(1)
    title = f"{MANY} images of {SIDE}×{SIDE} pixels; the limit is {MANY_SECONDS:g} s for all"
    table = Table("task", "answer", "quiet, s", "of the limit", "crowded, s", "of the limit", title=title)
    jobs = [
        (right.task, right.style, _RIGHT, f"answers.{right.exercise}", right.answer.__name__)
        for right in right_answers.right_answers()
        if right.task in _CASES
    ]
    for name in ("plain_loop", "one_operation_for_each_pixel", "python_lists", "lists_of_this_kernel"):
        title = name.replace("_", " ")
        jobs.append(("conv2d_vectorized", title, {"loops.py": f"import torch\n{_LOOPS}"}, "loops", name))
    columns = []
    with WarmParent(best_tier()) as parent:
        for others in (0, 4):
            with crowded(others):
                columns.append([seconds(parent, *what, task) for task, _, *what in jobs])
    for (task, style, *_), quiet, busy in zip(jobs, *columns, strict=True):
        cells = (f"{quiet:.3f}", f"{quiet / MANY_SECONDS:.2f}", f"{busy:.3f}", f"{busy / MANY_SECONDS:.2f}")
        table.add_row(task, style, *cells)
    Console().print(table)


if __name__ == "__main__":
    main()
