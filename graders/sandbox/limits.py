"""What one task of a submission may use of the machine."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Limits:
    """What one task of a submission may use.

    Attributes:
        cpu_seconds: CPU time for all questions of one task together.
        memory_bytes: address space in addition to that of the warm parent.
    """

    cpu_seconds: float = 10.0
    memory_bytes: int = 1 << 30

    @property
    def wall_seconds(self) -> float:
        """A generous limit on wall-clock time, for processes that sleep and machines that are busy."""
        return 10 * self.cpu_seconds + 5
