# task: conv2d.output_size
# expect: timed_out
def output_size(*args, **kwargs):
    while True:
        pass
