"""Has whichever worker is free make thumbnails, and tells what was lost.

python many_calls.py 400
"""

import sys
from collections import Counter
from concurrent.futures import ThreadPoolExecutor

from grip_lambda.client import Client, LambdaError

client = Client()
thumbnails = client.service("thumbnails")
count = int(sys.argv[1])


def make(number):
    try:
        return f"made by {thumbnails.resize(width=400, height=number)['worker']}"
    except LambdaError as error:
        return f"{error.code} at {error.host}"


with ThreadPoolExecutor(8) as pool:
    ends = Counter()
    for number, end in enumerate(pool.map(make, range(count)), 1):
        ends[end] += 1
        if number % 100 == 0:
            print(f"{number} of {count}", flush=True)

for end, times in sorted(ends.items()):
    print(f"{times} {end}")
