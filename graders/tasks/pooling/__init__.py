"""Hidden properties of exercise 4: pooling of images, channels and batches, layers, and receptive fields."""

EXERCISE = "pooling"
GROUPS = {
    "pool2d": {
        "max": 2,
        "avg": 3,
        "stride": 2,
        "padding of max": 1,
        "padding of avg": 1,
        "all together": 1,
        "gradients": 2,
        "dtypes": 1,
        "layouts": 1,
        "side effects": 1,
        "devices": 1,
    },
    "pool2d_multi_channel": {
        "max": 2,
        "avg": 2,
        "batches": 2,
        "stride and padding": 2,
        "gradients": 1,
        "dtypes": 1,
        "layouts": 1,
        "side effects": 1,
        "devices": 1,
    },
    "MaxPool2d": {
        "forward": 2,
        "stride and padding": 2,
        "no parameters": 1,
        "gradients and dtypes": 1,
        "devices": 1,
    },
    "AvgPool2d": {
        "forward": 2,
        "stride and padding": 2,
        "no parameters": 1,
        "gradients and dtypes": 1,
        "devices": 1,
    },
    "receptive_field": {
        "stride 1": 1,
        "equal strides": 1,
        "different strides": 2,
        "holes": 1,
        "no layers": 1,
    },
    "avg_pool_as_conv": {"square windows": 2, "rectangular windows": 1, "fixed weights": 1, "devices": 1},
    "pool2d_backward": {"max": 2, "avg": 2, "ties": 1, "stride": 2, "dtypes and layouts": 1, "devices": 1},
    "invalid_input": {"pool2d": 2, "pool2d_multi_channel": 1},
}
