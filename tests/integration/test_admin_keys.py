"""What whoever watches may see with an API key, and keys that are made and revoked over HTTP."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import requests
from selenium.webdriver import Chrome

from tests.support.browser import chromium, run
from tests.support.clients import Host, call
from tests.support.keys import KeyedStack
from tests.support.stack import wait_until
from tests.support.watching import Watcher, ended_calls, get, metrics

WATCHED = ["/events", "/metrics", "/status", "/calls", "/calls/aaaaaaaaaaaaaaaa/bodies"]
READ = """const read = [];
    const events = new EventSource(given[0]);
    const gone = new Promise((resolve, reject) => {
        events.onerror = () => reject(new Error("closed"));
        events.addEventListener("ended", (event) => resolve(JSON.parse(event.data)));
    });
    await new Promise((resolve) => { events.onopen = resolve; });
    await fetch(given[1], { method: "POST" });
    return await gone;"""


def bearer(key: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {key}"}


@pytest.fixture
def one(keyed: KeyedStack) -> Iterator[Host]:
    """A lambda of the key ``full``, which is listed."""
    ticket = requests.post(f"{keyed.url}/tickets", headers=bearer(keyed.keys["full"]), timeout=10)
    path = f"/lambda/new?ticket={ticket.json()['ticket']}"
    with Host(keyed.ws_url, lambda method, body: body, path) as host:
        wait_until(lambda: host.id in get(keyed.url, "/lambda", keyed.keys["full"]), what="it")
        yield host


def made(keyed: KeyedStack, **wanted: Any) -> dict[str, Any]:
    response = requests.post(
        f"{keyed.url}/keys", json=wanted, headers=bearer(keyed.keys["admin"]), timeout=10
    )
    assert response.status_code == 201, response.text
    assert response.headers["Cache-Control"] == "no-store"
    shown: dict[str, Any] = response.json()
    return shown


def revoked(keyed: KeyedStack, key_id: str, by: str = "admin") -> requests.Response:
    return requests.delete(
        f"{keyed.url}/keys/{key_id}", headers=bearer(keyed.keys.get(by, by)), timeout=10
    )


@pytest.mark.parametrize("path", WATCHED)
def test_watching_takes_a_key_that_may_list(keyed: KeyedStack, path: str) -> None:
    def status(**headers: str) -> int:
        return requests.get(f"{keyed.url}{path}", headers=headers, timeout=10).status_code

    assert status() == 401
    assert status(**bearer("gl_0000000000000000_" + "a" * 43)) == 401
    assert status(**bearer(keyed.keys["host"])) == 403
    assert status(**bearer(keyed.keys["call"])) == 403
    assert status(**bearer(keyed.keys["admin"])) == 403


@pytest.mark.parametrize("method", ["GET", "POST"])
def test_keys_take_one_that_may_admin(keyed: KeyedStack, method: str) -> None:
    for name, status in ((None, 401), ("full", 403), ("host", 403)):
        headers = {} if name is None else bearer(keyed.keys[name])
        answer = requests.request(
            method, f"{keyed.url}/keys", json={"may": ["list"]}, headers=headers, timeout=10
        )
        assert answer.status_code == status
    assert revoked(keyed, "0" * 16, by="full").status_code == 403


def test_a_key_is_made_used_and_revoked(keyed: KeyedStack, one: Host) -> None:
    fresh = made(keyed, may=["list", "call"], comment="The dashboard")
    key, key_id = fresh["key"], fresh["id"]

    assert fresh["name"] == "The-dashboard"
    assert fresh["last_used"] is None
    assert key not in json.dumps(get(keyed.url, "/keys", keyed.keys["admin"]))
    assert one.id in get(keyed.url, "/lambda", key)
    assert get(keyed.url, "/keys/self", key)["may"] == ["call", "list"]
    (used,) = (
        shown["last_used"]
        for shown in get(keyed.url, "/keys", keyed.keys["admin"])["keys"]
        if shown["id"] == key_id
    )  # to the minute
    assert datetime.now(UTC) - datetime.fromisoformat(used) < timedelta(minutes=2)

    assert revoked(keyed, key_id).status_code == 204
    assert requests.get(f"{keyed.url}/lambda", headers=bearer(key), timeout=10).status_code == 401
    assert revoked(keyed, key_id).status_code == 404
    left = get(keyed.url, "/keys", keyed.keys["admin"])["keys"]
    assert key_id not in {shown["id"] for shown in left}


def test_the_last_key_that_may_admin_does_not_lock_itself_out(keyed: KeyedStack) -> None:
    mine = get(keyed.url, "/keys/self", keyed.keys["admin"])["id"]

    refused = revoked(keyed, mine)
    other = made(keyed, may=["admin"], name="second")

    assert refused.status_code == 409
    assert "last" in refused.json()["error"]
    assert requests.get(
        f"{keyed.url}/keys", headers=bearer(keyed.keys["admin"]), timeout=10
    ).ok  # it is still there
    assert revoked(keyed, other["id"], by=other["key"]).status_code == 204


@pytest.mark.parametrize(
    "body",
    [
        *(b"", b"[]", b"{}", b"\xff", b"[" * 10_000, b'{"may":["all"]}', b'{"may":["list"],"x":1}'),
        *(b'{"may":["list"],"name":"a b"}', b'{"may":["list"],"comment":"a\\nb"}'),
        b'{"may":["list"],"lambdas_of":["nobody"]}',
        b'{"may":["list"],"comment":"%b"}' % (b"x" * 201),
        *(b'{"may":["list"],"rate":0}', b'{"may":["list"],"rate":"1"}'),
        *(b'{"may":["list"],"expires":"soon"}', b'{"may":["list"],"expires":"2020-01-01"}'),
    ],
)
def test_a_key_that_makes_no_sense_is_not_made(keyed: KeyedStack, body: bytes) -> None:
    before = get(keyed.url, "/keys", keyed.keys["admin"])["keys"]

    refused = requests.post(
        f"{keyed.url}/keys", data=body, headers=bearer(keyed.keys["admin"]), timeout=10
    )

    assert (refused.status_code, refused.json()["code"]) == (400, "bad_request")
    assert len(get(keyed.url, "/keys", keyed.keys["admin"])["keys"]) == len(before)


def test_a_key_may_expire_and_make_so_many_calls_only(keyed: KeyedStack, one: Host) -> None:
    key = made(keyed, may=["call"], expires="1d", rate=5)
    hour = timedelta(hours=1)
    in_s = datetime.fromisoformat(key["expires"]) - datetime.now(UTC)
    assert 23 * hour < in_s < 25 * hour
    assert key["rate"] == 5

    answers = [call(keyed.url, one.id, headers=bearer(key["key"])) for _ in range(60)]

    refused = [answer for answer in answers if answer.status_code != 200]
    assert len(answers) - len(refused) >= 20
    assert refused
    for answer in refused:
        assert (answer.status_code, answer.json()["code"]) == (429, "rate_limited")
        after = int(answer.headers["Retry-After"])
        assert 1 <= after <= 5
        assert answer.headers["RateLimit-Policy"] == '"calls";q=20;w=4'
        assert answer.headers["RateLimit"] == f'"calls";r=0;t={after}'
    assert call(keyed.url, one.id, headers=bearer(keyed.keys["full"])).status_code == 200


def test_no_two_keys_have_one_name(keyed: KeyedStack) -> None:
    refused = requests.post(
        f"{keyed.url}/keys",
        json={"may": ["list"], "name": "full"},
        headers=bearer(keyed.keys["admin"]),
        timeout=10,
    )

    assert refused.status_code == 409


def test_a_key_sees_the_lambdas_that_it_is_for_and_no_others(keyed: KeyedStack, one: Host) -> None:
    mine = get(keyed.url, "/keys/self", keyed.keys["full"])["id"]
    narrow = made(keyed, may=["list"], name="narrow", lambdas_of=["host"])
    wide = made(keyed, may=["list", "call"], name="wide", lambdas_of=["full"])
    with (
        Watcher(keyed.url, **bearer(narrow["key"])) as blind,
        Watcher(keyed.url, **bearer(wide["key"])) as seeing,
    ):
        called = call(keyed.url, one.id, "seen", headers=bearer(wide["key"]))
        (begun,) = seeing.wait_for(one.id, "call")
        ended_calls(keyed.url, one.id, 1, wide["key"])

    assert called.status_code == 200
    assert begun["key"] == wide["id"]
    assert mine != begun["key"]
    assert blind.events == []
    hidden = get(keyed.url, "/calls", narrow["key"])["calls"]
    assert one.id not in {shown["lambda"] for shown in hidden}
    for path in (f"/lambda/{one.id}", f"/calls?lambda={one.id}", f"/events?lambda={one.id}"):
        refused = requests.get(f"{keyed.url}{path}", headers=bearer(narrow["key"]), timeout=10)
        assert refused.status_code == 404
    for key in (narrow, wide):
        revoked(keyed, key["id"])


def test_a_key_that_is_revoked_sees_nothing_more(keyed: KeyedStack, one: Host) -> None:
    gone = made(keyed, may=["list"], name="gone")
    full = bearer(keyed.keys["full"])
    with Watcher(keyed.url, **bearer(gone["key"])) as blind, Watcher(keyed.url, **full) as seeing:
        call(keyed.url, one.id)
        blind.wait_for(one.id, "ended")
        revoked(keyed, gone["id"])
        call(keyed.url, one.id)
        seeing.wait_for(one.id, "ended", 2)

        assert len(blind.of(one.id, "ended")) == 1


def test_metrics_are_read_with_a_key(keyed: KeyedStack, one: Host) -> None:
    assert metrics(keyed.url, **bearer(keyed.keys["full"]))["grip_lambda_open"]["websocket",] >= 1


def test_no_bodies_are_kept_where_there_are_keys(keyed: KeyedStack, one: Host) -> None:
    call(keyed.url, one.id)
    (shown,) = ended_calls(keyed.url, one.id, 1, keyed.keys["full"])

    told = get(keyed.url, "/calls", keyed.keys["full"])
    refused = requests.get(
        f"{keyed.url}/calls/{shown['call']}/bodies", headers=bearer(keyed.keys["full"]), timeout=10
    )

    assert not told["inspect"]
    assert not shown["inspect"]
    assert refused.status_code == 404
    assert "GRIP_LAMBDA_INSPECT" in refused.json()["error"]


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Chrome]:
    with chromium(tmp_path_factory.mktemp("profile")) as one:
        yield one


def test_an_event_source_reads_events_with_a_ticket(
    keyed: KeyedStack, one: Host, browser: Chrome
) -> None:
    asked = requests.post(f"{keyed.url}/tickets", headers=bearer(keyed.keys["full"]), timeout=10)
    ticket = asked.json()["ticket"]
    browser.get(f"{keyed.url}/healthz")

    ended = run(
        browser, READ, f"/events?lambda={one.id}&ticket={ticket}", f"/lambda/{one.id}/browser"
    )

    assert (ended["lambda"], ended["method"], ended["status"]) == (one.id, "browser", 200)
