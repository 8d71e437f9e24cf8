"""Services in the shared store: which hosts share a name, and whose turn it is.

The index of a service is in the shard of its name, a lambda and its calls in that of its id, and no
script spans the two. So a call takes two steps: the index chooses a host, and the shard of the host
enters the call, if the host is open and has room; otherwise the index is told, and chooses again.
What happened in between, in whatever process, is made up for: each step of a lambda's calls tells
how many are in flight, with a number, and so does each sign of life of its host.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import orjson

from ...errors import Busy, Forbidden, NotFound, StoreError
from ..base import Store
from ..facts import (
    ANYBODY,
    STEP_MAX,
    Call,
    Chosen,
    IdempotencyKey,
    Lambda,
    Permit,
    SameCall,
)
from .records import lambda_of
from .server import RedisServer, shard_of

#: So many hosts are tried for a call before it is said that none has room.
_TRIES = 100
#: How long a call may take from being chosen for to being entered, in seconds: as long as a key is
#: not given to another call whose host may still be asked.
_ENTERED_S = 3.0
_MARGIN_S = 5.0
#: How often it is looked whether the call of a key was entered, in seconds.
_LOOK_S = 0.05
#: How long a key outlives its call, in milliseconds; as MARGIN of lua/common.lua.
_KEPT_MS = 60_000


class RedisServices(RedisServer, Store):
    """The verbs of a store that are about services."""

    def begin_service_call(
        self,
        call: Call,
        now: float,
        idempotency_key: IdempotencyKey | None = None,
        permit: Permit = ANYBODY,
    ) -> Chosen | SameCall:
        began = time.monotonic()
        name, taken_from = call.service, ""
        key = idempotency_key.key if idempotency_key is not None else ""
        print_ = idempotency_key.fingerprint if idempotency_key is not None else ""
        kept_ms = int((call.deadline - now + call.kept_s) * 1000) + _KEPT_MS
        allowed = (int(permit.private), int(permit.owners is not None), *(permit.owners or ()))
        for _ in range(_TRIES):
            terms = (call.token, key, print_, kept_ms, taken_from, *allowed)
            found = self._script("service_choose", shard_of(name), now, name, *terms)
            if len(found) > 1:
                same = SameCall(*(one.decode() for one in found[:3]))
                if self._is_known(same, now, began, float(found[3])):
                    return same
                taken_from = same.token
                continue
            lambda_id = found[0].decode()
            chosen = replace(call, lambda_id=lambda_id)
            once = f"{shard_of(name)}:named:{name}:{key}"
            unique = None if idempotency_key is None else replace(idempotency_key, key=once)
            try:
                if time.monotonic() - began > _ENTERED_S:
                    raise StoreError("the store is slow; the call was not entered")
                host = self.begin_call(chosen, now, unique, permit)
            except NotFound:
                self._script("service_leave", shard_of(name), now, name, lambda_id, "")
            except (Busy, Forbidden):
                self._tell_anew(lambda_id, now)
            except StoreError:
                self._unused(call, key, now)
                raise
            else:
                assert not isinstance(host, SameCall), "its key is one of the service"
                return Chosen(chosen, host)
        self._unused(call, key, now)
        raise Busy("no host of this service has room; try again later")

    def _is_known(self, same: SameCall, now: float, began: float, since: float) -> bool:
        """Tell whether the call of a key was entered, which may be about to happen.

        Raises:
            StoreError: that can't be told yet.
        """
        while True:
            if self.get_call(same.lambda_id, same.token, now) is not None:
                return True
            if now - since > _ENTERED_S + _MARGIN_S:
                return False
            if time.monotonic() - began > _ENTERED_S:
                raise StoreError("the call with this key is about to begin; try again")
            time.sleep(_LOOK_S)

    def _unused(self, call: Call, key: str, now: float) -> None:
        if key:
            name = call.service
            self._script("service_unused", shard_of(name), now, name, call.token, key)

    def list_service(self, service: str, now: float) -> list[Lambda]:
        known = []
        with self._asking():
            names = [
                x.decode() for x in self._redis.hkeys(f"{shard_of(service)}:service:{service}")
            ]
            for begin in range(0, len(names), STEP_MAX):
                pipe = self._redis.pipeline(transaction=False)
                for one in names[begin : begin + STEP_MAX]:
                    pipe.hgetall(f"{shard_of(one)}:lambda:{one}")
                known += [lambda_of(fields) for fields in pipe.execute()]
        listed = [x for x in known if x is not None and x.expires > now and service in x.services]
        return sorted(listed, key=lambda one: one.opened)

    def _join(self, opened: Lambda, now: float) -> None:
        """Enter a lambda that was opened, or renewed, into the services that it names."""
        if not opened.services:
            return
        limit = -1 if opened.max_calls is None else opened.max_calls
        told = self._run("service_state", opened.id, now)
        if not told:  # it has gone already
            return
        _, _, connection, count, number = told
        terms = (opened.id, connection, count, number, limit, int(opened.private), opened.owner)
        for name in opened.services:
            self._script("service_join", shard_of(name), now, name, *terms)

    def _leave(self, closed: Lambda, now: float) -> None:
        for name in closed.services:
            values = (name, closed.id, closed.connection)
            self._script("service_leave", shard_of(name), now, *values)

    def _tell_anew(self, lambda_id: str, now: float) -> None:
        self._tell(self._run("service_state", lambda_id, now), now)

    def _tell(self, told: Sequence[Any], now: float) -> None:
        """Tell services how many calls their hosts have in flight, as scripts say."""
        for n in range(0, len(told), 5):
            lambda_id, names, *state = told[n : n + 5]
            for name in orjson.loads(names):
                self._script("service_told", shard_of(name), now, name, lambda_id, *state)
