"""`pytest -p tests.costs`: what each suite costs in CPU seconds, the processes that it starts included.

Wall time says little on a machine that does other things as well, so the table in docs/tests.md is made by this.
"""

from __future__ import annotations

import contextlib
from collections import Counter
from collections.abc import Iterator

import psutil
import pytest

_CPU = "CPU seconds"
_DEAREST = 40


def _spent() -> float:
    """CPU seconds so far of this process and of every process that it has started."""
    ours = psutil.Process()
    total = 0.0
    for process in (ours, *ours.children(recursive=True)):
        with contextlib.suppress(psutil.Error):  # one that has just ended counts among its parent's children
            times = process.cpu_times()
            total += times.user + times.system + times.children_user + times.children_system
    return total


@pytest.hookimpl(wrapper=True)
def pytest_runtest_setup(item: pytest.Item) -> Iterator[None]:
    item.stash[_BEFORE] = _spent()
    return (yield)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_teardown(item: pytest.Item) -> Iterator[None]:
    try:
        return (yield)
    finally:
        item.user_properties.append((_CPU, _spent() - item.stash[_BEFORE]))


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Print the suites and the dearest tests, dearest first."""
    suites, counts, tests = Counter[str](), Counter[str](), Counter[str]()
    for reports in terminalreporter.stats.values():
        for report in reports:
            for name, seconds in getattr(report, "user_properties", ()):
                if name == _CPU:
                    suites[report.nodeid.partition("::")[0]] += seconds
                    counts[report.nodeid.partition("::")[0]] += 1
                    tests[report.nodeid] += seconds
    terminalreporter.section(f"CPU seconds: {suites.total():.0f}")
    for suite, seconds in suites.most_common():
        terminalreporter.write_line(f"{seconds:8.1f} {counts[suite]:5} {suite}")
    for test, seconds in tests.most_common(_DEAREST):
        terminalreporter.write_line(f"{seconds:8.1f}       {test}")


_BEFORE = pytest.StashKey[float]()
