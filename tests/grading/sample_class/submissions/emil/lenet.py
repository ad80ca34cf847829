import torch
from torch import nn


def lenet():
    return nn.Sequential(
        nn.Conv2d(1, 6, 5, padding=2),
        nn.Sigmoid(),
        nn.AvgPool2d(2, 2),
        nn.Conv2d(6, 16, 5),
        nn.Sigmoid(),
        nn.AvgPool2d(2, 2),
        nn.Flatten(),
        nn.Linear(400, 120),
        nn.Sigmoid(),
        nn.Linear(120, 84),
        nn.Sigmoid(),
        nn.Linear(84, 10))


def layer_shapes(net, input_shape=(1, 1, 28, 28)):
    raise NotImplementedError


def accuracy(net, data):
    raise NotImplementedError


def train(net, data, num_epochs, lr):
    pass


def init_lenet(net):
    raise NotImplementedError


def lenet_from(Conv2d, AvgPool2d):
    raise NotImplementedError


def feature_maps(net, X):
    raise NotImplementedError


def lenet_modern():
    raise NotImplementedError
