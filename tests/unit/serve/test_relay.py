"""What a child prints is passed on at a bounded rate."""

from __future__ import annotations

import os
import re

import pytest

from grip_lambda.serve.relay import Relay


def test_few_lines_are_passed_on_as_they_are(capfdbinary: pytest.CaptureFixture[bytes]) -> None:
    relay = Relay("pushpin")
    os.write(relay.end, b"one\ntwo\n")

    relay.pass_on()
    relay.pass_on()

    lines = capfdbinary.readouterr().err.splitlines()
    assert [one.split(b" ", 1)[1] for one in lines] == [b"INFO pushpin one", b"INFO pushpin two"]


def test_of_many_a_few_hundred_are(capfdbinary: pytest.CaptureFixture[bytes]) -> None:
    relay = Relay("pushpin")
    for _ in range(50):
        os.write(relay.end, b"accept error\n" * 2000)
        relay.pass_on()

    lines = capfdbinary.readouterr().err.splitlines()

    assert 500 <= len(lines) < 1000

    def said() -> int:
        relay.pass_on()
        told = re.search(rb" pushpin (\d+) more lines", capfdbinary.readouterr().err)
        return 0 if told is None else int(told[1])

    found = (re.search(rb" pushpin (\d+) more", line) for line in lines)
    dropped = sum(int(one[1]) for one in found if one is not None)
    while not (last := said()):
        pass
    passed = sum(line.endswith(b" accept error") for line in lines)
    assert passed + dropped + last == 100_000
