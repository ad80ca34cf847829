"""Reads bytes that a student made in a process that may die, under limits of CPU time and memory.

`read_under_limits(function, …)` calls a function of this package in a small process forked for this one call,
and returns its result. A damaged archive that needs gigabytes or never ends can only kill that process.

    files = read_under_limits(unpack, {"path": "hw.zip"})

Arguments and results are plain data (None, bool, int, float, str, bytes, lists, dicts with str keys). They
are sent as JSON followed by the bytes: nothing is unpickled. A helper process is started once for each
process that reads. It has imported the reading modules but not torch, so a call costs a fork of a few
milliseconds.
"""

from __future__ import annotations

import atexit
import json
import os
import resource
import signal
import socket
import struct
import subprocess
import sys
import threading
from collections.abc import Callable
from contextlib import suppress
from functools import cache
from importlib import import_module
from pathlib import Path
from typing import Any, BinaryIO

CPU_SECONDS = 10
MEMORY_BYTES = 256 << 20
_ROOT = Path(__file__).parents[2]
_ORDER = struct.Struct("<IQI")  # CPU seconds, memory, length of the function's name
_STATUS = struct.Struct("<i")


class ReadingFailed(Exception):
    """Something couldn't be read within the limits; the message tells the student why."""


def read_under_limits(
    function: Callable[..., Any],
    *arguments: Any,
    cpu_seconds: int = CPU_SECONDS,
    memory_bytes: int = MEMORY_BYTES,
) -> Any:
    """The result of `function(*arguments)`, called in a separate process under limits.

    Args:
        function: a top-level function of an importable module.
        arguments: plain data.
        cpu_seconds: the most CPU time it may use.
        memory_bytes: the most memory it may use, in addition to that of the empty process.

    Raises:
        ReadingFailed: the call exceeded a limit, died, or raised an error.
    """
    name = f"{function.__module__}:{function.__qualname__}"
    for attempt in (1, 2):
        helper = _helper(os.getpid())
        try:
            return helper.call(name, arguments, cpu_seconds, memory_bytes)
        except _HelperGone as gone:  # killed from outside: a new one is started, once
            helper.end()
            _helper.cache_clear()
            if attempt == 2:
                raise ReadingFailed(
                    "couldn't be read: the process that reads files can't be started"
                ) from gone
    raise AssertionError("not reached")


class _HelperGone(Exception):
    pass


@cache
def _helper(pid: int) -> _Helper:
    """The helper of this process; a forked child, which has another pid, starts its own."""
    return _Helper()


class _Helper:
    """The process that forks one child for each call."""

    def __init__(self) -> None:
        ours, theirs = socket.socketpair()
        start = (
            f"import sys; sys.path.insert(0, {str(_ROOT)!r}); from graders.grading.limits import serve; "
            f"serve({theirs.fileno()})"
        )
        with theirs:
            self._process = subprocess.Popen(
                [sys.executable, "-P", "-c", start],
                pass_fds=[theirs.fileno()],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
            )
        self._control = ours
        atexit.register(self.end)
        self._lock = threading.Lock()

    def end(self) -> None:
        """End the process."""
        self._control.close()
        self._process.wait()

    def call(self, name: str, arguments: tuple[Any, ...], cpu_seconds: int, memory_bytes: int) -> Any:
        ours, theirs = socket.socketpair()
        with self._lock, ours:
            try:
                order = _ORDER.pack(cpu_seconds, memory_bytes, len(name)) + name.encode()
                socket.send_fds(self._control, [order], [theirs.fileno()])
            except OSError as error:
                raise _HelperGone from error
            finally:
                theirs.close()
            reply = None
            with ours.makefile("rb") as incoming:
                try:
                    _send(ours, list(arguments))
                    reply = _receive(incoming)
                except (OSError, EOFError):
                    pass  # it died; its exit status says why
            try:
                status = self._control.recv(_STATUS.size)
            except OSError as error:
                raise _HelperGone from error
        if len(status) < _STATUS.size:
            raise _HelperGone
        if reply is None or "error" in reply:
            why = reply["error"] if reply else _why(_STATUS.unpack(status)[0], cpu_seconds, memory_bytes)
            raise ReadingFailed(why)
        return reply["result"]


