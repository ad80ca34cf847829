# task: conv2d.output_size
# expect: passed
# tiers: walls
import os
import signal

from right import syscall, unless


@unless
def output_size():
    for pid in (os.getppid(), @GRADER_PID@, 1, -1, 0):
        for send in (
            lambda: os.kill(pid, 0) or True,
            lambda: syscall(234, pid, pid, 0),
            lambda: syscall(200, pid, 0),
            lambda: signal.pidfd_send_signal(os.pidfd_open(pid), 0) or True,
            lambda: os.killpg(abs(pid), 0) or True,
        ):
            try:
                return send()
            except (OSError, OverflowError):
                continue
