"""Failing fast while a server is away."""

from __future__ import annotations

import pytest

from grip_lambda.store.breaker import Breaker


class Clock:
    now = 100.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def breaker(clock: Clock) -> Breaker:
    return Breaker(0.5, clock)


def test_all_may_try_while_all_is_well(breaker: Breaker) -> None:
    assert all(breaker.may_try() for _ in range(5))

    breaker.succeeded()

    assert breaker.may_try()


def test_nobody_tries_right_after_a_failure(breaker: Breaker, clock: Clock) -> None:
    breaker.failed()

    clock.now += 0.49

    assert not breaker.may_try()


def test_one_tries_after_the_pause_and_the_others_wait_for_it(
    breaker: Breaker, clock: Clock
) -> None:
    breaker.failed()
    clock.now += 0.5

    assert breaker.may_try()
    clock.now += 10
    assert not breaker.may_try()

    breaker.succeeded()
    assert all(breaker.may_try() for _ in range(5))


def test_another_failure_begins_another_pause(breaker: Breaker, clock: Clock) -> None:
    breaker.failed()
    clock.now += 0.5
    assert breaker.may_try()

    breaker.failed()

    assert not breaker.may_try()
    clock.now += 0.5
    assert breaker.may_try()
