# task: conv2d.output_size
# expect: passed
# tiers: walls
import threading
import time

from right import output_size


def mark():
    while True:
        try:
            with open("@SCRATCH@/@MARKER@", "w") as file:
                file.write("still here")
        except OSError:
            time.sleep(0.05)


threading.Thread(target=mark, daemon=False).start()
