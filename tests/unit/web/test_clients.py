"""Who a client is, by what proxies say."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from grip_lambda.web.clients import client_of


@pytest.mark.parametrize(
    ("header", "proxies", "client"),
    [
        ("192.0.2.1", 0, "192.0.2.1"),
        ("forged, 192.0.2.1", 0, "192.0.2.1"),
        ("198.51.100.7,192.0.2.1", 0, "192.0.2.1"),
        ("forged, 198.51.100.7, 192.0.2.1", 1, "198.51.100.7"),
        ("forged, 203.0.113.5, 198.51.100.7, 192.0.2.1", 2, "203.0.113.5"),
        ("192.0.2.1", 3, "192.0.2.1"),
        ("", 0, ""),
        ("", 2, ""),
        ("nonsense", 0, ""),
        ("1.2.3", 0, ""),
        ("nonsense:", 0, ""),
        ("2001:db8::1", 0, "2001:db8::/64"),
        ("2001:db8::ffff:1", 0, "2001:db8::/64"),
        ("[2001:db8:0:1::1]", 0, "2001:db8:0:1::/64"),
        ("fe80::1%eth0", 0, "fe80::/64"),
        ("::1", 0, "::/64"),
        ("::ffff:192.0.2.1", 0, "192.0.2.1"),
    ],
)
def test_a_client_is_what_the_last_proxy_to_be_trusted_saw(
    header: str, proxies: int, client: str
) -> None:
    assert client_of({"HTTP_X_FORWARDED_FOR": header}, proxies) == client


def test_without_a_proxy_nothing_is_known() -> None:
    assert client_of({}, 0) == ""


@given(st.text(st.sampled_from("0123456789abcdef.:,%[] x")), st.integers(0, 3))
def test_whatever_is_claimed_a_client_is_an_address_or_nothing(header: str, proxies: int) -> None:
    client = client_of({"HTTP_X_FORWARDED_FOR": header}, proxies)

    assert client == "" or "." in client or client.endswith("/64")
