# task: conv2d.output_size
# expect: out_of_memory timed_out
def output_size(*args, **kwargs):
    kept = []
    while True:
        kept.append(bytes(1 << 24))
