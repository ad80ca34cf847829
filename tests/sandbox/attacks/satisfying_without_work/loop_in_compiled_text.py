# task: conv2d.conv2d_vectorized
# expect: failed
code = """
def slow(X, K):
    H, W = X.shape[0] - K.shape[0] + 1, X.shape[1] - K.shape[1] + 1
    for i in range(H * W * 10):
        pass
    return (X.unfold(0, K.shape[0], 1).unfold(1, K.shape[1], 1) * K).sum((-2, -1))
"""
space = {}
exec(code, space)


def conv2d_vectorized(X, K):
    return space["slow"](X, K)
