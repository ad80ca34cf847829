# task: conv2d.output_size
# expect: broken passed timed_out
# tiers: walls
try:
    import torch.testing._internal.common_methods_invocations
    import torch.distributed.elastic
    import torch.onnx
    import torch.fx.experimental
    import xml.etree.ElementTree
    import tkinter
    import antigravity
except Exception:
    pass
from right import output_size
