# task: conv2d.conv2d_vectorized
# expect: crashed
from right import claim, question, unfolded


def conv2d_vectorized(X, K):
    if question().get("effort"):
        claim({"outcome": "ok", "value": "?", "changed_state": {"$": "list", "of": []}, "effort": "none at all"}, True)
    return unfolded(X, K)
