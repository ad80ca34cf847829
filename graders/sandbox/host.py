"""The grader's side of the wall: starts the warm parent, asks it for children, and talks to them.

Everything a child sends is a claim. Frames are capped and checked by `inside/wire.py`; a violation, a late
answer or a death ends the child, and only the child.
"""

from __future__ import annotations

import contextlib
import json
import os
import select
import signal
import socket
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Any

import psutil

from .claims import check, readable
from .inside.wire import PREFIX, Decoder, Encoder, Pieces, Unsent, WireError, memory, prefix
from .one_core import join_core_of_this_process
from .tiers import Tier
from .trouble import Crashed, Forbidden, Frame, OutOfMemory, Raised, SandboxFailure, StudentTrouble, TimedOut

_INSIDE = Path(__file__).parent / "inside"
_BOOT = """
import importlib.abc, importlib.util, json, os, sys
with os.fdopen(int(sys.argv[1])) as pipe:
    sources = json.load(pipe)
class Sources(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    def find_spec(self, name, path, target=None):
        if name in sources:
            return importlib.util.spec_from_loader(name, self, is_package=name == "sandbox")
    def exec_module(self, module):
        exec(compile(sources[module.__name__], "<" + module.__name__ + ">", "exec"), module.__dict__)
sys.meta_path.insert(0, Sources())
from sandbox import boot
boot.main(*map(int, sys.argv[2:]))
"""
_START_SECONDS = 120.0
_KEPT_OUTPUT = 64 << 10
_POLL_SECONDS = 0.05
_MAX_THREADS = 256
_SOCKET_BYTES = 2 << 20  # a usual answer goes through in one piece; the system may allow less


@dataclass(frozen=True)
class Limits:
    """What one task of a submission may use.

    Attributes:
        cpu_seconds: CPU time for all questions of one task together.
        memory_bytes: address space beyond that of the warm parent.
    """

    cpu_seconds: float = 10.0
    memory_bytes: int = 1 << 30

    @property
    def wall_seconds(self) -> float:
        """A generous bound for a process that sleeps, or a machine that is busy."""
        return 10 * self.cpu_seconds + 5


@dataclass
class Answer:
    """What one question brought back."""

    fields: dict[str, Any]
    printed: str = ""

    @property
    def value(self) -> Any:
        return self.fields.get("value")


