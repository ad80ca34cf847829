"""Python steps are counted in the same way from the first call on, wherever the loop runs."""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable

import pytest

from graders.sandbox.inside.steps import Counter

TEXT = "<text of the test>"


def loop(n: int) -> None:
    for _ in range(n):
        pass


def loop_in_a_thread(n: int) -> None:
    thread = threading.Thread(target=loop, args=(n,))
    thread.start()
    thread.join()


def loop_in_text(n: int) -> None:
    names: dict[str, Callable[[int], None]] = {}
    exec(compile("def loop(n):\n    for _ in range(n):\n        pass\n", TEXT, "exec"), names)
    names["loop"](n)


def counted(function: Callable[..., object], *args: object) -> int:
    counter = Counter(lambda file: file in (__file__, TEXT))
    counter.begin()
    try:
        function(*args)
    finally:
        undisturbed = counter.end()
    assert undisturbed
    return counter.count


@pytest.mark.parametrize("function", [loop, loop_in_a_thread, loop_in_text])
def test_every_turn_of_a_loop_costs_the_same_from_the_first_call_on(function: Callable[[int], None]) -> None:
    few, more, most, again = (counted(function, n) for n in (10, 20, 30, 10))
    assert more - few == most - more >= 10
    assert again == few


def test_other_code_is_not_counted() -> None:
    few, many = [3, 1, 2], list(range(1_000, 0, -1))
    assert counted(sorted, few) == counted(sorted, many)
    assert counted(threading.Event().wait, 0.0) == counted(threading.Event)


def test_stopping_the_counter_is_detected() -> None:
    counter = Counter(lambda file: True)
    counter.begin()
    if sys.version_info >= (3, 12):
        sys.monitoring.set_events(4, 0)
    else:
        sys.settrace(None)
    assert not counter.end()
    assert counted(loop, 10) > 0
