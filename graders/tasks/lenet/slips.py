"""What goes wrong in exercise 5, by name. What a student is told stands in words.toml."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from torch import nn

from graders.diagnosis.pipeline import Pipeline, Slip

from .accuracy_slips import EVALUATIONS, SHARES, accuracy
from .beginning_slips import BEGINNINGS, OF_BIASES, init_lenet
from .looking_slips import LEFT_BY_A_LOOK, LEFT_BY_MAPS, MAPS, SHAPES, feature_maps, layer_shapes
from .network_slips import ADDED, ALONE, GIVEN, LAYERS, MODERN, Network
from .probes import PROBES
from .training_slips import REPORTS, TRAININGS, train


def lenet(slip: Slip) -> Callable[[], Any]:
    return lambda: slip(Network()).answer()


def lenet_from(slip: Slip) -> Callable[..., Any]:
    def built(Conv2d: Callable[..., nn.Module], AvgPool2d: Callable[..., nn.Module]) -> Any:
        return slip(Network(classes=(Conv2d, AvgPool2d))).answer()

    return built


PIPELINES = (
    Pipeline("lenet", lenet, {**LAYERS, **ALONE}, PROBES["lenet"], ADDED),
    Pipeline("lenet_from", lenet_from, {**LAYERS, **GIVEN}, PROBES["lenet_from"], ADDED),
    Pipeline("lenet_modern", lenet, MODERN, PROBES["lenet_modern"]),
    Pipeline("layer_shapes", layer_shapes, SHAPES, PROBES["layer_shapes"], LEFT_BY_A_LOOK),
    Pipeline("feature_maps", feature_maps, MAPS, PROBES["feature_maps"], LEFT_BY_MAPS),
    Pipeline("accuracy", accuracy, SHARES, PROBES["accuracy"], EVALUATIONS),
    Pipeline("train", train, TRAININGS, PROBES["train"], REPORTS),
    Pipeline("init_lenet", init_lenet, BEGINNINGS, PROBES["init_lenet"], OF_BIASES),
)
