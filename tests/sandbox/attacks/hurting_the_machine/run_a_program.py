# task: conv2d.output_size
# expect: passed
# tiers: walls
import os
import subprocess

from right import unless


@unless
def output_size():
    for start in (
        lambda: subprocess.run(["/bin/true"], check=False),
        lambda: os.posix_spawn("/bin/true", ["true"], {}),
        lambda: os.execv("/bin/true", ["true"]),
    ):
        try:
            return start()
        except OSError:
            continue
    return os.system("true") == 0
