# task: conv2d.conv2d
# expect: forbidden
import threading

import torch


def conv2d(X, K):
    found = []
    work = threading.Thread(target=lambda: found.append(getattr(torch, "con" + "v2d")(X[None, None], K[None, None])))
    work.start()
    work.join()
    return found[0][0, 0]
