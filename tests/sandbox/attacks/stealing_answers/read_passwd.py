# task: conv2d.output_size
# expect: passed
# tiers: walls
from right import unless


@unless
def output_size():
    with open("/etc/passwd") as file:
        return file.read()
