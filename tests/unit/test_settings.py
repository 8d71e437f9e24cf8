"""Settings: read once, refused with a line that helps, secrets not shown."""

from __future__ import annotations

import json
import os
import re
import stat
import threading
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from grip_lambda import credentials
from grip_lambda.errors import ConfigError, GripLambdaError
from grip_lambda.proxies import Proxy
from grip_lambda.settings import (
    host,
    kept_secret,
    load,
    public_url,
    signing_key,
    whole_number,
)

PROXY = {"verify_iss": "n1", "control_zmq_uri": "tcp://127.0.0.1:5563", "verify_key": "s3cret"}


@pytest.fixture
def env(tmp_path: Path) -> dict[str, str]:
    """The least environment that is enough."""
    return {"GRIP_PROXIES": json.dumps([PROXY]), "GRIP_LAMBDA_DATA": str(tmp_path / "data")}


def test_the_defaults_suffice(env: dict[str, str], tmp_path: Path) -> None:
    settings = load(env)

    assert settings.proxies == (Proxy("n1", "tcp://127.0.0.1:5563", b"s3cret"),)
    assert settings.store == f"sqlite:///{tmp_path}/data/grip-lambda.db"
    assert len(settings.secret) >= 32
    assert settings.secret == load(env).secret
    assert (settings.ping_s, settings.wait_s, settings.origins) == (30, 60.0, ())


def test_a_grip_url_names_one_proxy(env: dict[str, str]) -> None:
    del env["GRIP_PROXIES"]
    env["GRIP_URL"] = "tcp://10.0.0.1:5563?iss=n1&key=a%2Bb+c"

    assert load(env).proxies == (Proxy("n1", "tcp://10.0.0.1:5563", b"a+b+c"),)


def test_a_keys_file_is_named(env: dict[str, str]) -> None:
    assert load(env).api_keys is None
    named = load(env | {"GRIP_LAMBDA_API_KEYS": "keys.json"})
    assert named.api_keys == Path("keys.json").absolute()


def test_a_proxy_may_be_published_to_by_http(env: dict[str, str]) -> None:
    key = "base64:czNjcmV0"
    env["GRIP_PROXIES"] = json.dumps(
        [{"verify_iss": "n1", "control_uri": "http://10.0.0.1:5561", "verify_key": key}]
    )

    assert load(env).proxies == (Proxy("n1", "http://10.0.0.1:5561", b"s3cret"),)

    del env["GRIP_PROXIES"]
    env["GRIP_URL"] = f"http://10.0.0.1:5561/?verify-iss=n1&verify-key={key}"

    assert load(env).proxies == (Proxy("n1", "http://10.0.0.1:5561", b"s3cret"),)


def test_several_proxies_are_told_apart_by_their_issuer(env: dict[str, str]) -> None:
    env["GRIP_PROXIES"] = json.dumps([PROXY, PROXY | {"verify_iss": "n2"}])

    assert [proxy.node for proxy in load(env).proxies] == ["n1", "n2"]


