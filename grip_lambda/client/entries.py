"""Entries of the listing."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any


@dataclass(frozen=True)
class Lambda:
    """A lambda that is open.

    Attributes:
        id: the id that it is called with.
        timestamp: since when it is open.
        code: how its host speaks, like ``json-rpc``.
        headers: those of its registration; credentials are redacted.
        methods: what its host says it can do; None if it doesn't say, or was not asked.
        raw: the whole entry of the listing.
    """

    id: str
    timestamp: datetime
    code: str
    headers: Mapping[str, list[str]]
    methods: tuple[str, ...] | None
    raw: Mapping[str, Any]


@dataclass(frozen=True)
class ServiceEntry:
    """A service that has a host.

    Attributes:
        name: what it is called with.
        hosts: how many hosts it has.
        methods: what its hosts say they can do; None if none says.
        raw: the whole entry of the listing.
    """

    name: str
    hosts: int
    methods: tuple[str, ...] | None
    raw: Mapping[str, Any]


def service_of(entry: dict[str, Any]) -> ServiceEntry:
    """Read an entry of the listing of services; raises as `lambda_of`."""
    methods = entry.get("methods")
    known = None if methods is None else tuple(methods)
    return ServiceEntry(entry["name"], int(entry["hosts"]), known, entry)


def lambda_of(entry: dict[str, Any]) -> Lambda:
    """Read an entry of the listing.

    Raises:
        AttributeError, KeyError, TypeError, ValueError: it is none.
    """
    methods = entry.get("methods")
    return Lambda(
        entry["id"],
        datetime.fromisoformat(entry["timestamp"]),
        entry["code"],
        entry["headers"],
        None if methods is None else tuple(methods),
        entry,
    )
