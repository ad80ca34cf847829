"""Hidden properties of exercise 5: a network judged by its numbers, and its tools by what they leave behind.

Accuracy is never the evidence. A network is judged by its outputs and all gradients in float64, with known
parameters six times larger than usual, so that its sigmoids are far from linear; training is judged by its
whole path from a known start. The sandbox builds the networks that the tools are tried on. Real images show
in addition that the tools do their job, with thresholds far from anything that luck can reach.
"""

GROUPS = {
    "lenet": {"parameters": 1, "outputs": 2, "gradients": 2, "devices": 1},
    "layer_shapes": {"shapes": 3, "leaves the network alone": 2, "frozen parts": 1},
    "accuracy": {
        "values": 2,
        "evaluation mode": 2,
        "no gradients": 1,
        "mode restored": 1,
        "frozen parts": 1,
        "devices": 1,
    },
    "train": {"losses": 2, "parameters": 2, "training mode": 1, "devices": 1},
    "init_lenet": {"distribution": 2, "nothing else": 1, "in place": 1, "devices": 1},
    "lenet_from": {"the classes passed in": 1, "outputs and gradients": 2, "devices": 1},
    "feature_maps": {"names and values": 2, "in-place layers": 1, "one pass, no trace": 2, "devices": 1},
    "lenet_modern": {"size and shape": 1, "learns faster": 2, "devices": 1},
}
