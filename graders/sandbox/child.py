"""One student process as seen by the grader, which asks it questions, times it and ends it.

Nothing that a child sends is trusted. The size and form of frames are checked by `inside/wire.py`; a
violation, a late answer or a death ends the child, and only the child.
"""

from __future__ import annotations

import contextlib
import os
import re
import resource
import select
import signal
import socket
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

import psutil

from graders.printable import lines, one_line
from graders.sandbox.inside.wire import PREFIX, Decoder, Encoder, Pieces, Unsent, WireError, memory, prefix

from .errors import Crashed, Forbidden, Frame, OutOfMemory, Raised, SandboxFailure, StudentError, TimedOut
from .limits import Limits
from .one_core import join_core_of_this_process
from .validation import check

_KEPT_OUTPUT = 64 << 10
_POLL_SECONDS = 0.05
_MAX_THREADS = 256
_NOTICE = re.compile(rb"(\w{1,80}) ((?:[0-9a-f]{2}){0,200}) (\d{1,9})")  # operation, file in hex, line
_LINUX = sys.platform == "linux"


@dataclass
class Answer:
    """The answer to one question."""

    fields: dict[str, Any]
    printed: str = ""

    @property
    def value(self) -> Any:
        return self.fields.get("value")


Found = Answer | StudentError
"""What became of one question: its answer, or what happened instead."""


class Reaper(Protocol):
    """The warm parent, as a child knows it."""

    def reap(self, origin: str, pid: int) -> dict[str, Any]:
        """Make sure that a child is dead, and say how it ended."""


