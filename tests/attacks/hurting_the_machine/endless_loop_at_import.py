# task: conv2d.output_size
# expect: timed_out
while True:
    pass
