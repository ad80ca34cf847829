"""Fatima, LeNet."""
import torch
import torch.nn as nn


def lenet():
    net = nn.Sequential()
    net.add_module("conv1", nn.Conv2d(1, 6, kernel_size=5, padding=2))
    net.add_module("sigmoid1", nn.Sigmoid())
    net.add_module("pool1", nn.AvgPool2d(2, stride=2))
    net.add_module("conv2", nn.Conv2d(6, 16, kernel_size=5))
    net.add_module("sigmoid2", nn.Sigmoid())
    net.add_module("pool2", nn.AvgPool2d(2, stride=2))
    net.add_module("flatten", nn.Flatten())
    net.add_module("dense1", nn.Linear(16 * 5 * 5, 120))
    net.add_module("sigmoid3", nn.Sigmoid())
    net.add_module("dense2", nn.Linear(120, 84))
    net.add_module("sigmoid4", nn.Sigmoid())
    net.add_module("dense3", nn.Linear(84, 10))
    return net


def first_parameter(net):
    return next(iter(net.parameters()), torch.zeros(1))


def remember_modes(net):
    modes = {}
    for name, module in net.named_modules():
        modes[name] = module.training
    return modes


def restore_modes(net, modes):
    for name, module in net.named_modules():
        module.training = modes[name]


def layer_shapes(net, input_shape=(1, 1, 28, 28)):
    modes = remember_modes(net)
    net.eval()
    p = first_parameter(net)
    seen = {}
    hooks = []
    for name, layer in net.named_children():
        def look(layer, inputs, output, name=name):
            seen[name] = (layer.__class__.__name__, tuple(output.shape))
        hooks.append(layer.register_forward_hook(look))
    with torch.no_grad():
        net(torch.rand(input_shape, dtype=p.dtype, device=p.device))
    for hook in hooks:
        hook.remove()
    restore_modes(net, modes)
    return [seen[name] for name, _ in net.named_children()]


def accuracy(net, data):
    modes = remember_modes(net)
    net.eval()
    device = first_parameter(net).device
    correct, all_of_them = 0, 0
    with torch.no_grad():
        for images, labels in data:
            images, labels = images.to(device), labels.to(device)
            _, predicted = torch.max(net(images), 1)
            correct += (predicted == labels).sum().item()
            all_of_them += labels.size(0)
    restore_modes(net, modes)
    return correct / all_of_them


def train(net, data, num_epochs, lr):
    device = first_parameter(net).device
    criterion = nn.CrossEntropyLoss()
    optimizer = torch.optim.SGD(net.parameters(), lr=lr)
    history = []
    for epoch in range(num_epochs):
        net.train()
        running, examples = 0.0, 0
        for images, labels in data:
            images, labels = images.to(device), labels.to(device)
            optimizer.zero_grad()
            loss = criterion(net(images), labels)
            loss.backward()
            optimizer.step()
            running += loss.item() * labels.size(0)
            examples += labels.size(0)
        history.append(running / examples)
        print(f"epoch {epoch + 1}: loss {history[-1]:.4f}")
    return history


def init_lenet(net):
    for module in net.modules():
        if isinstance(module, nn.Conv2d) or isinstance(module, nn.Linear):
            torch.nn.init.xavier_uniform_(module.weight.data)
    return net
