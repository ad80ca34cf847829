# task: conv2d.output_size
# expect: crashed
import os

os._exit(0)
