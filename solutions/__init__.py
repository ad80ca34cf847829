"""The reference solutions: the single source of stubs, notebooks, points and hints."""

EXERCISES = ("conv2d", "kernel_learning", "multichannel", "pooling", "lenet")
