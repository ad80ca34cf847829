# task: conv2d.output_size
# expect: timed_out broken
def forever():
    while True:
        pass


SIZE = forever()


def output_size(*args, **kwargs):
    return SIZE
