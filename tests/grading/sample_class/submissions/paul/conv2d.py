import torch

# Paul, I changed the interface a little so that it is more flexible


def conv2d(image, kernel, stride, padding):
    image = torch.nn.functional.pad(image, (padding, padding, padding, padding))
    kh, kw = kernel.shape
    return torch.stack([torch.stack([(image[i:i+kh, j:j+kw] * kernel).sum()
                                     for j in range(0, image.shape[1] - kw + 1, stride)])
                        for i in range(0, image.shape[0] - kh + 1, stride)])


class Conv2D:
    def __init__(self, height, width):
        self.weight = torch.rand(height, width)
        self.bias = 0.0

    def __call__(self, image):
        return conv2d(image, self.weight, 1, 0) + self.bias


class output_size:
    """output_size(n, kernel).value"""

    def __init__(self, n, kernel, stride=1, padding=0, dilation=1):
        self.value = (n + 2 * padding - dilation * (kernel - 1) - 1) // stride + 1 if stride else 0

    def __repr__(self):
        return f"output size: {self.value}"


def conv2d_vectorized(X, K):
    Y = 0
    for i, row in enumerate(K):
        for j, k in enumerate(row):
            h = X.shape[0] - K.shape[0] + 1
            w = X.shape[1] - K.shape[1] + 1
            Y = Y + k * X[i:i+h, j:j+w]
    return Y.tolist()