@pytest.mark.parametrize(
    ("changed", "told"),
    [
        ({"GRIP_PROXIES": ""}, "GRIP_PROXIES"),
        ({"GRIP_PROXIES": "{"}, "JSON"),
        ({"GRIP_PROXIES": "[]"}, "array"),
        ({"GRIP_PROXIES": "{}"}, "array"),
        ({"GRIP_PROXIES": "[1]"}, "verify_iss"),
        ({"GRIP_PROXIES": '[{"verify_iss": "n1"}]'}, "verify_key"),
        ({"GRIP_PROXIES": json.dumps([PROXY | {"verify_key": 1}])}, "verify_key"),
        ({"GRIP_PROXIES": json.dumps([PROXY | {"verify_key": ""}])}, "verify_key"),
        ({"GRIP_PROXIES": json.dumps([PROXY | {"verify_iss": ""}])}, "verify_iss"),
        ({"GRIP_PROXIES": json.dumps([PROXY | {"control_zmq_uri": "http://x"}])}, "tcp://"),
        ({"GRIP_PROXIES": json.dumps([PROXY, PROXY])}, "verify_iss"),
        ({"GRIP_PROXIES": "", "GRIP_URL": "tcp://127.0.0.1:5563"}, "GRIP_URL"),
        ({"GRIP_PROXIES": "", "GRIP_URL": "ftp://127.0.0.1:5561?iss=n1&key=k"}, "tcp://"),
        ({"GRIP_PROXIES": "", "GRIP_URL": "tcp://127.0.0.1:5563?iss=n1&key=base64:*"}, "base64"),
        ({"GRIP_PROXIES": "", "GRIP_URL": "A://["}, "GRIP_URL"),
        ({"GRIP_PROXIES": "", "GRIP_URL": "tcp://[?iss=n1&key=k"}, "GRIP_URL"),
        ({"GRIP_PROXIES": "", "GRIP_URL": "tcp://host?iss=n1&key=k"}, "tcp://host:port"),
        ({"GRIP_PROXIES": "", "GRIP_URL": "tcp://host:99999?iss=n1&key=k"}, "tcp://host:port"),
        ({"GRIP_PROXIES": json.dumps([PROXY | {"control_zmq_uri": "tcp://[x"}])}, "GRIP_PROXIES"),
        ({"GRIP_PROXIES": json.dumps([PROXY | {"control_zmq_uri": "tcp://x"}])}, "GRIP_PROXIES"),
        ({"GRIP_PROXIES": json.dumps([{"control_uri": "http://["}])}, "GRIP_PROXIES"),
        ({"GRIP_LAMBDA_API_KEYS": ""}, "GRIP_LAMBDA_API_KEYS"),
        ({"GRIP_LAMBDA_SECRET": " "}, "GRIP_LAMBDA_SECRET"),
        ({"GRIP_LAMBDA_SECRET": "\udcff"}, "GRIP_LAMBDA_SECRET"),
        ({"GRIP_LAMBDA_ORIGINS": ""}, "GRIP_LAMBDA_ORIGINS"),
        ({"GRIP_LAMBDA_STORE": ""}, "GRIP_LAMBDA_STORE"),
        ({"GRIP_LAMBDA_STORE": "mysql://x"}, "GRIP_LAMBDA_STORE"),
        ({"GRIP_LAMBDA_STORE": "sqlite://x/y"}, "GRIP_LAMBDA_STORE"),
        ({"GRIP_LAMBDA_STORE": "sqlite:///"}, "GRIP_LAMBDA_STORE"),
        ({"GRIP_LAMBDA_STORE": "redis://:s3cret@h:99999/0"}, "GRIP_LAMBDA_STORE"),
        ({"GRIP_LAMBDA_STORE": "redis://:s3cret@h/zero"}, "GRIP_LAMBDA_STORE"),
        ({"GRIP_LAMBDA_STORE": "redis://["}, "GRIP_LAMBDA_STORE"),
        ({"GRIP_LAMBDA_STORE": "s3cret"}, "GRIP_LAMBDA_STORE"),
        ({"GRIP_LAMBDA_PING": "1" * 5000}, "GRIP_LAMBDA_PING"),
        ({"GRIP_LAMBDA_PING": "0"}, "GRIP_LAMBDA_PING"),
        ({"GRIP_LAMBDA_PING": "3601"}, "3600"),
        ({"GRIP_LAMBDA_PING": "1.5"}, "whole number"),
        ({"GRIP_LAMBDA_PING": "-1"}, "GRIP_LAMBDA_PING"),
        ({"GRIP_LAMBDA_PING": "٣"}, "GRIP_LAMBDA_PING"),
    ],
)
def test_a_bad_value_is_refused_with_one_line_that_names_it(
    env: dict[str, str], changed: dict[str, str], told: str
) -> None:
    with pytest.raises(ConfigError) as refused:
        load(env | changed)

    assert told in str(refused.value)
    assert "\n" not in str(refused.value)
    assert "s3cret" not in str(refused.value)


@given(st.text(max_size=12))
def test_any_text_is_a_whole_number_within_bounds_or_refused(text: str) -> None:
    try:
        number = whole_number({"N": text}, "N", 5, 1, 100)
    except ConfigError:
        assert text not in {str(n) for n in range(1, 101)}
    else:
        assert 1 <= number <= 100


def test_secrets_are_not_shown(env: dict[str, str]) -> None:
    settings = load(env | {"GRIP_LAMBDA_SECRET": "t0psecret"})

    assert settings.secret == b"t0psecret"
    for shown in (repr(settings), str(settings), f"{settings.proxies}"):
        assert "s3cret" not in shown
        assert "t0psecret" not in shown


def test_lists_of_names_are_read_without_their_case(env: dict[str, str]) -> None:
    named = load(
        env
        | {"GRIP_LAMBDA_NAMES": "Grip.Example grip.local"}
        | {"GRIP_LAMBDA_SHOWN_HEADERS": "X-Tag, x-user"}
    )

    assert named.names == {"grip.example", "grip.local"}
    assert named.shown_headers == {"x-tag", "x-user"}
    assert load(env).names == load(env).shown_headers == frozenset()


def test_browsers_may_call_from_the_named_origins(env: dict[str, str]) -> None:
    named = load(env | {"GRIP_LAMBDA_ORIGINS": "https://a.example  https://b.example"})

    assert named.origins == ("https://a.example", "https://b.example")
    assert load(env | {"GRIP_LAMBDA_ORIGINS": "*"}).origins == ()


