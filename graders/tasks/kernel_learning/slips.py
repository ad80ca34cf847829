"""What goes wrong in exercise 2, by name. What a student is told stands in words.toml."""

from __future__ import annotations

from graders.diagnosis.pipeline import Pipeline

from .learning_slips import MANY_STEPS, STARTS, learn_kernel
from .probes import PROBES
from .solution_slips import IMAGES, KERNELS, LIMITS, OF_IMAGES, OF_KERNELS, ClosedForm, Limit, edge_image
from .step_slips import DESCENTS, OF_STEPS, ONE_STEP, TrainStep, within

PIPELINES = (
    Pipeline("edge_image", edge_image, IMAGES, PROBES["edge_image"], OF_IMAGES),
    Pipeline(
        "max_stable_lr",
        lambda slip: lambda X, kernel_size: slip(Limit(X=X, kernel_size=kernel_size)).answer(),
        LIMITS,
        PROBES["max_stable_lr"],
    ),
    Pipeline(
        "closed_form_kernel",
        lambda slip: lambda X, Y, kernel_size: slip(ClosedForm(X=X, Y=Y, kernel_size=kernel_size)).answer(),
        KERNELS,
        PROBES["closed_form_kernel"],
        OF_KERNELS,
    ),
    Pipeline(
        "train_step",
        lambda slip: lambda weight, X, Y, lr: slip(TrainStep(weight=weight, X=X, Y=Y, lr=lr)).answer(),
        {**{name: within(slip) for name, slip in DESCENTS.items()}, **ONE_STEP},
        PROBES["train_step"],
        OF_STEPS,
    ),
    Pipeline(
        "learn_kernel",
        learn_kernel,
        {**{name: within(slip) for name, slip in DESCENTS.items()}, **MANY_STEPS},
        PROBES["learn_kernel"],
        STARTS,
    ),
)
