"""Hidden properties of exercise 1: convolution of one image, with loops, as a layer and in other forms."""

GROUPS = {
    "Conv2D": {"parameters": 2, "forward": 2, "gradients": 1, "dtypes": 1, "devices": 1},
    "conv2d_backward": {"gradient of X": 1, "gradient of K": 1, "dtypes and layouts": 1, "devices": 1},
    "invalid_input": {"conv2d": 1, "output_size": 1},
}
