"""What can go wrong when a student's code is called: one exception for each kind of failure."""

from __future__ import annotations

from dataclasses import dataclass, field


class StudentError(Exception):
    """Something in the student's code, or done by it, that prevents an answer."""

    fatal = False
    """Whether the process was lost with it."""


@dataclass(frozen=True)
class Frame:
    """One line of the student's own code in a traceback."""

    file: str
    line: int
    function: str
    source: str


@dataclass(eq=False)
class Raised(StudentError):
    """The student's code raised an exception."""

    type: str
    kinds: tuple[str, ...]
    message: str
    frames: tuple[Frame, ...]
    inside: bool
    """Whether the student's code was running; False if the call itself didn't fit the signature."""

    def is_a(self, kind: str) -> bool:
        """Whether the exception is of this class or a subclass of it, by name."""
        return kind in self.kinds


@dataclass(eq=False)
class Forbidden(StudentError):
    """A by-hand task called the operation that it should implement."""

    operation: str
    file: str
    line: int


@dataclass(eq=False)
class TimedOut(StudentError):
    """The code was still running when its time was up."""

    seconds: float
    clock: str
    """`"CPU"` or `"wall"`."""
    printed: int
    """How many bytes it had printed by then."""
    fatal = True


@dataclass(eq=False)
class OutOfMemory(StudentError):
    """The code asked for more memory than one submission may use."""

    limit_bytes: int
    frames: tuple[Frame, ...] = field(default=())
    fatal = True


@dataclass(eq=False)
class Crashed(StudentError):
    """The process ended, or sent an invalid reply."""

    how: str
    fatal = True


class SandboxFailure(Exception):
    """The sandbox itself failed, which is never the student's fault: retried once, then *not graded*."""