def _why(status: int, cpu_seconds: int, memory_bytes: int) -> str:
    died_of = os.WTERMSIG(status) if os.WIFSIGNALED(status) else 0
    if died_of in (signal.SIGXCPU, signal.SIGALRM):
        return f"takes more than {cpu_seconds} s to read"
    if died_of == signal.SIGKILL or os.WIFEXITED(status):
        return _too_large(memory_bytes)
    return f"cannot be read: it crashed the process that was reading it (signal {died_of})"


def _too_large(memory_bytes: int) -> str:
    return f"needs more than {memory_bytes >> 20} MB of memory to read"


# --------------------------------------------------------------------------------- in the other process


def serve(control: int) -> None:
    """Fork a child for each order until the other end closes."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    orders = socket.socket(fileno=control)
    while True:
        order, handles, _, _ = socket.recv_fds(orders, 1024, 1)
        if not order or not handles:
            return
        cpu_seconds, memory_bytes, length = _ORDER.unpack_from(order)
        module, _, name = order[_ORDER.size : _ORDER.size + length].decode().partition(":")
        function = getattr(import_module(module), name)  # before the fork, so that it is loaded once
        child = os.fork()
        if child == 0:
            orders.close()
            _work(function, socket.socket(fileno=handles[0]), cpu_seconds, memory_bytes)
        os.close(handles[0])
        _, status = os.waitpid(child, 0)
        orders.sendall(_STATUS.pack(status))


def _work(function: Callable[..., Any], peer: socket.socket, cpu_seconds: int, memory_bytes: int) -> None:
    """Answer one call and end the process."""
    try:
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
        resource.setrlimit(resource.RLIMIT_CPU, (cpu_seconds, cpu_seconds + 1))
        most = _size() + memory_bytes
        with suppress(ValueError, OSError):  # macOS has no such limit
            resource.setrlimit(resource.RLIMIT_AS, (most, most))
        signal.alarm(10 * cpu_seconds + 5)  # for code that waits without using CPU time
        with peer.makefile("rb") as incoming:
            arguments = _receive(incoming)
        try:
            reply = {"result": function(*arguments)}
        except MemoryError:
            reply = {"error": _too_large(memory_bytes)}
        except Exception as error:
            reply = {"error": f"cannot be read ({type(error).__name__})"}
        _send(peer, reply)
    finally:
        os._exit(0)


def _size() -> int:
    """The size of this process's address space, or a guess if the system doesn't say."""
    try:
        pages = int(Path("/proc/self/statm").read_text().split()[0])
    except OSError:
        return 256 << 20
    return pages * resource.getpagesize()


# ------------------------------------------------------------------------------------------- on the wire


def _send(peer: socket.socket, data: Any) -> None:
    blobs: list[bytes] = []
    text = json.dumps(_packed(data, blobs)).encode()
    sizes = [len(text), *map(len, blobs)]
    peer.sendall(struct.pack(f"<I{len(sizes)}Q", len(sizes), *sizes))
    for part in (text, *blobs):
        peer.sendall(part)


def _receive(incoming: BinaryIO) -> Any:
    (count,) = struct.unpack("<I", _exactly(incoming, 4))
    sizes = struct.unpack(f"<{count}Q", _exactly(incoming, 8 * count))
    text, *blobs = [_exactly(incoming, size) for size in sizes]
    return _unpacked(json.loads(text), blobs)


def _exactly(incoming: BinaryIO, size: int) -> bytes:
    data = incoming.read(size)
    if len(data) < size:
        raise EOFError
    return data


def _packed(data: Any, blobs: list[bytes]) -> Any:
    """The data as JSON in which every list begins with the type it stands for; bytes are moved to `blobs`."""
    if isinstance(data, bytes):
        blobs.append(data)
        return ["bytes", len(blobs) - 1]
    if isinstance(data, (list, tuple)):
        return ["list", *(_packed(item, blobs) for item in data)]
    if isinstance(data, dict):
        return ["dict", *([key, _packed(value, blobs)] for key, value in data.items())]
    return data


def _unpacked(data: Any, blobs: list[bytes]) -> Any:
    if not isinstance(data, list):
        return data
    kind, *items = data
    if kind == "bytes":
        return blobs[items[0]]
    if kind == "dict":
        return {key: _unpacked(value, blobs) for key, value in items}
    return [_unpacked(item, blobs) for item in items]
