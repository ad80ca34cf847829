"""What a large image costs with and without a loop: `python -m benchmarks.effort`.

Every right answer that the tests know, and loops over the pixels, get the image that `conv2d_vectorized` is
graded with, in a student process. The table shows the CPU time of the call, as the grader sees it.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import torch
from rich.console import Console
from rich.table import Table

from graders.sandbox.limits import Limits
from graders.sandbox.tiers import best_tier
from graders.sandbox.warm_parent import WarmParent
from graders.tasks.conv2d.properties.vectorized import large_case
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
"""
_ANSWERS = Path(right_answers.__file__).parent
_RIGHT = {f"answers/{name}.py": (_ANSWERS / f"{name}.py").read_text() for name in ("__init__", "conv2d")}


def seconds(parent: WarmParent, files: Mapping[str, str], module: str, name: str) -> float:
    """CPU time of one call on the large image."""
    X, K, *_ = large_case()
    child = parent.spawn(by_hand=True, limits=Limits(cpu_seconds=100.0))
    child.ask({"ask": "load", "files": dict(files), "module": module})
    before = child.cpu_seconds()
    child.ask({"ask": "call", "target": name, "args": [X, K], "kwargs": {}})
    spent = child.cpu_seconds() - before
    child.end()
    return spent


def main() -> None:
    """Measure and print."""
    torch.set_num_threads(1)
    table = Table("answer", "CPU seconds", title="An image of 1800×1800 pixels; the limit is 1 s")
    with WarmParent(best_tier()) as parent:
        for right in right_answers.right_answers():
            if right.task == "conv2d_vectorized":
                spent = seconds(parent, _RIGHT, "answers.conv2d", right.answer.__name__)
                table.add_row(right.style, f"{spent:.3f}")
        for name in ("one_operation_for_each_pixel", "plain_loop", "python_lists"):
            spent = seconds(parent, {"loops.py": f"import torch\n{_LOOPS}"}, "loops", name)
            table.add_row(name.replace("_", " "), f"{spent:.3f}")
    Console().print(table)


if __name__ == "__main__":
    main()