@dataclass
class Child:
    """One student process that answers questions; after a fatal error it is gone."""

    parent: Reaper
    origin: str
    inner_pid: int
    wire: socket.socket
    output: int
    notices: int
    """Where refused kernels report to; the process can write there but can't take anything back."""
    limits: Limits
    memory_watched: bool = False
    """Whether the grader watches its memory, because no resource limit bounds it well (with a GPU)."""
    running: tuple[str, int, int] | None = None
    """The top-level statement that started last, if the child announces them while loading."""
    pid: int = 0
    _refused_at_load: Forbidden | None = None
    alive: bool = True
    waited: float = 0.0
    """Wall-clock seconds that answers have taken in the current task; beginning a task resets it."""
    _number: int = 0
    _look_at: float = 0.0
    _resident_at_start: int = 0
    _private_at_start: int = 0
    _paused: bool = False
    _held_by_others: int = 0
    _output_closed: bool = False
    _printed: int = 0
    _kept: bytearray = field(default_factory=bytearray)
    _poller: select.poll = field(default_factory=select.poll)

    def __post_init__(self) -> None:
        os.set_blocking(self.output, False)
        os.set_blocking(self.notices, False)
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
        if self.memory_watched:
            self._resident_at_start = self._resident()
        self._private_at_start = self._private()
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

    # ----------------------------------------------------------------------- the memory of a submission

    def pause(self) -> None:
        """Stop all threads of the process until `go_on`."""
        if not self._paused:
            self._paused = True
            self._signal(signal.SIGSTOP)

    def go_on(self, held_by_others: int) -> None:
        """Continue, with the memory limit reduced by what the other processes hold."""
        self._held_by_others = held_by_others
        if not self.memory_watched:
            with contextlib.suppress(OSError, ValueError):  # it may have ended
                _, hard = resource.prlimit(self.pid, resource.RLIMIT_AS)
                if hard != resource.RLIM_INFINITY:
                    resource.prlimit(self.pid, resource.RLIMIT_AS, (max(0, hard - held_by_others), hard))
        if self._paused:
            self._paused = False
            self._signal(signal.SIGCONT)

    def held_bytes(self) -> int:
        """Private memory that the process has allocated since it started."""
        return max(0, self._private() - self._private_at_start)

    def _private(self) -> int:
        if not _LINUX:
            return 0
        try:
            _, resident, shared, *_ = Path(f"/proc/{self.pid}/statm").read_text().split()
        except (OSError, ValueError):
            return 0
        return (int(resident) - int(shared)) * resource.getpagesize()

    def _signal(self, number: int) -> None:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.kill(self.pid, number)

    def ask(
        self,
        question: dict[str, Any],
        cpu_seconds: float | None = None,
        wall_seconds: float | None = None,
    ) -> Answer:
        """Ask one question and wait for its answer.

        Args:
            question: what is sent over the wire; see `inside/runtime.py`.
            cpu_seconds: the total CPU time, counted from the start of the process, by which the answer is
                due.
            wall_seconds: the wall-clock time allowed for the answer; by default, what the task has left.

        Raises:
            StudentError: what happened instead of an answer.
        """
        (answer,) = self.ask_each([question], cpu_seconds, wall_seconds)
        if isinstance(answer, StudentError):
            raise answer
        return answer

    def ask_each(
        self,
        questions: Sequence[dict[str, Any]],
        cpu_seconds: float | None = None,
        wall_seconds: float | None = None,
    ) -> list[Found]:
        """Put questions that travel in one frame; each has a frame of its own for its answer.

        Each is answered, or fails, by itself. What ends the process is the last of the list: it is the doing
        of the question that stands there, since all before it were answered.

        Args:
            questions, cpu_seconds, wall_seconds: as for `ask`; the times are those of all together.
        """
        put = [{**question, "id": self._identity()} for question in questions]
        self._kept.clear()
        self._refused()  # discard notices from threads that an earlier question left running
        begun = self.cpu_seconds()
        budget = begun + self.limits.cpu_seconds if cpu_seconds is None else cpu_seconds
        started = time.monotonic()
        until = started + (wall_seconds or self.limits.wall_seconds - self.waited)
        frame = put[0] if len(put) == 1 else {"ask": "batch", "questions": put}
        pieces = Encoder(views=True).pieces(frame)
        found: list[Found] = []
        try:
            self._send(pieces, budget, until)
            for question in put:
                fields = self._reply(question, budget, until)
                while fields["outcome"] == "running":
                    self.running = tuple(fields["value"])
                    each = budget - begun
                    due = min(self.cpu_seconds() + each, begun + self.limits.cpu_seconds)
                    fields = self._reply(question, due, time.monotonic() + 10 * each)
                failure = understood(fields, self.limits)
                found.append(failure or Answer(fields))
                if failure is not None and failure.fatal:
                    break
        except WireError as error:
            self.end()
            found.append(Crashed(f"sent an invalid reply: {one_line(str(error), 300)}"))
        except StudentError as error:  # the process has ended
            found.append(error)
        finally:
            self.waited += time.monotonic() - started
        return self._with_refusals(found, loading=questions[0]["ask"] == "load")

    def _identity(self) -> int:
        self._number += 1
        return int.from_bytes(os.urandom(3)) << 7 | self._number & 0x7F

    def _with_refusals(self, found: list[Found], loading: bool) -> list[Found]:
        """What was found, unless something was refused meanwhile; the last answer has what was printed."""
        last = found[-1]
        if not self.alive:
            return found
        self._drain()
        try:
            refused = self._refused()
        except Crashed as error:
            return [*found[:-1], error]
        # A demonstration at the top of a file may be refused; it is no answer to a task.
        if refused is not None and not loading:
            return [refused]
        self._refused_at_load = refused or self._refused_at_load
        if isinstance(last, Answer):
            last.printed = lines(self._kept.decode(errors="replace"), _KEPT_OUTPUT)
        elif last.fatal:
            self.end()
        return [
            (self._used_at_load(each) or each) if isinstance(each, StudentError) else each for each in found
        ]

    def _reply(self, question: dict[str, Any], budget: float, until: float) -> dict[str, Any]:
        """The next frame, if it answers this question."""
        head = self._receive(PREFIX.size, budget, until)
        header_length, body_length = prefix(bytes(head))
        header = bytes(self._receive(header_length, budget, until))
        body = self._receive(body_length, budget, until)
        fields = Decoder().message(header, body)
        if fields.get("id") != question["id"]:
            raise WireError("it answers another question")
        check(question, fields)
        return fields

    def _used_at_load(self, error: StudentError) -> Forbidden | None:
        """The call that was refused while the file was loading, if its missing result caused this error."""
        refused = self._refused_at_load
        if refused is None or not isinstance(error, Raised) or not error.frames:
            return None
        last = error.frames[-1]
        return refused if (last.file, last.line) == (refused.file, refused.line) else None

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
            self._wait(select.POLLIN, budget, until)  # the answer can't be there yet
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
            if time.monotonic() > self._look_at:  # even while bytes keep trickling in
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
        left = self.limits.memory_bytes - self._held_by_others
        if self.memory_watched and self._resident() - self._resident_at_start > left:
            self.end()
            raise OutOfMemory(self.limits.memory_bytes)
        if self._threads() > _MAX_THREADS:
            self.end()
            raise Crashed(f"started more than {_MAX_THREADS} threads")

    def _resident(self) -> int:
        try:
            return int(psutil.Process(self.pid).memory_info().rss)
        except psutil.Error:
            return 0

    def _threads(self) -> int:
        try:
            return int(psutil.Process(self.pid).num_threads())
        except psutil.Error:
            return 0

    def _drain(self) -> None:
        for _ in range(64):  # bounded, because code that prints faster than we read must hit its time limit
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

    def _refused(self) -> Forbidden | None:
        """The by-hand refusal since the last call of this method, with its place if that is known."""
        try:
            notices = os.read(self.notices, 1 << 16)  # which is all that the pipe holds
        except BlockingIOError:
            return None
        found = [forbidden(line) for line in notices.splitlines()]
        if not found or None in found:  # closed, or filled with junk to leave no room for refusals
            self.end()
            raise Crashed("closed or used a file descriptor that wasn't its own")
        return next((each for each in found if each is not None and each.file), found[0])

    # ------------------------------------------------------------------------------------------------ end

    def _death(self) -> StudentError | SandboxFailure:
        self._drain()
        status = self.end()
        if status is None:
            return SandboxFailure("a student process was lost")
        if os.WIFSIGNALED(status):
            number = os.WTERMSIG(status)
            if number == signal.SIGXCPU:
                return TimedOut(self.limits.cpu_seconds * 100, "CPU", self._printed)
            return Crashed(f"ended the Python process by signal {signal.Signals(number).name}")
        # The walls were up, so the exit status isn't the sandbox's.
        return Crashed(f"ended the Python process (exit status {os.waitstatus_to_exitcode(status)})")

    def end(self) -> int | None:
        """Kill the process and everything it started; returns its wait status."""
        if not self.alive:
            return None
        self.alive = False
        # If the child never reported its process id, only the parent knows it, and kills the child.
        for kill in (os.killpg, os.kill) if self.pid else ():
            try:
                kill(self.pid, signal.SIGKILL)
            except (ProcessLookupError, PermissionError):
                continue
        self.wire.close()
        os.close(self.output)
        os.close(self.notices)
        try:
            return int(self.parent.reap(self.origin, self.inner_pid)["status"])
        except (SandboxFailure, KeyError, ValueError):
            return None


