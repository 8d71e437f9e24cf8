"""Asks all tabs with visible-tabs/index.html which of them is visible.

python visible_tabs.py
"""

import sys

from grip_lambda.client import Client, LambdaError

with Client() as client:
    try:
        for answer in client.service("tabs").all("look", wait=5):
            if answer.error is not None:
                print(f"{answer.id} does not say: {answer.error}")
            else:
                print(f"{answer.id} is {'visible' if answer.result['visible'] else 'hidden'}")
    except LambdaError as error:
        sys.exit(str(error))
