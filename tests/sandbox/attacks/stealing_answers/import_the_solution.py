# task: conv2d.output_size
# expect: passed
# tiers: walls
import sys

from right import unless


@unless
def output_size():
    sys.path[:0] = ["@SOLUTIONS@", "@SOLUTIONS@/.."]
    import importlib.util

    spec = importlib.util.spec_from_file_location("stolen", "@SOLUTIONS@/conv2d.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module.output_size
