# task: conv2d.output_size
# expect: crashed
def output_size(*args, **kwargs):
    raise KeyboardInterrupt
