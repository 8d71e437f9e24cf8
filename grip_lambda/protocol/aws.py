"""AWS Lambda's Invoke, as its clients speak it: names of functions, headers, errors.

Source: the Invoke operation of the AWS Lambda API reference, version 2015-03-31.
"""

from __future__ import annotations

import binascii
import re
from base64 import b64decode, b64encode
from collections.abc import Sequence
from dataclasses import dataclass

import orjson

from ..errors import InvalidParameter
from . import jsontext
from .mless import ClientContext

#: How much of the log lines a caller gets, in bytes.
TAIL = 4096
_LATEST = "$LATEST"
_NAME = re.compile(
    r"(?P<arn>arn:aws[a-z-]*:lambda:[^:]*:\d{12}:function:)?"
    r"(?:\d{12}:)?(?:function:)?(?P<name>[^:]+)(?::(?P<qualifier>.*))?",
    re.DOTALL,
)


@dataclass(frozen=True)
class Function:
    """What is invoked.

    Attributes:
        lambda_id: the name of the function, which should be the id of a lambda, or the name
            of a service.
        method: its qualifier.
        arn: the whole name, if the caller gave one; else empty.
    """

    lambda_id: str
    method: str
    arn: str = ""


def function(name: str, qualifier: str) -> Function:
    """Read a FunctionName (a name, ``name:qualifier``, an ARN or part of one) and a Qualifier.

    Raises:
        InvalidParameter: there is no qualifier, or there are two.
    """
    found = _NAME.fullmatch(name)
    if found is None:
        raise InvalidParameter("FunctionName is an id, <id>:<method>, or an ARN that ends so")
    # What every function has is no method: tools give it as a default.
    within, qualifier = (
        "" if one == _LATEST else one for one in (found["qualifier"] or "", qualifier)
    )
    if within and qualifier and within != qualifier:
        raise InvalidParameter("the Qualifier is not the one that the FunctionName has")
    method = within or qualifier
    if not method:
        raise InvalidParameter("no method was named: give it as Qualifier, or as <id>:<method>")
    if "/" in method:
        raise InvalidParameter("a method name can't have a slash in it")
    arn = f"{found['arn']}{found['name']}:{method}" if found["arn"] else ""
    return Function(found["name"], method, arn)


def client_context(header: str) -> ClientContext | None:
    """Read ``X-Amz-Client-Context``: a JSON object in base64; None where there is none.

    AWS passes on whatever is in it, while mless knows strings alone; so all of it is passed on here
    as members that mless does not know.

    Raises:
        InvalidParameter: it is something else, or ``client``, ``custom`` or ``env`` are no objects.
    """
    if not header:
        return None
    members = _object(_decoded(header), "the ClientContext must be a JSON object in base64")
    for name in ("client", "custom", "env"):
        if members.get(name, b"null") != b"null":
            _object(members[name], f"{name} in the ClientContext must be a JSON object")
    return ClientContext(others=members)


def _decoded(header: str) -> bytes:
    try:
        text = b64decode(header, validate=True)
    except (binascii.Error, ValueError):
        return b""
    return text if jsontext.is_json(text) else b""


def _object(text: bytes, complaint: str) -> dict[str, bytes]:
    try:
        return jsontext.members(text)
    except ValueError:
        raise InvalidParameter(complaint) from None


def tail(lines: Sequence[str]) -> str:
    """Return the last of some log lines as ``X-Amz-Log-Result`` has them."""
    return b64encode("\n".join(lines).encode()[-TAIL:]).decode()


def error_body(status: int, message: str) -> bytes:
    """Return the body of an error; its name stands in ``x-amzn-ErrorType``."""
    return orjson.dumps({"Type": "User" if status < 500 else "Service", "message": message})
