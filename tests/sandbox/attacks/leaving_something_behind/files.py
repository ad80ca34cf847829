# task: conv2d.output_size
# expect: passed
# tiers: walls
import os
import tempfile

from right import unless


@unless
def output_size():
    made = []
    for folder in ("@SCRATCH@", "/tmp", "/var/tmp", "/dev/shm", ".", "/", os.path.expanduser("~")):
        try:
            fd = os.open(f"{folder}/@MARKER@", os.O_CREAT | os.O_WRONLY)
            made.append(folder)
            os.write(fd, b"x")
        except OSError:
            continue
    try:
        made.append(tempfile.mkdtemp(prefix="@MARKER@"))
    except OSError:
        pass
    return made
