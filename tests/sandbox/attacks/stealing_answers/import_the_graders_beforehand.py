# task: conv2d.output_size
# expect: passed broken
# tiers: walls
try:
    import graders.grading
    import solutions.conv2d as stolen
except ImportError:
    from right import output_size
else:

    def output_size(*args, **kwargs):
        raise ArithmeticError("it worked")
