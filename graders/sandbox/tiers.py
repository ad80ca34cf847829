"""Which walls this machine offers, and what each tier promises."""

from __future__ import annotations

import platform
import shutil
import subprocess
import sys
import sysconfig
from dataclasses import dataclass
from pathlib import Path

from .inside import lockdown


@dataclass(frozen=True)
class Tier:
    """One combination of walls around a student process."""

    name: str
    seccomp: bool
    landlock: bool
    bubblewrap: str | None = None

    def around(self, command: list[str], device: str | None = None) -> list[str]:
        """The command that starts the warm parent inside the outer wall, with access to the device."""
        if self.bubblewrap is None:
            return command
        binds = [argument for path in _readable() for argument in ("--ro-bind", path, path)]
        for path in _hidden():  # an empty folder in its place
            binds += ["--tmpfs", path, "--remount-ro", path]
        walls = ["--unshare-all", "--die-with-parent", "--new-session", "--proc", "/proc", "--dev", "/dev"]
        small = ["--size", "1048576", "--tmpfs", "/tmp", "--size", "1048576", "--tmpfs", "/dev/shm"]
        nodes = _nodes_of_cuda() if device == "cuda" else []
        devices = [argument for path in nodes for argument in ("--dev-bind", path, path)]
        return [self.bubblewrap, *walls, *small, *binds, *devices, "--chdir", "/tmp", "--", *command]


HIDDEN = ("graders", "solutions", "tests")
"""Packages that no student process may import or see, wherever they are installed."""

STRICT_PLUS = "strict+"
STRICT = "strict"
PROCESS = "process"


def best_tier() -> Tier:
    """The strongest tier that works on this machine, found by trying."""
    if sys.platform != "linux" or platform.machine() not in ("x86_64", "aarch64"):
        return Tier(PROCESS, seccomp=False, landlock=False)
    landlock = lockdown.landlock_version() > 0
    bubblewrap = shutil.which("bwrap")
    if landlock and bubblewrap is not None and _works(bubblewrap):
        return Tier(STRICT_PLUS, seccomp=True, landlock=True, bubblewrap=bubblewrap)
    return Tier(STRICT, seccomp=True, landlock=landlock)


def _works(bubblewrap: str) -> bool:
    tier = Tier(STRICT_PLUS, seccomp=True, landlock=True, bubblewrap=bubblewrap)
    try:
        run = subprocess.run(
            tier.around([sys.executable, "-I", "-S", "-c", ""]), capture_output=True, timeout=60
        )
    except (OSError, subprocess.TimeoutExpired):
        return False
    return run.returncode == 0


def _readable() -> list[str]:
    """The paths of the interpreter, its libraries and the system's: all that a warm parent may see."""
    wanted = ["/usr", "/lib", "/lib64", "/bin", "/etc/ld.so.cache", sys.prefix, sys.base_prefix]
    wanted.append(str(Path(sys.executable).parent.parent))
    wanted += _packages()
    return list(dict.fromkeys(path for path in wanted if Path(path).exists()))


def _packages() -> list[str]:
    """The folders that packages are installed in."""
    found = (path for path in sys.path if Path(path).name in ("site-packages", "dist-packages"))
    return [sysconfig.get_path("purelib"), *found]


def _hidden() -> list[str]:
    """The places at which `HIDDEN` could be seen: where the graders are installed, they lie beside torch."""
    shown = [(Path(path), Path(path).resolve()) for path in _readable()]
    found = []
    for folder in (str(Path(__file__).parents[2]), *_packages()):
        for package in (Path(folder, name).resolve() for name in HIDDEN):
            # A link, such as `/lib`, shows it at a second place.
            places = [at / package.relative_to(real) for at, real in shown if package.is_relative_to(real)]
            found += [str(place) for place in places if package.is_dir()]
    return list(dict.fromkeys(found))


def _nodes_of_cuda() -> list[str]:
    """The driver's device files, and the paths it reads to find its GPUs."""
    nodes = [str(path) for path in sorted(Path("/dev").glob("nvidia*"))]
    return [
        *nodes,
        *(path for path in ("/sys/bus/pci", "/sys/devices", "/proc/driver/nvidia") if Path(path).exists()),
    ]
