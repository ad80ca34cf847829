"""The GPU of this machine on which every property runs a second time, if there is one."""

from __future__ import annotations

from dataclasses import dataclass

SIMULATED = "simulated"  # as `sandbox/inside/device.py` calls it, which needs torch
CHOICES = ("auto", "cpu", "cuda", "mps", SIMULATED)


@dataclass(frozen=True)
class Device:
    """A device to run tests on.

    Attributes:
        name: `cpu`, `cuda`, `mps`, or `simulated`, which is a rehearsal on the CPU.
        card: the manufacturer's name for it.
        why_not: why no tests run on a GPU, if none do.
    """

    name: str = "cpu"
    card: str = ""
    why_not: str = ""

    @property
    def is_gpu(self) -> bool:
        """Whether tests run there in addition to those on the CPU."""
        return self.name != "cpu"

    def __str__(self) -> str:
        return f"{self.name} ({self.card})" if self.card else self.name


CPU = Device(why_not="not requested")


def find(wanted: str) -> Device:
    """The device that `wanted`, one of `CHOICES`, stands for on this machine.

    Raises:
        ValueError: a device was requested by name and isn't available.
    """
    if wanted == "cpu":
        return CPU
    if wanted == SIMULATED:
        return Device(SIMULATED, "no real device")
    import torch  # here, because the arguments are read without it

    if wanted in ("auto", "cuda") and torch.cuda.is_available():
        return Device("cuda", torch.cuda.get_device_name(0))
    if wanted in ("auto", "mps") and torch.backends.mps.is_available():
        return Device("mps", "Apple")
    if wanted == "auto":
        return Device(why_not="no GPU")
    raise ValueError(
        f"--device {wanted}: torch {torch.__version__} finds no such device on this machine. "
        "With --device auto, a GPU is used if there is one."
    )
