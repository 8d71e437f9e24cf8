"""The function's settings: what it can't do without is said, and not to everybody."""

from __future__ import annotations

import json
import logging

import pytest

from grip_lambda import faas
from grip_lambda.errors import ConfigError
from grip_lambda.faas import NotWebSocket, application
from tests.support.gateway import event_v2
from tests.support.stack import free_port

SETTINGS = {
    "GRIP_URL": "https://api.fanout.io/realm/r?iss=r&key=k",
    "GRIP_LAMBDA_STORE": "redis://127.0.0.1:1/0",
    "GRIP_LAMBDA_SECRET": "s3cret",
}


@pytest.fixture
def configured(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    monkeypatch.setattr(application, "_application", application._application.__wrapped__)
    monkeypatch.delenv("GRIP_PROXIES", raising=False)
    for name, value in SETTINGS.items():
        monkeypatch.setenv(name, value)
    return monkeypatch


def test_the_handler_is_that_of_the_package() -> None:
    assert faas.handler is application.handler
    with pytest.raises(AttributeError, match="nothing"):
        faas.nothing  # noqa: B018


@pytest.mark.parametrize(
    ("changed", "told"),
    [
        ({"GRIP_LAMBDA_SECRET": ""}, "GRIP_LAMBDA_SECRET"),
        ({"GRIP_LAMBDA_STORE": ""}, "GRIP_LAMBDA_STORE"),
        ({"GRIP_LAMBDA_STORE": "sqlite:////tmp/x.db"}, "redis://"),
        ({"GRIP_URL": ""}, "GRIP_URL"),
        ({"GRIP_URL": "tcp://h:1?iss=r&key=k"}, "http://"),
        ({"GRIP_URL": "https://h?iss=r&verify-key=-----BEGIN%20x"}, "public key"),
    ],
)
def test_a_missing_setting_is_told_in_the_log_and_503_to_clients(
    configured: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    changed: dict[str, str],
    told: str,
) -> None:
    for name, value in changed.items():
        configured.setenv(name, value)

    result = faas.handler(event_v2("GET", "/lambda", [], b""), None)

    assert (result["statusCode"], json.loads(result["body"])["code"]) == (503, "unavailable")
    (record,) = [one for one in caplog.records if one.levelno == logging.ERROR]
    assert told in record.message
    assert "\n" not in record.message
    assert "s3cret" not in record.message
    with pytest.raises(ConfigError, match=told):
        faas.handler({"source": "aws.events"}, None)


def test_a_store_that_is_away_is_503_for_what_needs_it(configured: pytest.MonkeyPatch) -> None:
    configured.setenv("GRIP_LAMBDA_STORE", f"redis://127.0.0.1:{free_port()}/0")

    for path, status in (("/healthz", 200), ("/lambda", 503)):
        assert faas.handler(event_v2("GET", path, [], b""), None)["statusCode"] == status


def test_what_is_no_request_is_an_error() -> None:
    with pytest.raises(NotWebSocket):
        faas.handler({"Records": []}, None)
