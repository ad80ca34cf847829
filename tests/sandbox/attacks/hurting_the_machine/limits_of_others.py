# task: conv2d.output_size
# expect: passed
# tiers: walls
import os
import resource

from right import unless


@unless
def output_size():
    for change in (
        lambda: resource.prlimit(os.getppid(), resource.RLIMIT_NOFILE, (8, 8)),
        lambda: resource.prlimit(@GRADER_PID@, resource.RLIMIT_CPU, (1, 1)),
        lambda: resource.setrlimit(resource.RLIMIT_CPU, (10**6, 10**6)) or True,
        lambda: resource.setrlimit(resource.RLIMIT_AS, (-1, -1)) or True,
        lambda: os.sched_setaffinity(@GRADER_PID@, {0}) or True,
        lambda: os.setpriority(os.PRIO_PROCESS, os.getppid(), 19) or True,
        lambda: os.nice(5) or True,
    ):
        try:
            return change()
        except (OSError, ValueError):
            continue