def forbidden(notice: bytes) -> Forbidden | None:
    """A notice from `inside/by_hand.py`, or None if it is malformed."""
    found = _NOTICE.fullmatch(notice)
    if found is None:
        return None
    operation, file, line = found.groups()
    name = bytes.fromhex(file.decode()).decode("utf-8", "replace")
    return Forbidden(operation.decode(), one_line(name, 200), int(line))


def understood(fields: dict[str, Any], limits: Limits) -> StudentError | None:
    """The error that a well-formed answer reports, or None if it has a value."""
    outcome = fields["outcome"]
    if outcome == "ok":
        return None
    if outcome == "unsendable":
        message = f"the result is too large: {lines(fields['message'], 200)}"
        return Raised("ValueError", ("ValueError",), message, (), True)
    frames = tuple(
        Frame(one_line(f, 200), n, one_line(name, 80), one_line(line, 200))
        for f, n, name, line in fields["frames"]
    )
    if fields["memory"]:
        return OutOfMemory(limits.memory_bytes, frames)
    kind, kinds = one_line(fields["type"], 80), tuple(fields["kinds"])
    if "SystemExit" in kinds or "KeyboardInterrupt" in kinds:
        where = f" in {frames[-1].file}, line {frames[-1].line}" if frames else ""
        return Crashed(f"ended the Python process ({kind}{where})")
    return Raised(kind, kinds, lines(fields["message"], 2_000), frames, fields["inside"])
