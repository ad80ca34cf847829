# task: conv2d.output_size
# expect: broken
def output_size(*args, **kwargs):
    raise ArithmeticError("half a character: \ud800 and a steering one: \x1b[2J\x1b]0;owned\x07")