def _ask_at_once(path: Path, count: int) -> list[str]:
    start = threading.Barrier(count)
    got: list[str] = []

    def ask() -> None:
        start.wait()
        got.append(kept_secret(path))

    threads = [threading.Thread(target=ask) for _ in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return got


def test_many_who_ask_for_a_secret_at_once_get_the_same(tmp_path: Path) -> None:
    for round_ in range(20):
        path = tmp_path / str(round_) / "secret"

        got = _ask_at_once(path, 8)

        assert len(got) == 8
        assert len(set(got)) == 1
        assert os.listdir(path.parent) == ["secret"]
        assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_variables_that_are_no_settings_are_warned_of(
    env: dict[str, str], caplog: pytest.LogCaptureFixture
) -> None:
    foreign = {"GRIP_LAMBDA_KEY": "k", "GRIP_OTHER": "x", "PING": "1", "GRIP_LAMBDA_DATA": "x"}
    load(env | foreign | {"GRIP_LAMBDA_DATA": env["GRIP_LAMBDA_DATA"]})
    assert caplog.messages == []

    load(env | {"GRIP_LAMBDA_PNG": "5", "GRIP_LAMBDA_API_KEY": "x", "GRIP_LAMBDA_XYZZY": "1"})
    assert caplog.messages == [
        "GRIP_LAMBDA_API_KEY is not a setting; is GRIP_LAMBDA_API_KEYS meant?",
        "GRIP_LAMBDA_PNG is not a setting; is GRIP_LAMBDA_PING meant?",
        "GRIP_LAMBDA_XYZZY is not a setting",
    ]


def test_every_setting_is_known(env: dict[str, str], caplog: pytest.LogCaptureFixture) -> None:
    files = Path(__file__).parents[2].joinpath("grip_lambda").rglob("*.py")
    found = re.findall(r"GRIP_LAMBDA(?:_[A-Z]+)+", "".join(path.read_text() for path in files))
    # That of the shells is click's, and files stand for the settings themselves.
    no_settings = {"GRIP_LAMBDA_COMPLETE", *(f"{name}_FILE" for name in credentials.NAMES)}
    names = {name: "1" for name in found if name not in no_settings}
    fit = {
        "GRIP_LAMBDA_PUBLIC_URL": "https://a",
        "GRIP_LAMBDA_STORE": "sqlite:///x",
        "GRIP_LAMBDA_ORIGINS": "*",
    }
    fit |= {"GRIP_LAMBDA_MAX_RESULT": "1000", "GRIP_LAMBDA_THREADS": "2", "GRIP_LAMBDA_LOG": "json"}
    fit |= {"GRIP_LAMBDA_DATA": env["GRIP_LAMBDA_DATA"]}
    assert len(names) > 10

    del names["GRIP_LAMBDA_SUPERVISED"]
    load(env | names | fit)

    assert caplog.messages == []


@pytest.mark.parametrize(
    ("text", "address"),
    [("", "localhost"), ("localhost", "localhost"), ("0.0.0.0", "0.0.0.0"), ("[::]", "::")],
)
def test_host_is_an_address(text: str, address: str) -> None:
    assert host({"HOST": text}) == address


@pytest.mark.parametrize("text", ["a.example", "x86_64-conda-linux-gnu", "1.2.3", "::1:7999"[1:]])
def test_a_host_that_is_none_is_refused(text: str) -> None:
    with pytest.raises(ConfigError, match="HOST must be an IP address"):
        host({"HOST": text})


@pytest.mark.parametrize("text", ["a,b", "a b", "ä", "a\nb"])
def test_a_signing_key_that_does_not_fit_into_a_route_is_refused(tmp_path: Path, text: str) -> None:
    (tmp_path / "sig-key").write_text(text)

    with pytest.raises(ConfigError, match="sig-key"):
        signing_key(tmp_path)


def test_a_secret_that_is_no_text_is_refused(tmp_path: Path) -> None:
    (tmp_path / "secret").write_bytes(b"\xff\xfe")

    with pytest.raises(ConfigError, match="UTF-8"):
        kept_secret(tmp_path / "secret")


def test_an_empty_secret_is_refused(tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("\n")

    with pytest.raises(ConfigError, match="empty"):
        kept_secret(tmp_path / "secret")


def test_a_secret_that_cannot_be_kept_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")

    with pytest.raises(GripLambdaError, match="can't be kept"):
        kept_secret(tmp_path / "file" / "secret")


@pytest.mark.parametrize(
    ("text", "url"),
    [
        ("", ""),
        ("https://example.org", "https://example.org"),
        ("https://example.org/", "https://example.org"),
        ("http://[::1]:80/a/b/", "http://[::1]:80/a/b"),
    ],
)
def test_the_public_address_has_no_slash_at_its_end(text: str, url: str) -> None:
    assert public_url({"GRIP_LAMBDA_PUBLIC_URL": text}) == url


@pytest.mark.parametrize(
    "text", ["example.org", "ftp://example.org", "https://", "https://u:p@a", "https://a/?b", "x y"]
)
def test_a_public_address_that_is_none_is_refused(text: str) -> None:
    with pytest.raises(ConfigError, match="GRIP_LAMBDA_PUBLIC_URL must be like https"):
        public_url({"GRIP_LAMBDA_PUBLIC_URL": text})
