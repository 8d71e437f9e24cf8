"""`python -m grip_lambda` is `grip-lambda`."""

from .cli import main

main(prog_name="grip-lambda")
