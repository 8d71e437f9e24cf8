"""Who signed a request: AWS Signature Version 4, with the id and the secret of an API key.

The signature is that of requests-aws4auth: the request is signed once more as its client says that
it did, and must come out the same.

Source: "Signature Version 4 for API requests" in the AWS IAM user guide.
"""

from __future__ import annotations

import hmac
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from types import SimpleNamespace
from urllib.parse import quote

from requests_aws4auth import AWS4Auth

from ...errors import BadSignature
from .keyring import KeyRing

#: How far a client's clock may be from ours, in seconds.
SKEW_S = 300
_INVALID = "InvalidSignatureException"
#: What such headers say counts, so that nobody on the way may add one.
_AMZ = "x-amz-"
_NOBODYS = "nobody has this one"
_AUTHORIZATION = re.compile(
    r"AWS4-HMAC-SHA256 +Credential=(?P<id>[^/,\s]{1,128})/(?P<date>\d{8})/(?P<region>[\w-]{1,64})"
    r"/(?P<service>[\w-]{1,64})/aws4_request *, *"
    r"SignedHeaders=(?P<signed>[^,*\s]{1,4000}) *, *Signature=(?P<signature>[0-9a-f]{64})",
    re.ASCII,
)
#: What clients leave as it is in a path; some of them a colon, too.
_UNQUOTED = ("-._~/", "-._~/:")


@dataclass(frozen=True)
class Signed:
    """A request, as far as it is signed.

    Attributes:
        method: the HTTP method.
        path: decoded.
        query: as it was sent.
        headers: by name in lower case.
        body: all of it.
    """

    method: str
    path: str
    query: str
    headers: Mapping[str, str]
    body: bytes


class _Signer(AWS4Auth):  # type: ignore[misc]
    @staticmethod
    def amz_norm_whitespace(text: str) -> str:
        """Join words by one space; the original minds quotation marks, and AWS does not."""
        return " ".join(text.split())


def signer(ring: KeyRing, request: Signed, now: float) -> str:
    """Return the id of the API key that a request was signed with.

    Args:
        now: seconds since 1970.

    Raises:
        BadSignature: it was not signed, or not with a key, or something was changed since.
    """
    found = check_form(request.headers, now)
    secret = ring.secret_of(found["id"])
    # Who has no key must not learn from the time that it takes which ids there are.
    matches = [
        hmac.compare_digest(_signature(request, found, path, secret), found["signature"])
        for path in (quote(request.path, safe=unquoted) for unquoted in _UNQUOTED)
    ]
    if secret is None:
        raise BadSignature("UnrecognizedClientException", "this access key is not known here")
    if not any(matches):
        raise BadSignature(
            _INVALID, "the signature is not that of this request; check the secret access key"
        )
    return found["id"]


def check_form(headers: Mapping[str, str], now: float) -> re.Match[str]:
    """Check what can be checked without the secret, and without the body.

    Args:
        headers: by name in lower case.
        now: seconds since 1970.

    Returns:
        The parts of ``Authorization``.

    Raises:
        BadSignature: the request can't have been signed as it came.
    """
    found = _AUTHORIZATION.fullmatch(headers.get("authorization", "").strip())
    if found is None:
        raise _unsigned(headers)
    signed = set(found["signed"].split(";"))
    if not {"host", "x-amz-date"} <= signed:
        raise BadSignature(_INVALID, "Host and X-Amz-Date must be signed")
    added = sorted({name for name in headers if name.startswith(_AMZ)} - signed)
    if added:
        raise BadSignature(
            _INVALID, f"all headers that begin with X-Amz- must be signed; not so {added[0][:100]}"
        )
    _check_date(headers.get("x-amz-date", ""), found, now)
    return found


def _check_date(text: str, found: re.Match[str], now: float) -> None:
    if found["service"] != "lambda":
        raise BadSignature(_INVALID, "the signature must be for the service lambda")
    try:
        date = datetime.strptime(text, "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC).timestamp()
    except ValueError:
        date = 0.0
    if len(text) != len("20000101T000000Z") or text[:8] != found["date"]:
        raise BadSignature(_INVALID, "X-Amz-Date must be that of the credential's scope")
    if abs(now - date) > SKEW_S:
        raise BadSignature(
            _INVALID, f"the signature is of {text}, more than {SKEW_S // 60} minutes from now"
        )


def _signature(request: Signed, found: re.Match[str], path: str, secret: str | None) -> str:
    """Sign a request as its client says that it did; return the signature."""
    names = set(found["signed"].split(";"))
    headers = {name: request.headers[name] for name in names if name in request.headers}
    again = SimpleNamespace(
        method=request.method,
        url=f"http://host{path}?{request.query}",
        headers=headers,
        body=request.body,
    )
    # The hash of the body, which it puts among the headers, is one of what has come.
    scope = found["region"], found["service"], found["date"]
    _Signer(found["id"], secret or _NOBODYS, *scope, include_hdrs=names)(again)
    signature: str = again.headers["Authorization"].rpartition("=")[2]
    return signature


def _unsigned(headers: Mapping[str, str]) -> BadSignature:
    if "authorization" not in headers:
        return BadSignature(
            "MissingAuthenticationTokenException",
            "sign the request with an API key: its id and secret are the AWS access key",
        )
    return BadSignature(
        "IncompleteSignatureException",
        "Authorization must be of AWS Signature Version 4, with a credential, the signed headers"
        " and a signature",
    )
