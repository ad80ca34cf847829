"""Hidden properties of exercise 1: convolution of one image, with loops, as a layer and in other forms."""

GROUPS = {
    "conv2d": {"values": 4, "gradients": 2, "dtypes": 1, "layouts": 1, "side effects": 1, "devices": 1},
    "Conv2D": {"parameters": 2, "forward": 2, "gradients": 1, "dtypes": 1, "devices": 1},
    "output_size": {"stride 1": 1, "stride and padding": 2, "dilation": 1},
    "conv2d_vectorized": {"values": 1, "gradients, dtypes and layouts": 1, "effort": 2, "devices": 1},
    "conv2d_backward": {"gradient of X": 1, "gradient of K": 1, "dtypes and layouts": 1, "devices": 1},
    "conv2d_matrix": {"values": 2, "transpose": 1, "gradients and dtypes": 1, "devices": 1},
    "invalid_input": {"conv2d": 1, "output_size": 1},
}
