# task: conv2d.output_size
# expect: passed
# tiers: walls
import os

from right import unless


@unless
def output_size():
    place, target = "@SCRATCH@/@MARKER@", "@SECRET_FILE@"
    for change in (
        lambda: os.mkdir(place) or True,
        lambda: os.symlink(target, place) or True,
        lambda: os.link(target, place) or True,
        lambda: os.mkfifo(place) or True,
        lambda: os.rename(target, place) or True,
        lambda: os.unlink(target) or True,
        lambda: os.chmod(target, 0) or True,
        lambda: os.chown(target, 1, 1) or True,
        lambda: os.utime(target, (0, 0)) or True,
        lambda: os.setxattr(target, "user.a", b"b") or True,
        lambda: os.truncate(target, 0) or True,
    ):
        try:
            return change()
        except OSError:
            continue
