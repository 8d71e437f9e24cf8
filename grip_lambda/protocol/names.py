"""Ids and names of methods, as callers give them."""

from __future__ import annotations

import re
from collections.abc import Iterable

from ..errors import BadRequest, NotFound
from . import ids

#: No method that is described has more characters in its name.
_LONGEST = 500
_SERVICE = re.compile(r"[A-Za-z][A-Za-z0-9._-]{0,63}", re.ASCII)
#: So many services may have one host.
SERVICES_MAX = 8
_RESERVED = re.compile(r"open|rpc\..*", re.DOTALL)


def check_lambda_id(lambda_id: str) -> None:
    """Refuse what can't be the id of a lambda.

    Raises:
        BadRequest: with what an id looks like.
    """
    if not ids.is_lambda_id(lambda_id):
        raise BadRequest("a lambda id is 16 characters of A-Z, a-z, 0-9, - and _")


def check_method(method: str) -> None:
    """Refuse a method name that no host may have.

    Raises:
        BadRequest: it is reserved, or no text.
        NotFound: it is empty or has a slash.
    """
    if not method or "/" in method:
        raise NotFound("the address of a call is /lambda/<id>/<method>")
    if "\0" in method:
        raise BadRequest("a method name can't have NUL in it")
    if _RESERVED.fullmatch(method):
        raise BadRequest(f"the method name {method[:100]} is reserved")


def is_method(name: str) -> bool:
    """Tell whether a host may have a method of this name."""
    try:
        check_method(name)
    except (BadRequest, NotFound):
        return False
    return len(name) <= _LONGEST


def is_service(name: str) -> bool:
    """Tell whether a service may have this name."""
    return _SERVICE.fullmatch(name) is not None


def check_service(name: str) -> None:
    """Refuse what can't be the name of a service.

    Raises:
        BadRequest: with what a name looks like.
    """
    if not is_service(name):
        raise BadRequest(
            "the name of a service has 1 to 64 characters of A-Z, a-z, 0-9, ., _ and -, and begins"
            " with a letter"
        )


def service_names(names: Iterable[str]) -> tuple[str, ...]:
    """Return the services that a host names, each once.

    Raises:
        BadRequest: one of them is no name, or there are too many.
    """
    unique = tuple(dict.fromkeys(names))
    for name in unique:
        check_service(name)
    if len(unique) > SERVICES_MAX:
        raise BadRequest(f"a host may have {SERVICES_MAX} services at most")
    return unique
