"""Stock nbgrader against ours, on the same notebooks, side by side in one run.

    python -m benchmarks.nbgrader [--students N] [--rounds N]

Two courses are made from the same source and get the same submissions. One has nbgrader's own settings, so
its grade cells run in the student's kernel; the other has ours. `nbgrader autograde` grades them alternately,
so that both run under the same load. The start-up time of the command counts for both. Prints seconds per
submission and the ratio.
"""

from __future__ import annotations

import argparse
import shutil
import statistics
import sys
import tempfile
import time
from pathlib import Path

import nbformat

from graders.course.course import write_course
from graders.course.demo import EXERCISE, nbgrader, right_notebook


def main(arguments: list[str] | None = None) -> int:
    """Run the comparison; returns 0 if ours is at least five times as fast."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.nbgrader", description=__doc__.splitlines()[0]
    )
    parser.add_argument(
        "--students", type=int, default=20, help="submissions in each round (default: %(default)s)"
    )
    parser.add_argument("--rounds", type=int, default=1, help="runs of each course (default: %(default)s)")
    options = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory(prefix="nbgrader-benchmark-") as scratch:
        stock, ours = Path(scratch) / "stock", Path(scratch) / "ours"
        for course in (stock, ours):
            write_course(course)
            for number in range(options.students):
                home = course / "submitted" / f"student-{number}" / EXERCISE
                home.mkdir(parents=True)
                (home / f"{EXERCISE}.ipynb").write_text(
                    nbformat.writes(right_notebook(EXERCISE)), encoding="utf-8"
                )
            _run(course, "generate_assignment", EXERCISE)
        # The same released notebook and gradebook; from here on nbgrader's own settings.
        shutil.move(stock / "nbgrader_config.py", stock / "unused.py")
        times: dict[str, list[float]] = {"stock": [], "ours": []}
        for turn in range(options.rounds):
            for name, course in (("stock", stock), ("ours", ours)):
                seconds = _run(course, "autograde", EXERCISE, "--force") / options.students
                times[name].append(seconds)
                print(f"round {turn + 1}: {name:5} {seconds:7.2f} s per submission", flush=True)
    medians = {name: statistics.median(seconds) for name, seconds in times.items()}
    ratio = medians["stock"] / medians["ours"]
    print(f"\n{options.students} submissions of one notebook, {options.rounds} rounds, medians:")
    for name, seconds in medians.items():
        print(f"  {name:5} {seconds:7.2f} s per submission")
    print(f"  ratio {ratio:7.1f}")
    return 0 if ratio >= 5 else 1


def _run(course: Path, *arguments: str) -> float:
    started = time.perf_counter()
    done = nbgrader(course, *arguments)
    if done.returncode != 0:
        sys.exit(f"nbgrader {' '.join(arguments)} failed in {course}:\n{done.stderr[-2000:]}")
    return time.perf_counter() - started


if __name__ == "__main__":
    sys.exit(main())
