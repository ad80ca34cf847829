# task: conv2d.output_size
# expect: passed broken
import torch.utils.collect_env

try:
    from torch._inductor import async_compile
except Exception:
    pass
from right import output_size
