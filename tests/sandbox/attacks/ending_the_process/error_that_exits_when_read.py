# task: conv2d.output_size
# expect: broken crashed
class Trap(Exception):
    def __str__(self):
        raise SystemExit(0)

    __repr__ = __str__


def output_size(*args, **kwargs):
    raise Trap
