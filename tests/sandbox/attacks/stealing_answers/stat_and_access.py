# task: conv2d.output_size
# expect: passed
# tiers: walls
import os

from right import unless


@unless
def output_size():
    for look in (os.stat, os.lstat, os.readlink, os.statvfs, lambda p: os.access(p, os.R_OK), lambda p: os.getxattr(p, "user.a")):
        for path in ("@SECRET_FILE@", "/proc/self/exe", "/"):
            try:
                if look(path):
                    return path
            except OSError:
                continue
