"""Exercise 5: mistakes about the network, about looking into it, and about training it."""

from __future__ import annotations

from typing import Any

from graders.diagnosis.mistakes import Probe

from .accuracy import ACCURACIES, ACCURACY_PROBES
from .initialisation import INITIALISATION_PROBES, INITIALISATIONS
from .inspection import INSPECTION_PROBES, INSPECTIONS
from .networks import NETWORK_PROBES, NETWORKS
from .training import TRAINING_PROBES, TRAININGS

ENTRIES: tuple[Any, ...] = (*NETWORKS, *INSPECTIONS, *ACCURACIES, *TRAININGS, *INITIALISATIONS)

PROBES: dict[str, tuple[Probe, ...]] = {
    **NETWORK_PROBES,
    **INSPECTION_PROBES,
    "accuracy": ACCURACY_PROBES,
    "train": TRAINING_PROBES,
    "init_lenet": INITIALISATION_PROBES,
}
