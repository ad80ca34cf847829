"""Hidden properties of exercise 2: a kernel learned by gradient descent, replayed number by number.

Ending near the right kernel proves nothing: a wrong loop gets there, too. From the same start, every step,
every loss and the final kernel must equal the reference's.
"""

GROUPS = {
    "edge_image": {"the default image": 1, "other sizes and stripes": 3, "dtype and side effects": 1},
    "train_step": {"loss": 2, "step": 3, "dtypes and layouts": 1, "side effects": 2, "devices": 1},
    "learn_kernel": {
        "losses": 2,
        "kernel": 2,
        "start": 1,
        "dtypes and layouts": 1,
        "side effects": 1,
        "devices": 1,
    },
    "max_stable_lr": {"values": 4, "dtypes and layouts": 1},
    "closed_form_kernel": {"determined": 2, "undetermined": 1, "dtypes and side effects": 1, "devices": 1},
}
