"""Convolutional networks by hand: the exercises."""
