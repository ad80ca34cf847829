# task: conv2d.conv2d
# expect: failed
def conv2d(X, K):
    return (X[: K.shape[0], : K.shape[1]] * K).sum().expand(X.shape[0] - K.shape[0] + 1, X.shape[1] - K.shape[1] + 1)
