# task: conv2d.output_size
# expect: failed broken crashed
import builtins

builtins.isinstance = lambda *args: True
builtins.abs = lambda x: 0
builtins.all = lambda items: True
builtins.any = lambda items: False


def output_size(*args, **kwargs):
    return 0
