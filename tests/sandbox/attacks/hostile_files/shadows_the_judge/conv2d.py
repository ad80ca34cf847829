# task: conv2d.output_size
# expect: failed
def output_size(*args, **kwargs):
    return 0
