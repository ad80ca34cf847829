"""Exercise 5: mistaken thoughts about the network, about looking into it, and about training it."""

from __future__ import annotations

from typing import Any

from graders.diagnosis.catalogue import Probe

from .accuracy import ACCURACIES, ACCURACY_PROBES
from .initialisation import BEGINNING_PROBES, BEGINNINGS
from .inspection import LOOK_PROBES, LOOKS
from .networks import NETWORK_PROBES, NETWORKS
from .training import TRAINING_PROBES, TRAININGS

ENTRIES: tuple[Any, ...] = (*NETWORKS, *LOOKS, *ACCURACIES, *TRAININGS, *BEGINNINGS)

PROBES: dict[str, tuple[Probe, ...]] = {
    **NETWORK_PROBES,
    **LOOK_PROBES,
    "accuracy": ACCURACY_PROBES,
    "train": TRAINING_PROBES,
    "init_lenet": BEGINNING_PROBES,
}
