"""Runs commands on this machine for whoever has its address: those that are named here only.

GRIP_LAMBDA_KEY=… python laptop.py
grip-lambda call <id> disk --stream
"""

import subprocess

from grip_lambda.client import Host

COMMANDS = {
    "disk": ["df", "-h", "/"],
    "uptime": ["uptime"],
    "python": ["python3", "--version"],
}

host = Host(max_calls=2)


def runs(command):
    def run():
        """Report each line as it is printed; the result is the exit status."""
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
            for line in process.stdout:
                yield line.rstrip("\n")
        return process.returncode

    return run


for name, command in COMMANDS.items():
    host.method(name)(runs(command))


@host.on_up
def up(lambda_id):
    print(f"grip-lambda call {lambda_id} disk --stream", flush=True)


host.run()
