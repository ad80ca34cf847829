"""Effort, counted and not timed: the number of tensor operations and of the student's Python steps.

Malicious code can falsify the counts, so properties that rely on them also limit the CPU time of a large
call, which is measured from outside.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from typing import Any

from torch.utils._python_dispatch import TorchDispatchMode

from .steps import Counter

_OURS = ("<frozen", "<sandbox", "<__array_function__")


class EffortMeter(TorchDispatchMode):
    """Counts while its context is active.

    A tensor operation is one call that reaches the dispatcher; a Python step is one bytecode instruction
    executed in the student's files, or in source that they compile at run time. Both counts are the same on
    every run and every machine.

    Args:
        student_files: the files whose instructions are counted.
    """

    def __init__(self, student_files: Collection[str]) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.tensor_operations = 0
        self._files = student_files
        self._steps = Counter(self._concerns)

    @property
    def python_steps(self) -> int:
        """The number of Python steps so far."""
        return self._steps.count

    @classmethod
    def _should_skip_dynamo(cls) -> bool:
        """False, because hiding this mode from torch's compiler would import the compiler, which is slow."""
        return False

    def __torch_dispatch__(
        self, func: Callable[..., Any], types: Any, args: Any = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        self.tensor_operations += 1
        return func(*args, **(kwargs or {}))

    def __enter__(self) -> EffortMeter:
        self._steps.begin()
        super().__enter__()  # type: ignore[no-untyped-call]
        return self

    def __exit__(self, *exception: Any) -> None:
        undisturbed = self._steps.end()
        super().__exit__(*exception)  # type: ignore[no-untyped-call]
        if not undisturbed and exception[0] is None:
            raise RuntimeError("something stopped the step counter while the code ran")

    def _concerns(self, file: str) -> bool:
        return file in self._files or (file.startswith("<") and not file.startswith(_OURS))
