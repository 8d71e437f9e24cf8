"""One of several workers behind one name: start as many as you like.

python worker.py
"""

import os
import time

from grip_lambda.client import Host

host = Host(service="thumbnails")


@host.method
def resize(width: int, height: int):
    time.sleep(0.05)  # the work
    return {"width": width // 4, "height": height // 4, "worker": os.getpid()}


@host.on_up
def up(lambda_id):
    print(f"worker {os.getpid()} is {lambda_id}", flush=True)


host.run()
