"""Who sent a request: ``Grip-Sig``, and its cache."""

from __future__ import annotations

import hmac
import json
from base64 import urlsafe_b64encode
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
)
from hypothesis import given
from hypothesis import strategies as st

from grip_lambda.errors import ConfigError
from grip_lambda.grip.signature import Sender, Verifier

NOW = 1_900_000_000.0  # the library compares with the real time, which is earlier
KEYS = {"n1": b"k" * 64, "n2": b"K" * 64}


def signed(key: bytes = KEYS["n1"], algorithm: str = "HS256", **claims: Any) -> str:
    return jwt.encode({"exp": NOW + 60, "iss": "ws@n1"} | claims, key, algorithm=algorithm)


@pytest.mark.parametrize("node", ["n1", "n2"])
@pytest.mark.parametrize("protocol", ["ws", "http"])
def test_the_right_key_tells_the_node_and_the_protocol(node: str, protocol: str) -> None:
    token = signed(KEYS[node], iss=f"{protocol}@{node}")

    assert Verifier(KEYS).sender(token, NOW) == Sender(node, protocol)


@pytest.mark.parametrize("node", ["n1", "n2"])
def test_a_node_that_signs_with_its_name_alone_does_not_tell_the_protocol(node: str) -> None:
    assert Verifier(KEYS).sender(signed(KEYS[node], iss=node), NOW) == Sender(node, "")
    assert Verifier(KEYS).sender(signed(b"x" * 64, iss=node), NOW) is None


def test_a_node_may_sign_with_a_key_of_its_own() -> None:
    private = ec.generate_private_key(ec.SECP256R1())
    public = private.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    pem = private.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    verifier = Verifier({"n1": public})

    assert verifier.sender(signed(pem, "ES256", iss="n1"), NOW) == Sender("n1", "")
    # The public key is no secret: what it signs as if it were one counts for nothing.
    header, claims = (b64(json.dumps(one)) for one in ({"alg": "HS256"}, {"iss": "n1", "exp": NOW}))
    forged = b64(hmac.digest(public, f"{header}.{claims}".encode(), "sha256"))
    assert verifier.sender(f"{header}.{claims}.{forged}", NOW) is None
    with pytest.raises(ConfigError, match="public key"):
        Verifier({"n1": b"-----BEGIN PUBLIC KEY-----\nx\n-----END PUBLIC KEY-----"})


def b64(value: str | bytes) -> str:
    content = value.encode() if isinstance(value, str) else value
    return urlsafe_b64encode(content).decode().rstrip("=")


@pytest.mark.parametrize(
    "token",
    [
        "",
        "x",
        "a.b.c",
        "é",
        signed(b"changeme" * 4),
        signed(KEYS["n2"]),
        signed(KEYS["n1"], iss="ws@n2"),
        signed(iss="ws@n3"),
        signed(iss="n3"),
        signed(iss="@n1"),
        signed(iss="WS@n1"),
        signed(iss="tcp@n1"),
        signed(algorithm="HS512"),
        jwt.encode({"exp": NOW + 60, "iss": "ws@n1"}, "", algorithm="none"),
        jwt.encode({"exp": NOW + 60}, KEYS["n1"]),
        jwt.encode({"iss": "ws@n1"}, KEYS["n1"]),
        signed(exp=1_000_000_000),
        signed(exp=0),
        signed()[:-4] + "AAAA",
    ],
)
def test_what_no_proxy_of_ours_signed_has_no_sender(token: str) -> None:
    assert Verifier(KEYS).sender(token, NOW) is None


@pytest.mark.parametrize(
    "claims", [{"exp": "soon"}, {"exp": None}, {"exp": float("inf")}, {"exp": [NOW]}]
)
def test_claims_of_a_wrong_type_are_refused(claims: dict[str, Any]) -> None:
    assert Verifier(KEYS).sender(signed(**claims), NOW) is None


def test_the_payload_of_one_token_under_the_signature_of_another_is_refused() -> None:
    http, ws = signed(iss="http@n1").split("."), signed().split(".")

    assert Verifier(KEYS).sender(f"{http[0]}.{ws[1]}.{http[2]}", NOW) is None


def test_a_remembered_token_is_believed_until_it_ends_and_then_checked_anew(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    verifier = Verifier(KEYS)
    token = signed(exp=NOW + 60)
    assert verifier.sender(token, NOW) == Sender("n1", "ws")

    def ended(*args: Any, **options: Any) -> Any:
        raise jwt.ExpiredSignatureError

    monkeypatch.setattr(jwt, "decode", ended)
    assert verifier.sender(token, NOW + 59.9) == Sender("n1", "ws")
    assert verifier.sender(token, NOW + 60) is None


def test_a_refused_token_is_not_remembered() -> None:
    verifier = Verifier(KEYS)

    assert [verifier.sender(signed(b"x" * 32), NOW) for _ in range(3)] == [None, None, None]


def test_many_tokens_do_not_pile_up() -> None:
    verifier = Verifier(KEYS)
    for n in range(2000):
        assert verifier.sender(signed(exp=NOW + n), NOW) is not None

    assert len(verifier._seen) <= 256


@given(st.text(st.characters(codec="latin-1")))
def test_any_header_value_is_read_or_refused(token: str) -> None:
    assert Verifier(KEYS).sender(token, NOW) is None
