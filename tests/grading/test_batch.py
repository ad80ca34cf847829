"""Many submissions at a time: a problem with one of them, or with the machine, costs no other its report."""

from __future__ import annotations

import threading
import time
from contextlib import suppress
from pathlib import Path

import psutil

from graders.grading.batch import grade_all
from graders.grading.files import single
from graders.grading.grade import Settings
from graders.sandbox.tiers import best_tier
from tests.conftest import write_submission


def test_a_killed_grading_process_costs_nobody_a_report(tmp_path: Path, reference: dict[str, str]) -> None:
    sources = {"conv2d.py": reference["conv2d.py"]}
    paths = [write_submission(tmp_path / name, sources) for name in ("ada", "eve")]
    before = {child.pid for child in psutil.Process().children()}
    killed: list[int] = []

    def kill_one() -> None:
        until = time.monotonic() + 60
        while not killed and time.monotonic() < until:
            for child in psutil.Process().children():
                # The pool's own worker, not what watches its semaphores.
                with suppress(psutil.Error):  # one that is just ending has no command line any more
                    if child.pid not in before and "spawn_main" in " ".join(child.cmdline()):
                        child.kill()
                        killed.append(child.pid)
                        return
            time.sleep(0.05)

    killer = threading.Thread(target=kill_one)
    killer.start()
    sources, settings = [single(path) for path in paths], Settings(only=("conv2d.output_size",))
    found = list(grade_all(sources, settings, best_tier(), jobs=1))
    killer.join()
    assert killed
    assert sorted(graded.source.student for graded in found) == ["ada", "eve"]
    assert [graded.error for graded in found] == ["", ""]
    assert all(graded.report is not None and graded.report.core.score > 0 for graded in found)