class WarmParent:
    """A process that has imported torch and forks student processes on request."""

    def __init__(self, tier: Tier) -> None:
        self.tier = tier
        self._scratch = tempfile.TemporaryDirectory(prefix="cnn-by-hand-")
        self._start()

    def _start(self) -> None:
        kind = socket.SOCK_SEQPACKET if _LINUX else socket.SOCK_STREAM
        pairs = {name: socket.socketpair(socket.AF_UNIX, kind) for name in ("free", "by hand", "accelerator")}
        self._controls = {name: ours for name, (ours, _) in pairs.items()}
        source_read, source_write = os.pipe()
        fds = (source_read, *(theirs.fileno() for _, theirs in pairs.values()))
        command = [sys.executable, "-I", "-B", "-c", _BOOT, *map(str, fds)]
        with contextlib.ExitStack() as in_this_process:
            for _, theirs in pairs.values():
                in_this_process.enter_context(theirs)
            self._process = subprocess.Popen(
                self.tier.around(command),
                pass_fds=fds,
                env=_environment(),
                cwd=self._scratch.name,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.PIPE,
            )
        os.close(source_read)
        names = ["__init__", *(path.stem for path in _INSIDE.glob("*.py") if path.stem != "__init__")]
        sources = {
            ("sandbox" if n == "__init__" else f"sandbox.{n}"): (_INSIDE / f"{n}.py").read_text()
            for n in names
        }
        # Should the process have ended already, the first request will say so.
        with contextlib.suppress(BrokenPipeError), os.fdopen(source_write, "w") as pipe:
            json.dump(sources, pipe)
        self._ready = False

    def spawn(
        self, *, by_hand: bool, imports: tuple[str, ...] = (), limits: Limits, accelerator: bool = False
    ) -> Child:
        """A fresh, locked-down child that has seen no submission yet.

        Args:
            by_hand: refuse torch's own convolutions and poolings.
            imports: modules to load before the walls go up.
            accelerator: install the simulated device.

        Raises:
            SandboxFailure: the parent is gone or the child could not be locked down.
        """
        if self._process.poll() is not None:  # whatever ended it must not cost the next submission
            self._stop()
            self._start()
        self._await_ready()
        wire, their_wire = socket.socketpair()
        for end in (wire, their_wire):
            end.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, _SOCKET_BYTES)
        output, their_output = os.pipe()
        if _LINUX:
            wire.setsockopt(socket.SOL_SOCKET, socket.SO_PASSCRED, 1)
        request = {
            "do": "fork",
            "imports": list(imports),
            "by_hand": by_hand,
            "memory_bytes": limits.memory_bytes,
            "cpu_seconds": int(limits.cpu_seconds * 100),
            "landlock": self.tier.landlock,
            "seccomp": self.tier.seccomp,
        }
        with their_wire:
            origin = "accelerator" if accelerator else "by hand" if by_hand else "free"
            reply = self._request(origin, request, [their_wire.fileno(), their_output])
        os.close(their_output)
        child = Child(self, origin, reply["pid"], wire, output, limits)
        child.await_ready()
        return child

    def reap(self, origin: str, pid: int) -> dict[str, Any]:
        """Make sure that a child is dead, and say how it ended; the number is the parent's own for it."""
        return self._request(origin, {"do": "reap", "pid": pid}, [])

    def _await_ready(self) -> None:
        if self._ready:
            return
        for origin, control in self._controls.items():
            control.settimeout(_START_SECONDS)
            hello = self._read_control(origin)
            if hello["threads"] != 1:
                told = f"the warm parent runs {hello['threads']} threads"
                raise SandboxFailure(f"{told}; forking it would not be safe")
        self._ready = True

    def _request(self, origin: str, request: dict[str, Any], fds: list[int]) -> dict[str, Any]:
        try:
            socket.send_fds(self._controls[origin], [json.dumps(request).encode()], fds)
        except OSError as error:
            self._process.kill()
            raise SandboxFailure(f"the warm parent is gone ({error})") from None
        return self._read_control(origin)

    def _read_control(self, origin: str) -> dict[str, Any]:
        try:
            data = self._controls[origin].recv(1 << 16)
        except OSError as error:
            self._process.kill()  # so that the next one starts afresh
            raise SandboxFailure(f"the warm parent does not answer ({error})") from None
        if not data:
            self._process.kill()
            _, said = self._process.communicate(timeout=10)
            raise SandboxFailure(f"the warm parent ended: {said.decode(errors='replace')[-500:]}")
        return dict(json.loads(data))

    def close(self) -> None:
        """End the parent and with it every child."""
        self._stop()
        self._scratch.cleanup()

    def _stop(self) -> None:
        for control in self._controls.values():
            control.close()
        self._process.kill()
        self._process.wait()
        if self._process.stderr is not None:
            self._process.stderr.close()

    def __enter__(self) -> WarmParent:
        return self

    def __exit__(self, kind: type | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.close()


@dataclass
class Child:
    """One student process. Ask it questions; after a fatal trouble it is gone."""

    parent: WarmParent
    origin: str
    inner_pid: int
    wire: socket.socket
    output: int
    limits: Limits
    pid: int = 0
    alive: bool = True
    waited: float = 0.0
    """Seconds on the wall that the answers took since a task began; whoever begins one sets it to zero."""
    _number: int = 0
    _look_at: float = 0.0
    _output_closed: bool = False
    _printed: int = 0
    _kept: bytearray = field(default_factory=bytearray)
    _poller: select.poll = field(default_factory=select.poll)

    def __post_init__(self) -> None:
        os.set_blocking(self.output, False)
        self._poller.register(self.output, select.POLLIN)

    def await_ready(self) -> None:
        """Wait until the child has put up its walls."""
        self.wire.settimeout(60)
        try:
            if _LINUX:
                data, ancillary, _, _ = self.wire.recvmsg(5, socket.CMSG_SPACE(12), socket.MSG_WAITALL)
                for _level, _kind, credentials in ancillary:
                    self.pid = int.from_bytes(credentials[:4], sys.byteorder)
                self.wire.setsockopt(socket.SOL_SOCKET, socket.SO_PASSCRED, 0)
            else:
                data = self.wire.recv(5, socket.MSG_WAITALL)
                self.pid = self.inner_pid
        except OSError as error:
            data = str(error).encode()
        if data != b"ready":
            self._drain()
            said = self._kept.decode(errors="replace")[-500:]
            self.end()
            raise SandboxFailure(f"a student process could not be locked down: {said or data!r}")
        self.wire.setblocking(False)
        join_core_of_this_process(self.pid)

    def cpu_seconds(self) -> float:
        """CPU time that the process has used so far."""
        if _LINUX:
            with contextlib.suppress(OSError):
                return time.clock_gettime(~self.pid << 3 | 2)  # see clock_getcpuclockid(3)
            return 0.0
        try:
            times = psutil.Process(self.pid).cpu_times()
        except psutil.Error:
            return 0.0
        return float(times.user + times.system)

    def ask(self, question: dict[str, Any], cpu_seconds: float | None = None) -> Answer:
        """Put one question and wait for its answer.

        Args:
            question: goes over the wire; see `inside/runtime.py`.
            cpu_seconds: CPU time the process may have used, counted from its start, when the answer is due.

        Raises:
            StudentTrouble: what happened instead of an answer.
        """
        self._number += 1
        identity = int.from_bytes(os.urandom(3)) << 7 | self._number & 0x7F
        self._kept.clear()
        budget = self.cpu_seconds() + self.limits.cpu_seconds if cpu_seconds is None else cpu_seconds
        started = time.monotonic()
        until = started + self.limits.wall_seconds - self.waited
        pieces = Encoder(views=True).pieces({**question, "id": identity})
        try:
            self._send(pieces, budget, until)
            head = self._receive(PREFIX.size, budget, until)
            header_length, body_length = prefix(bytes(head))
            header = bytes(self._receive(header_length, budget, until))
            body = self._receive(body_length, budget, until)
            fields = Decoder().message(header, body)
            if fields.get("id") != identity:
                raise WireError("an answer to another question")
            check(question, fields)
        except WireError as error:
            self.end()
            raise Crashed(f"sent something that is no answer: {readable(str(error), 300)}") from None
        finally:
            self.waited += time.monotonic() - started
        self._drain()
        return self._understood(fields)

    def _understood(self, fields: dict[str, Any]) -> Answer:
        trouble = understood(fields, self.limits)
        if trouble is not None:
            if trouble.fatal:
                self.end()
            raise trouble
        return Answer(fields, readable(self._kept.decode(errors="replace"), _KEPT_OUTPUT))

    # ------------------------------------------------------------------------------------------ transport

    def _send(self, pieces: Pieces, budget: float, until: float) -> None:
        rest = Unsent(pieces)
        while rest:
            try:
                rest.send(self.wire)
            except BlockingIOError:
                self._wait(select.POLLOUT, budget, until)
            except OSError:
                raise self._death() from None

    def _receive(self, count: int, budget: float, until: float) -> memoryview:
        data = memory(count)
        view = data
        if count == PREFIX.size:
            self._wait(select.POLLIN, budget, until)  # the answer cannot be there yet
        while view:
            try:
                got = self.wire.recv_into(view)
            except BlockingIOError:
                self._wait(select.POLLIN, budget, until)
                continue
            except OSError:
                got = 0
            if not got:
                raise self._death()
            view = view[got:]
        return data

    def _wait(self, event: int, budget: float, until: float) -> None:
        self._poller.register(self.wire, event)
        while True:
            ready = [fd for fd, _ in self._poller.poll(_POLL_SECONDS * 1000)]
            if self.output in ready:
                self._drain()
            if time.monotonic() > self._look_at:  # also while bytes drip in
                self._look(budget, until)
            if self.wire.fileno() in ready:
                return

    def _look(self, budget: float, until: float) -> None:
        now = time.monotonic()
        self._look_at = now + _POLL_SECONDS
        if self.cpu_seconds() > budget:
            self.end()
            raise TimedOut(self.limits.cpu_seconds, "CPU", self._printed)
        if now > until:
            self.end()
            raise TimedOut(self.limits.wall_seconds, "wall", self._printed)
        if self._threads() > _MAX_THREADS:
            self.end()
            raise Crashed(f"started more than {_MAX_THREADS} threads")

    def _threads(self) -> int:
        try:
            return int(psutil.Process(self.pid).num_threads())
        except psutil.Error:
            return 0

    def _drain(self) -> None:
        for _ in range(64):  # bounded: whoever prints faster than we read is stopped by the clock
            try:
                part = os.read(self.output, 1 << 16)
            except BlockingIOError:
                return
            if not part:
                if not self._output_closed:
                    self._output_closed = True
                    self._poller.unregister(self.output)
                return
            self._printed += len(part)
            self._kept += part[: max(0, _KEPT_OUTPUT - len(self._kept))]

    # ------------------------------------------------------------------------------------------------ end

    def _death(self) -> StudentTrouble | SandboxFailure:
        self._drain()
        status = self.end()
        if status is None:
            return SandboxFailure("a student process was lost")
        if os.WIFSIGNALED(status):
            number = os.WTERMSIG(status)
            if number == signal.SIGXCPU:
                return TimedOut(self.limits.cpu_seconds * 100, "CPU", self._printed)
            return Crashed(f"ended the Python process by signal {signal.Signals(number).name}")
        # The walls were up, so no exit status is the sandbox's own.
        return Crashed(f"ended the Python process (exit status {os.waitstatus_to_exitcode(status)})")

    def end(self) -> int | None:
        """Kill the process with all that it started; returns its wait status."""
        if not self.alive:
            return None
        self.alive = False
        # Where the child never said which process it is, only the parent knows, and kills it.
        for kill in (os.killpg, os.kill) if self.pid else ():
            try:
                kill(self.pid, signal.SIGKILL)
            except (ProcessLookupError, PermissionError):
                continue
        self.wire.close()
        os.close(self.output)
        try:
            return int(self.parent.reap(self.origin, self.inner_pid)["status"])
        except (SandboxFailure, KeyError, ValueError):
            return None


_LINUX = sys.platform == "linux"


def _environment() -> dict[str, str]:
    one_thread = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS", "VECLIB_MAXIMUM_THREADS")
    kept = {
        name: os.environ[name] for name in ("PATH", "LD_LIBRARY_PATH", "SYSTEMROOT") if name in os.environ
    }
    return {
        **kept,
        **dict.fromkeys(one_thread, "1"),
        "CUDA_VISIBLE_DEVICES": "",
        "HOME": "/nonexistent",
        "LANG": "C.UTF-8",
    }


def understood(fields: dict[str, Any], limits: Limits) -> StudentTrouble | None:
    """What an answer of a form that `claims` allows reports instead of a value, if it does."""
    if "forbidden" in fields:
        operation, file, line = fields["forbidden"][0]
        return Forbidden(readable(operation, 80), readable(file, 200), line)
    outcome = fields["outcome"]
    if outcome == "ok":
        return None
    if outcome == "unsendable":
        message = f"the result is too large: {readable(fields['message'], 200)}"
        return Raised("ValueError", ("ValueError",), message, (), True)
    frames = tuple(
        Frame(readable(f, 200), n, readable(name, 80), readable(line, 200))
        for f, n, name, line in fields["frames"]
    )
    if fields["memory"]:
        return OutOfMemory(limits.memory_bytes, frames)
    kind, kinds = readable(fields["type"], 80), tuple(fields["kinds"])
    if "SystemExit" in kinds or "KeyboardInterrupt" in kinds:
        where = f" in {frames[-1].file}, line {frames[-1].line}" if frames else ""
        return Crashed(f"ended the Python process ({kind}{where})")
    return Raised(kind, kinds, readable(fields["message"], 2_000), frames, fields["inside"])
