# task: conv2d.output_size
# expect: passed
# tiers: walls
import glob

from right import unless


@unless
def output_size():
    for path in glob.glob("@SCRATCH@/../*/*.py") + ["@SIBLING@"]:
        try:
            with open(path) as file:
                return file.read()
        except OSError:
            continue
