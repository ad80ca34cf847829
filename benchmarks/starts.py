"""How long commands take to start, in CPU seconds: `python -m benchmarks.starts`.

Each command runs in a process of its own, a few times; the least counts, since whatever else the machine does
only adds. Beside it stand the two ends of the scale: Python that does nothing, and Python that imports torch.
"""

from __future__ import annotations

import os
import subprocess
import sys

from rich.console import Console
from rich.table import Table

_RUNS = 3
_LIMIT = 0.3
_PASS, _TORCH = ("-c", "pass"), ("-c", "import torch")
_COMMANDS = (
    *(("-m", "graders", *words, "--help") for words in ([], ["grade"], ["check-one"], ["release"])),
    *(("-m", "graders", word, "--help") for word in ("course", "doctor", "stubs", "catalogue")),
    ("-m", "graders", "grade", "--colour"),
    ("-m", "graders", "grade", "/nowhere"),
    ("-m", "graders", "grade", "--only", "conv3d"),
    ("-m", "graders", "grade", "--device", "tpu"),
    ("-m", "graders", "grade", "--out", "/dev/null/out"),
    ("-m", "graders", "grade", "--dry-run"),
    ("-m", "graders", "check-one", "/nowhere"),
    ("-m", "graders", "release", "graders"),
    ("-m", "graders", "course", "graders"),
    ("-m", "exercises", "--help"),
    ("-m", "exercises", "hint", "pool2d"),
    ("-m", "exercises", "check", "pool2"),
    ("-m", "exercises", "train", "--help"),
    ("-m", "exercises", "train", "--data", "/nowhere"),
)


def cpu_seconds(arguments: tuple[str, ...]) -> float:
    """User and system time of `python …`, the least of a few runs."""
    return min(_once(arguments) for _ in range(_RUNS))


def _once(arguments: tuple[str, ...]) -> float:
    command = [sys.executable, *arguments]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
        _, status, used = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
    return used.ru_utime + used.ru_stime


def main() -> int:
    """Measure and print the table; returns 1 if a command takes longer than it should."""
    nothing, torch = cpu_seconds(_PASS), cpu_seconds(_TORCH)
    table = Table("command", "CPU s", "× nothing", "of torch", title=f"Starts; at most {_LIMIT} s")
    for name in range(1, 4):
        table.columns[name].justify = "right"
    measured = {_PASS: nothing, _TORCH: torch, **{command: cpu_seconds(command) for command in _COMMANDS}}
    for command, seconds in measured.items():
        shown = " ".join(("python", *command))
        table.add_row(shown, f"{seconds:.3f}", f"{seconds / nothing:.1f}", f"{seconds / torch:.1%}")
    Console().print(table)
    return int(max(measured[command] for command in _COMMANDS) > _LIMIT)


if __name__ == "__main__":
    sys.exit(main())
