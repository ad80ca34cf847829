"""Exercise 5: mistaken thoughts about the network, about looking into it, and about training it."""

from __future__ import annotations

from typing import Any

from . import Probe
from .lenet_loops import LOOP_PROBES, LOOPS
from .lenet_networks import NETWORK_PROBES, NETWORKS
from .lenet_tools import TOOL_PROBES, TOOLS

ENTRIES: tuple[Any, ...] = (*NETWORKS, *TOOLS, *LOOPS)

PROBES: dict[str, tuple[Probe, ...]] = {**NETWORK_PROBES, **TOOL_PROBES, **LOOP_PROBES}
