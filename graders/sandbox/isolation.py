"""How well this machine isolates student code: tested before grading, and explained on request."""

from __future__ import annotations

import contextlib
import platform
import shutil
import sys

from rich.console import Console

from . import gpu
from .errors import SandboxFailure
from .gpu import Device
from .inside import lockdown
from .limits import Limits
from .self_test import attack_ourselves
from .tiers import PROCESS, STRICT_PLUS, Tier, best_tier
from .warm_parent import WarmParent

BANNER = "verdict protected, machine not protected"
_WEAKER = "a driver needs files and system calls that are otherwise refused"


def proven_tier(required: str) -> Tier:
    """The best tier of this machine, after our own attacks on it have failed; see `proven_parent`."""
    with proven_parent(required) as parent:
        return parent.tier


def proven_parent(required: str, started: WarmParent | None = None) -> WarmParent:
    """A warm parent on the best tier of this machine, after our own attacks on it have failed.

    Args:
        required: `"strict"`, or `"process"` to accept that student code can reach files and network.
        started: a warm parent on that tier that is already running.

    Raises:
        SandboxFailure: the machine offers less than required, or a wall doesn't hold.
    """
    tier = best_tier()
    if tier.name == PROCESS:
        if required != PROCESS:
            raise SandboxFailure(
                f"this machine ({platform.system()} {platform.machine()}) offers process isolation only: "
                f"{BANNER}. Grade on Linux, or accept it with --require process for code that you trust "
                "with your machine. "
                "`python -m graders doctor` says more."
            )
        print(f"graders: isolation is {PROCESS}: {BANNER}", file=sys.stderr)
        return started or WarmParent(tier)
    parent = started or WarmParent(tier)
    with contextlib.ExitStack() as unless_it_holds:
        unless_it_holds.callback(parent.close)
        holes = [finding for finding in attack_ourselves(parent) if finding.possible]
        if not holes:
            unless_it_holds.pop_all()
    if holes:
        told = "; ".join(f"{hole.attack}: {hole.detail}" for hole in holes)
        raise SandboxFailure(f"isolation {tier.name} does not hold here ({told}). Please report this.")
    return parent


def device_within(device: Device, tier: Tier, required: str, *, insisted: bool) -> Device:
    """The device, if student code can use it and is isolated well enough there; otherwise none and the
    reason.

    Args:
        device: a GPU of this machine, or none.
        tier: the walls that have been tested on the CPU.
        required: as for `proven_parent`.
        insisted: whether to refuse to grade without it.

    Raises:
        SandboxFailure: it can't be used, but was insisted on.
    """
    if device.name not in ("cuda", "mps"):
        return device
    why = _why_not_on(device, tier, required)
    if not why:
        told = f"tensor tasks are also run on {device}, behind weaker walls: {_WEAKER}"
        print(f"graders: {told}", file=sys.stderr)
        return device
    if insisted:
        raise SandboxFailure(f"--device {device.name}: {why}")
    print(f"graders: not run on a GPU: {why}", file=sys.stderr)
    return Device(why_not=why)


def _why_not_on(device: Device, tier: Tier, required: str) -> str:
    if not tier.landlock and required != PROCESS:
        return f"{device} would be used without Landlock, which --require {required} does not allow"
    try:
        with WarmParent(tier, device.name) as parent:
            if not tier.landlock:  # the user has accepted that
                parent.spawn(limits=Limits(), device=device.name).end()
                return ""
            holes = [finding for finding in attack_ourselves(parent) if finding.possible]
    except SandboxFailure as failure:
        return f"no student process can use {device} here ({failure})"
    told = "; ".join(f"{hole.attack}: {hole.detail}" for hole in holes)
    return f"isolation does not hold with {device} ({told})" if told else ""


def examine() -> int:
    """Print what this machine offers, attack it, and say how to improve it; returns the exit status."""
    console = Console()
    tier = best_tier()
    console.print(
        f"Python {platform.python_version()} on {platform.system()} {platform.release()} {platform.machine()}"
    )
    landlock = lockdown.landlock_version()
    bubblewrap = shutil.which("bwrap")
    device = gpu.find("auto")
    offers = {
        "seccomp filter": "yes" if tier.seccomp else "no: written for Linux on x86-64 and arm64",
        "Landlock": f"yes, ABI {landlock}"
        if landlock
        else "no: needs Linux 5.13 or newer with Landlock enabled",
        "bubblewrap": _bubblewrap(bubblewrap, tier),
        "GPU": str(device) if device.is_gpu else "no: tensor tasks are run on a simulated one",
    }
    for name, offer in offers.items():
        console.print(f"  {name:<16}{offer}")
    console.print(f"Isolation: [bold]{tier.name}[/]" + (f" ({BANNER})" if tier.name == PROCESS else ""))
    if tier.name == PROCESS:
        console.print("For strict isolation, grade on Linux: a virtual machine or a container will do.")
        return 0
    with console.status("attacking our own sandbox"), WarmParent(tier) as parent:
        findings = attack_ourselves(parent)
    for finding in findings:
        mark = "[bold red]POSSIBLE[/]" if finding.possible else "[green]refused[/]"
        console.print(f"  {finding.attack:<28}{mark}  [dim]{finding.detail}[/]", highlight=False)
    return 1 if any(finding.possible for finding in findings) else 0


def _bubblewrap(path: str | None, tier: Tier) -> str:
    if tier.name == STRICT_PLUS:
        return f"yes, {path}: adds namespaces around the warm parent (strict+)"
    if path is None:
        return "not installed: `apt install bubblewrap` adds namespaces (strict+)"
    return "installed, but user namespaces are blocked here; strict does without them"
