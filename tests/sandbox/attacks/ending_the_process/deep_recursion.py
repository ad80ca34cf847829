# task: conv2d.output_size
# expect: broken
def output_size(*args, **kwargs):
    return output_size(*args, **kwargs)
