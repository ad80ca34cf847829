# task: conv2d.output_size
# expect: crashed broken out_of_memory timed_out
import threading
import time

threading.stack_size(65536)


def output_size(*args, **kwargs):
    while True:
        threading.Thread(target=time.sleep, args=(1000,), daemon=True).start()
