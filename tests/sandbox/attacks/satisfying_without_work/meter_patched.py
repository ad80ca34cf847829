# task: conv2d.conv2d_vectorized
# expect: failed crashed
import sandbox.runtime as runtime
from right import conv2d


class Lazy:
    tensor_operations = "0"
    python_steps = -1

    def __init__(self, files):
        pass

    def __enter__(self):
        return self

    def __exit__(self, *exception):
        pass


runtime.EffortMeter = Lazy


def conv2d_vectorized(X, K):
    return conv2d(X, K)
