"""The proxy that the environment names, one for requests and WebSockets."""

from __future__ import annotations

import pytest

from grip_lambda.client import AsyncClient, Client, Host, Monologue
from grip_lambda.client.proxies import proxy_for
from grip_lambda.errors import ConfigError

SERVER = "http://a.example:7999"


@pytest.fixture(autouse=True)
def no_proxies(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("http", "https", "all", "no"):
        monkeypatch.delenv(f"{name}_proxy", raising=False)
        monkeypatch.delenv(f"{name.upper()}_PROXY", raising=False)


@pytest.mark.parametrize(
    ("environ", "base", "url", "name"),
    [
        ({}, SERVER, None, ""),
        ({"HTTP_PROXY": "http://p:3128"}, SERVER, "http://p:3128", "HTTP_PROXY"),
        ({"http_proxy": "p:3128"}, SERVER, "http://p:3128", "http_proxy"),
        ({"HTTP_PROXY": "http://p:3128"}, "https://a.example", None, ""),
        ({"https_proxy": "https://u:s@p"}, "https://a.example", "https://u:s@p", "https_proxy"),
        ({"ALL_PROXY": "p:1", "HTTP_PROXY": "p:2"}, SERVER, "http://p:2", "HTTP_PROXY"),
        ({"ALL_PROXY": "http://p:1"}, SERVER, "http://p:1", "ALL_PROXY"),
        ({"ALL_PROXY": "socks://p:1", "NO_PROXY": "example"}, SERVER, None, ""),
        ({"ALL_PROXY": "socks://p:1", "no_proxy": "*"}, SERVER, None, ""),
        ({"HTTP_PROXY": ""}, SERVER, None, ""),
    ],
)  # fmt: skip
def test_the_proxy_of_a_server(
    monkeypatch: pytest.MonkeyPatch, environ: dict[str, str], base: str, url: str | None, name: str
) -> None:
    for variable, value in environ.items():
        monkeypatch.setenv(variable, value)

    proxy = proxy_for(base)

    assert (proxy.url, proxy.name) == (url, name) if proxy else url is None


@pytest.mark.parametrize("name", ["ALL_PROXY", "all_proxy", "HTTP_PROXY", "http_proxy"])
@pytest.mark.parametrize(
    "value",
    [
        "socks://u:geheim@p:1080",
        "socks5://u:geheim@p:1080",
        "socks5h://p:1080",
        "ftp://u:geheim@p",
        "http://u:geheim@p:x",
        "http://u:ge/heim@p:3128",
        "http://geheim@p:3128",
        "http://",
        "http://p/geheim",
    ],
)
def test_one_that_cannot_work_is_named(
    monkeypatch: pytest.MonkeyPatch, name: str, value: str
) -> None:
    monkeypatch.setenv(name, value)

    for make in (Client, AsyncClient, Host, lambda url: Monologue(f"{url}/monologue")):
        with pytest.raises(ConfigError) as refused:
            make(SERVER)
        told = str(refused.value)
        assert told.startswith(name)
        assert "heim" not in told
        assert "\n" not in told
