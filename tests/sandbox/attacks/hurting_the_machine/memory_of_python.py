# task: conv2d.output_size
# expect: out_of_memory
def output_size(*args, **kwargs):
    return len(bytearray(2**40))
