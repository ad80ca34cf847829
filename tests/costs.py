"""`pytest -p tests.costs`: what each suite costs in CPU seconds, the processes that it starts included.

Wall time says little on a machine that does other things as well, so the table in docs/tests.md is made by
this.
"""

from __future__ import annotations

import contextlib
import threading
import time
from collections import Counter
from collections.abc import Iterator

import psutil
import pytest

_CPU = "CPU seconds"
_DEAREST = 40
_PERIOD = 0.5


class _Meter:
    """CPU seconds of this process and of every process that it starts.

    What a process used counts among its parent's children once it is waited for. One whose parent is killed
    first, as bubblewrap is, takes its time with it: the sum falls, and what it fell by is added again.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._last = self._lost = 0.0
        threading.Thread(target=self._watch, daemon=True).start()

    def spent(self) -> float:
        """CPU seconds so far."""
        with self._lock:
            now = self._visible()
            self._lost += max(0.0, self._last - now)
            self._last = now
            return now + self._lost

    def _watch(self) -> None:
        while True:
            time.sleep(_PERIOD)
            self.spent()

    def _visible(self) -> float:
        total, ours = 0.0, psutil.Process()
        for process in (ours, *ours.children(recursive=True)):
            with contextlib.suppress(psutil.Error):  # it has just ended
                times = process.cpu_times()
                total += times.user + times.system + times.children_user + times.children_system
        return total


_METER = pytest.StashKey[_Meter]()
_BEFORE = pytest.StashKey[float]()


def pytest_configure(config: pytest.Config) -> None:
    config.stash[_METER] = _Meter()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_setup(item: pytest.Item) -> Iterator[None]:
    item.stash[_BEFORE] = item.config.stash[_METER].spent()
    return (yield)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_teardown(item: pytest.Item) -> Iterator[None]:
    try:
        return (yield)
    finally:
        spent = item.config.stash[_METER].spent()
        item.user_properties.append((_CPU, spent - item.stash[_BEFORE]))


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Print the suites and the dearest tests, dearest first."""
    suites, counts, tests = Counter[str](), Counter[str](), Counter[str]()
    for report in (one for reports in terminalreporter.stats.values() for one in reports):
        for name, seconds in getattr(report, "user_properties", ()):
            if name == _CPU and report.when == "teardown":
                suites[report.nodeid.partition("::")[0]] += seconds
                counts[report.nodeid.partition("::")[0]] += 1
                tests[report.nodeid] += seconds
    terminalreporter.section(f"{suites.total():.0f} CPU seconds")
    for suite, seconds in suites.most_common():
        terminalreporter.write_line(f"{seconds:8.1f} {counts[suite]:5} {suite}")
    for test, seconds in tests.most_common(_DEAREST):
        terminalreporter.write_line(f"{seconds:8.1f}       {test}")
