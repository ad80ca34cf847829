"""Worked examples that you can run yourself: `python -m exercises check conv2d`."""
