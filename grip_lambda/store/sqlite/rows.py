"""Lambdas as rows of the embedded store."""

from __future__ import annotations

from typing import Any

import orjson

from ..facts import Lambda

LAMBDA = (
    "id, connection, node, code, generation, opened, expires, headers, methods, max_calls,"
    " transport, context, owner, private, client, described, services"
)
PLACES = ",".join("?" for _ in LAMBDA.split(","))


def values_of(lambda_: Lambda) -> tuple[Any, ...]:
    """Return the values of a lambda's columns."""
    return (
        lambda_.id,
        lambda_.connection,
        lambda_.node,
        lambda_.code,
        lambda_.generation,
        lambda_.opened,
        lambda_.expires,
        orjson.dumps(lambda_.headers),
        None if lambda_.methods is None else orjson.dumps(lambda_.methods),
        lambda_.max_calls,
        lambda_.transport,
        lambda_.context,
        lambda_.owner,
        lambda_.private,
        lambda_.client,
        lambda_.described,
        orjson.dumps(lambda_.services).decode(),
    )


def lambda_of(row: tuple[Any, ...]) -> Lambda:
    """Return the lambda of a row."""
    known = dict(zip(LAMBDA.split(", "), row, strict=True))
    known["headers"] = orjson.loads(known["headers"])
    if known["methods"] is not None:
        known["methods"] = orjson.loads(known["methods"])
    known["services"] = tuple(orjson.loads(known["services"]))
    known["context"] = bool(known["context"])
    known["private"] = bool(known["private"])
    return Lambda(**known)
