"""API keys on a real stack: opening, calling, listing, tickets, revoking."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import urljoin

import pytest
import requests
from websockets.exceptions import InvalidStatus

from grip_lambda.client import Client, Forbidden, Host, NotFound, Unauthorized
from grip_lambda.hub.access import Access
from tests.support.clients import Socket, call, calling
from tests.support.stack import Stack, free_port, wait_until

ORIGIN = "https://app.example"


def grip_lambda(*arguments: str, **environ: str) -> subprocess.CompletedProcess[str]:
    inherited = {k: v for k, v in os.environ.items() if not k.startswith("GRIP_")}
    return subprocess.run(
        [sys.executable, "-m", "grip_lambda", *arguments],
        env={**inherited, **environ},
        capture_output=True,
        text=True,
        timeout=20,
        check=False,
    )


class Keyed:
    """A stack with API keys, and the keys of its file by name."""

    def __init__(self, folder: Path) -> None:
        self._environ = {
            "GRIP_LAMBDA_API_KEYS": str(folder / "keys.json"),
            "GRIP_LAMBDA_DATA": str(folder / "data"),
        }
        self.keys: dict[str, str] = {}
        for name, *options in [
            ("full",),
            ("host", "--may", "host"),
            ("call", "--may", "call"),
            ("list", "--may", "list"),
            ("of-host", "--may", "call,list", "--lambdas-of", "host"),
            ("own", "--own-lambdas"),
        ]:
            self.add(name, *options)
        self.stack = Stack(
            folder, **self._environ, GRIP_LAMBDA_PING="1", GRIP_LAMBDA_ORIGINS=ORIGIN
        )
        self.url = self.stack.url

    def command(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        return grip_lambda("keys", *arguments, **self._environ)

    def add(self, name: str, *options: str) -> str:
        done = self.command("add", name, *options)
        assert done.returncode == 0, done.stderr
        self.keys[name] = done.stdout.strip()
        return self.keys[name]

    def revoke(self, name: str) -> None:
        assert self.command("revoke", name).returncode == 0

    def settle(self) -> None:
        """Wait until every process has seen the file as it is: they look at it each second."""
        path = self.stack.folder / "keys.json"
        wait_until(lambda: time.time() - path.stat().st_mtime > 1.1)

    def headers(self, name: str | None) -> dict[str, str]:
        return {} if name is None else {"Authorization": f"Bearer {self.keys[name]}"}

    def ticket(self, name: str) -> str:
        response = requests.post(f"{self.url}/tickets", headers=self.headers(name), timeout=5)
        assert response.status_code == 200
        assert response.headers["Cache-Control"] == "no-store"
        assert set(response.json()) == {"ticket", "expires_in"}
        return str(response.json()["ticket"])

    def get(self, path: str, name: str | None, **options: Any) -> requests.Response:
        return requests.get(self.url + path, headers=self.headers(name), timeout=5, **options)

    def answers(self, path: str, name: str | None, status: int) -> bool:
        """Tell whether a path is answered with a status to a key."""
        return self.get(path, name).status_code == status

    def connect(self, path: str, name: str | None = None, **headers: str) -> Socket:
        sent = self.headers(name) | headers
        return Socket(self.stack.ws_url, path, additional_headers=sent)

    def refused(self, path: str, name: str | None = None, **headers: str) -> tuple[int, str]:
        """Connect, and be refused before the upgrade; return the status and the code."""
        with pytest.raises(InvalidStatus) as refused:
            self.connect(path, name, **headers)
        response = refused.value.response
        if response.status_code == 401:
            assert response.headers["WWW-Authenticate"].startswith("Bearer")
        return response.status_code, json.loads(response.body or b"")["code"]


@pytest.fixture(scope="module")
def keyed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Keyed]:
    one = Keyed(tmp_path_factory.mktemp("keyed"))
    yield one
    one.stack.stop()


Opened = Callable[..., Socket]


@pytest.fixture
def opened(keyed: Keyed) -> Iterator[Opened]:
    """Open lambdas with a key, by its name; they are listed when this returns."""
    sockets: list[Socket] = []

    def connect(name: str | None, path: str = "/lambda/new", answer: object = "ok") -> Socket:
        one = keyed.connect(path, name)
        sockets.append(one)
        one.open(answer)
        wait_until(lambda: keyed.get(f"/lambda/{one.id}", "full").status_code == 200)
        return one

    yield connect
    for one in sockets:
        one.close()


def check_refused(response: requests.Response, status: int) -> None:
    assert (response.status_code, response.json()["code"]) == (
        status,
        {401: "unauthorized", 403: "forbidden", 404: "not_found"}[status],
    )
    assert ("WWW-Authenticate" in response.headers) == (status == 401)


def answered(keyed: Keyed, host: Socket, name: str | None = None, **options: Any) -> Any:
    """Call a lambda; return the result that its host gives, which is the body."""
    headers = keyed.headers(name) | options.pop("headers", {})
    waiting = calling(keyed.url, host.id, body='"hello"', headers=headers, **options)
    message = host.receive()
    host.answer(message, result=message["params"][0])
    response = waiting.result(10)
    assert response.status_code == 200
    return response.json()


def test_health_and_the_page_stay_open(keyed: Keyed) -> None:
    pages = ("/", "/console", "/static/console/main.js")
    for path in (*pages, "/grip-lambda.js", "/healthz", "/readyz"):
        assert keyed.get(path, None).status_code == 200
    preflight = requests.options(f"{keyed.url}/lambda", headers={"Origin": ORIGIN}, timeout=5)
    assert preflight.status_code == 200
    assert "Authorization" in preflight.headers["Access-Control-Allow-Headers"]


def test_opening_takes_a_key_that_may_host(keyed: Keyed, opened: Opened) -> None:
    assert keyed.refused("/lambda/new") == (401, "unauthorized")
    assert keyed.refused("/lambda/new/" + "A" * 16) == (401, "unauthorized")
    assert keyed.refused("/lambda/new?token=x") == (401, "unauthorized")
    assert keyed.refused("/lambda/new", "call") == (403, "forbidden")
    assert keyed.refused("/lambda/new?ticket=x") == (401, "unauthorized")
    for wrong in ("", "x", "gl_" + "0" * 16 + "_" + "a" * 43, "x" * 4000, "schl\u00fcssel"):
        assert keyed.refused("/lambda/new", **{"X-Api-Key": wrong}) == (401, "unauthorized")
        bearer = {"Authorization": f"Bearer {wrong}"}
        assert keyed.refused("/lambda/new", **bearer) == (401, "unauthorized")
    two = {"X-Api-Key": keyed.keys["full"]}
    assert keyed.refused("/lambda/new", "host", **two) == (401, "unauthorized")
    assert keyed.get("/lambda", "full").json() == {}

    assert opened("host").id
    one = keyed.connect("/lambda/new", **{"X-Api-Key": keyed.keys["host"]})
    assert one.open()[0]
    one.close()


def test_a_ticket_stands_for_a_key(keyed: Keyed, opened: Opened) -> None:
    one = opened(None, f"/lambda/new?private&ticket={keyed.ticket('host')}")

    check_refused(call(keyed.url, one.id), 401)
    path = f"{keyed.url}/lambda/{one.id}/greet?a=1&ticket="
    check_refused(requests.get(path + keyed.ticket("host"), timeout=5), 403)
    with ThreadPoolExecutor() as pool:
        waiting = pool.submit(requests.get, path + keyed.ticket("call"), timeout=10)
        message = one.receive()
        assert message["params"] == [{"a": "1"}]  # tickets are not for hosts
        one.answer(message, result="hello")
        assert waiting.result(10).json() == "hello"
    check_refused(requests.post(f"{keyed.url}/tickets", timeout=5), 401)
    ticket = keyed.ticket("full")
    check_refused(requests.post(f"{keyed.url}/tickets?ticket={ticket}", timeout=5), 401)
    assert requests.get(f"{keyed.url}/lambda?ticket={ticket}", timeout=5).status_code == 200
    signature = ticket.rpartition(".")[2]
    forged = ticket.replace(signature, signature[::-1])
    check_refused(requests.get(f"{keyed.url}/lambda?ticket={forged}", timeout=5), 401)


def old(keyed: Keyed, ticket: str) -> str:
    """Return the ticket that the server would have made an hour earlier."""
    signer = Access(None, (keyed.stack.data / "secret").read_bytes())._signer
    earlier = signer.get_timestamp() - 3600
    signer.get_timestamp = lambda: earlier  # type: ignore[method-assign]
    return signer.sign(ticket.split(".", maxsplit=1)[0]).decode()


def test_a_stream_goes_on_with_the_ticket_that_it_began_with(keyed: Keyed, opened: Opened) -> None:
    """An EventSource connects again at the address that it has, with the id of the last event."""
    one = opened("host", "/lambda/new?private")
    ticket = keyed.ticket("call")
    headers = {"Accept": "text/event-stream"}
    url = f"{keyed.url}/lambda/{one.id}/greet?ticket="
    with ThreadPoolExecutor() as pool:
        waiting = pool.submit(requests.get, url + ticket, headers=headers, timeout=10)
        message = one.receive()
        progress = {"method": "progress", "params": [message["id"], 1], "id": None}
        one.send(progress)
        one.answer(message, result=2)
        events = waiting.result(10).text
    first = re.search(r"^id: ?(\S+)$", events, re.MULTILINE)
    assert first

    expired = old(keyed, ticket)
    check_refused(requests.get(url + expired, headers=headers, timeout=5), 401)
    headers["Last-Event-ID"] = first[1]
    again = requests.get(url + expired, headers=headers, timeout=5)
    assert again.status_code == 200
    assert again.text in events
    check_refused(requests.get(url + expired + "x", headers=headers, timeout=5), 401)
    check_refused(requests.get(url + keyed.ticket("full"), headers=headers, timeout=5), 404)
    of_another = old(keyed, keyed.ticket("full"))
    check_refused(requests.get(url + of_another, headers=headers, timeout=5), 401)
    assert ticket not in keyed.stack.log.read_text()


def test_hosts_without_websocket_show_keys_and_tickets(keyed: Keyed) -> None:
    ticket = keyed.ticket("host")
    expired = old(keyed, ticket)
    url = f"{keyed.url}/lambda/new"
    for accept in ("text/event-stream", "application/json"):
        headers = {"Accept": accept}
        check_refused(requests.get(url, headers=headers, timeout=5), 401)
        check_refused(requests.get(f"{url}?ticket={expired}", headers=headers, timeout=5), 401)
        other = headers | keyed.headers("call")
        check_refused(requests.get(url, headers=other, timeout=5), 403)
    stream = partial(requests.get, headers={"Accept": "text/event-stream"}, stream=True, timeout=5)
    with stream(f"{url}?ticket={ticket}&private") as first:
        assert first.status_code == 200
        lines = first.iter_lines(decode_unicode=True)
        event = dict(line.split(": ", 1) for line in iter(lines.__next__, "") if ": " in line)
        lambda_id, details = json.loads(event["data"])["params"]
        answers = f"{url}/{lambda_id}?token={details['token']}"
        assert requests.post(answers, data='{"id":0,"result":"ok"}', timeout=5).status_code == 204
        wait_until(partial(keyed.answers, f"/lambda/{lambda_id}", "full", 200))
        check_refused(call(keyed.url, lambda_id), 401)
    headers = {"Accept": "text/event-stream", "Last-Event-ID": event["id"]}
    with stream(f"{url}?ticket={expired}&private", headers=headers) as again:
        assert again.status_code == 200
    # That of another key, which could host as well, is over; so is its own at another address.
    for name, path in (("full", ""), ("own", ""), ("full", f"/{lambda_id}"), ("host", "x" * 16)):
        for accept in ("text/event-stream", "application/json"):
            other = headers | {"Accept": accept}
            late = old(keyed, keyed.ticket(name))
            address = f"{url}{path if path.startswith('/') or not path else f'/{path}'}"
            refusal = requests.get(f"{address}?ticket={late}", headers=other, timeout=5)
            check_refused(refusal, 403 if name == "host" else 401)
    headers["Last-Event-ID"] = event["id"][::-1]
    check_refused(stream(f"{url}?ticket={expired}", headers=headers), 403)
    gone = requests.delete(f"{keyed.url}/lambda/{lambda_id}?token={details['token']}", timeout=5)
    assert gone.status_code == 204


def test_a_poll_of_a_revoked_key_is_refused(keyed: Keyed) -> None:
    keyed.add("polling")
    keyed.settle()
    url = f"{keyed.url}/lambda/new"
    headers = {"Accept": "application/json"}
    opening = requests.get(url, headers=headers | keyed.headers("polling"), timeout=5)
    lambda_id, details = opening.json()[0]["params"]
    url += f"/{lambda_id}?token={details['token']}"
    assert requests.post(url, data='{"id":0,"result":"ok"}', timeout=5).status_code == 204
    headers["Last-Event-ID"] = opening.headers["Last-Event-ID"]
    headers["Prefer"] = "wait=0.1"
    assert requests.get(url, headers=headers, timeout=5).json() == []

    keyed.revoke("polling")
    keyed.settle()

    check_refused(requests.get(url, headers=headers, timeout=5), 403)
    check_refused(requests.get(url, headers=headers | keyed.headers("polling"), timeout=5), 401)
    url = f"{keyed.url}/lambda/{lambda_id}"
    gone = requests.delete(url, headers=keyed.headers("full"), timeout=5)
    assert gone.status_code == 204


def test_who_knows_the_id_of_a_public_lambda_may_call_it(keyed: Keyed, opened: Opened) -> None:
    one = opened("host")

    for name in (None, "full", "call", "of-host"):
        assert answered(keyed, one, name) == "hello"
    # Who presents a key is held to what it may.
    for name in ("host", "list", "own"):
        check_refused(call(keyed.url, one.id, headers=keyed.headers(name)), 403)
    check_refused(call(keyed.url, one.id, headers={"X-Api-Key": "wrong"}), 401)
    check_refused(call(keyed.url, "A" * 16), 404)


def test_a_private_lambda_takes_a_key_that_may_call(keyed: Keyed, opened: Opened) -> None:
    one = opened("host", "/lambda/new?private", {"max_calls": 1})

    assert answered(keyed, one, "call") == "hello"
    held = calling(keyed.url, one.id, headers=keyed.headers("of-host"))
    message = one.receive()
    # Who may not is told so, not that the host is busy; and takes nobody's place.
    for _ in range(3):
        check_refused(call(keyed.url, one.id), 401)
        for name in ("host", "list", "own"):
            check_refused(call(keyed.url, one.id, headers=keyed.headers(name)), 403)
    assert call(keyed.url, one.id, headers=keyed.headers("full")).status_code == 429
    one.answer(message, result="held")
    assert held.result(10).json() == "held"
    assert answered(keyed, one, "full") == "hello"

    again = opened(None, f"/lambda/new/{one.id}?token={one.token}")  # which does not ask for it
    assert one.closed()[0] == 4409
    assert answered(keyed, again) == "hello"


def check_forged(keyed: Keyed, lambda_id: str, path: str, headers: dict[str, str]) -> None:
    """Check that a request that looks like one of Pushpin's shows nothing of another's call."""
    token = path.rpartition("/")[2]
    waits = headers | {"Grip_Last": f"wait-{lambda_id}-{token}-{'A' * 22}; last-id=0"}
    check_refused(requests.get(keyed.url + path, headers=waits, timeout=5), 404)
    calls = headers | {"Grip_Last": f"call-{lambda_id}-{token}; last-id=0"}
    # To the front it is a call like any other.
    assert call(keyed.url, lambda_id, headers=calls, wait=0.1).status_code == 504


def test_a_call_belongs_to_the_key_that_made_it(keyed: Keyed, opened: Opened) -> None:
    one = opened("host")
    made: dict[str | None, str] = {}
    for name in ("full", "call", None):
        headers = keyed.headers(name) | {"Prefer": "respond-async", "Idempotency-Key": "same"}
        accepted = call(keyed.url, one.id, headers=headers)
        made[name] = urljoin(accepted.url, accepted.headers["Location"]).removeprefix(keyed.url)
        one.answer(one.receive(), result=name)

    assert len(set(made.values())) == 3
    for name, path in made.items():
        wait_until(partial(keyed.answers, path, name, 200))
        for other in made:
            response = keyed.get(path, other)
            if other == name:
                assert response.json() == name
            else:
                check_refused(response, 404)
                headers = keyed.headers(other)
                if name is not None:  # what Pushpin would say; WSGI does not tell _ from -
                    check_forged(keyed, one.id, path, headers)
                check_refused(requests.delete(keyed.url + path, headers=headers, timeout=5), 404)
        assert keyed.get(path, name).status_code == 200


def test_listing_shows_a_key_what_it_is_for(keyed: Keyed, opened: Opened) -> None:
    of_host, of_full, of_own = opened("host"), opened("full"), opened("own")
    seen = {
        "list": {of_host.id, of_full.id, of_own.id},
        "full": {of_host.id, of_full.id, of_own.id},
        "of-host": {of_host.id},
        "own": {of_own.id},
    }

    for name, ids in seen.items():
        listing = keyed.get("/lambda", name)
        assert set(listing.json()) & seen["full"] == ids
        for one in (of_host, of_full, of_own):
            response = keyed.get(f"/lambda/{one.id}", name)
            assert response.status_code == (200 if one.id in ids else 404)
            for secret in keyed.keys.values():
                assert secret not in listing.text + response.text
    for path in ("/lambda", f"/lambda/{of_host.id}"):
        check_refused(keyed.get(path, None), 401)
        check_refused(keyed.get(path, "call"), 403)
        check_refused(keyed.get(path, "host"), 403)


def test_a_lambda_belongs_to_the_key_that_opened_it(keyed: Keyed, opened: Opened) -> None:
    first = opened("host")
    address = f"/lambda/new/{first.id}"

    for is_open in (True, False):
        assert keyed.refused(address, "full") == (403, "forbidden")
        assert keyed.refused(f"{address}?token=wrong", "full") == (403, "forbidden")
        assert keyed.refused(f"{address}?token=wrong") == (403, "forbidden")
        assert keyed.refused(address) == (401, "unauthorized")
        if is_open:
            first.close()
            wait_until(lambda: keyed.get(f"/lambda/{first.id}", "full").status_code == 404)

    second = opened("host", address)
    third = opened("host", address)  # the key alone takes over what is open
    assert second.closed()[0] == 4409
    fourth = opened(None, f"{address}?token={first.token}")  # so does the token alone
    assert third.closed()[0] == 4409
    assert fourth.id == first.id
    fifth = opened("full", f"{address}?token={first.token}")
    assert fourth.closed()[0] == 4409
    assert keyed.refused(address, "host") == (403, "forbidden")  # it has another owner now
    assert answered(keyed, fifth, "full") == "hello"
    # Whoever had the token of the earlier owner has none any more.
    assert fifth.token != first.token
    for name in (None, "host"):
        assert keyed.refused(f"{address}?token={first.token}", name) == (403, "forbidden")
    assert opened(None, f"{address}?token={fifth.token}").token == fifth.token


def test_deleting_takes_the_token_or_a_key_that_may_host(keyed: Keyed, opened: Opened) -> None:
    def delete(one: Socket, name: str | None, query: str = "") -> requests.Response:
        headers = keyed.headers(name)
        return requests.delete(f"{keyed.url}/lambda/{one.id}{query}", headers=headers, timeout=5)

    one = opened("host")
    check_refused(delete(one, None), 401)
    check_refused(delete(one, None, "?token=wrong"), 403)
    for name in ("call", "list", "own"):
        check_refused(delete(one, name), 403)
    assert keyed.get(f"/lambda/{one.id}", "full").status_code == 200

    assert delete(one, None, f"?token={one.token}").status_code == 204
    assert one.closed()[0] == 4410
    for owner, name in (("host", "host"), ("host", "full"), ("own", "own")):
        one = opened(owner)
        assert delete(one, name).status_code == 204
        assert one.closed()[0] == 4410


def test_a_revoked_key_ends_with_its_hosts_tokens_and_tickets(keyed: Keyed, opened: Opened) -> None:
    key = keyed.add("short")
    keyed.settle()
    one = opened("short")
    ticket = keyed.ticket("short")

    keyed.revoke("short")

    assert one.closed()[0] == 4403
    keyed.settle()
    check_refused(keyed.get("/lambda", None, params={"ticket": ticket}), 401)
    check_refused(keyed.get("/lambda", "short"), 401)
    address = f"/lambda/new/{one.id}"
    assert keyed.refused(f"{address}?token={one.token}") == (401, "unauthorized")
    assert keyed.refused(f"{address}?token={one.token}", "short") == (401, "unauthorized")
    assert opened("full", f"{address}?token={one.token}").id == one.id
    assert key not in keyed.stack.log.read_text()


def test_pages_of_other_origins_may_not_connect(keyed: Keyed, opened: Opened) -> None:
    for origin in ("https://evil.example", "null", f"{ORIGIN}.evil.example", "http://["):
        assert keyed.refused("/lambda/new", "host", Origin=origin) == (403, "forbidden")
    for origin in (ORIGIN, keyed.url):
        one = keyed.connect("/lambda/new", "host", Origin=origin)
        assert one.open()[0]
        one.close()


def test_keys_may_change_under_load(keyed: Keyed, opened: Opened) -> None:
    with Host(keyed.url, {"echo": lambda body: body}, key=keyed.keys["full"], private=True) as one:
        statuses: list[int] = []
        stop = threading.Event()

        def ask() -> None:
            with requests.Session() as session:
                session.headers.update(keyed.headers("call"))
                while not stop.is_set():
                    url = f"{keyed.url}/lambda/{one.id}/echo"
                    statuses.append(session.post(url, data="1", timeout=10).status_code)

        threads = [threading.Thread(target=ask) for _ in range(4)]
        for thread in threads:
            thread.start()
        for n in range(3):
            keyed.add(f"load-{n}", "--may", "list")
            wait_until(partial(keyed.answers, "/lambda", f"load-{n}", 200))
            keyed.revoke(f"load-{n}")
            wait_until(partial(keyed.answers, "/lambda", f"load-{n}", 401))
        stop.set()
        for thread in threads:
            thread.join()

    assert len(statuses) > 20
    assert set(statuses) == {200}


def test_a_broken_file_leaves_the_last_keys(keyed: Keyed) -> None:
    path = keyed.stack.folder / "keys.json"
    sound = path.read_bytes()
    path.write_text("{")
    try:

        def told() -> bool:
            assert keyed.get("/lambda", "list").status_code == 200
            return "the earlier keys stay" in keyed.stack.log.read_text()

        wait_until(told)
        assert keyed.command("list").returncode == 2
    finally:
        path.write_bytes(sound)


def test_the_python_client_shows_its_key(keyed: Keyed) -> None:
    full, listing = keyed.keys["full"], keyed.keys["list"]
    with Host(keyed.url, {"echo": lambda body: body}, key=full, private=True) as one:
        with Client(keyed.url, key=full) as client:
            assert client.call(one.id, "echo", 1) == 1
            assert one.id in {known.id for known in client.list()}
        with Client(keyed.url, key="") as client:
            for ask in (lambda: client.call(one.id, "echo"), client.list):
                with pytest.raises(Unauthorized):
                    ask()
        with Client(keyed.url, key=listing) as client, pytest.raises(Forbidden):
            client.call(one.id, "echo")
        with Client(keyed.url, key=full) as client:
            client.delete(one.id)
            with pytest.raises(NotFound):
                client.get(one.id)
    for key, error in (("", Unauthorized), ("gl_wrong", Unauthorized), (listing, Forbidden)):
        host = Host(keyed.url, {"echo": lambda body: body}, key=key)
        with pytest.raises(error):
            host.start()  # which tries no second time


def test_the_command_line_shows_its_key(keyed: Keyed) -> None:
    environ = {"GRIP_LAMBDA_URL": keyed.url}

    assert grip_lambda("list", **environ).returncode == 7
    shown = grip_lambda("list", **environ, GRIP_LAMBDA_KEY=keyed.keys["list"])
    assert shown.returncode == 0
    assert "no lambda is open" in shown.stderr
    assert grip_lambda("list", "--key", keyed.keys["call"], **environ).returncode == 7
    for key in ("a b", "schlüssel", "a\nb"):
        refused = grip_lambda("list", **environ, GRIP_LAMBDA_KEY=key)
        assert refused.returncode == 2
        assert key not in refused.stderr


def test_the_example_of_a_ticket(keyed: Keyed, tmp_path: Path) -> None:
    root = Path(__file__).parents[2]
    text = (root / "examples" / "ticket.mjs").read_text()
    (tmp_path / "ticket.mjs").write_text(text.replace("http://localhost:7999", keyed.url))
    (tmp_path / "node_modules").symlink_to(root / "tests" / "node" / "node_modules")
    environ = os.environ | {"GRIP_LAMBDA_KEY": keyed.keys["host"]}
    with subprocess.Popen(
        ["node", "ticket.mjs"], cwd=tmp_path, env=environ, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        found = re.fullmatch(
            rf"call me at {keyed.url}/lambda/([\w-]{{16}})/greet\n", process.stdout.readline()
        )
        assert found
        wait_until(partial(keyed.answers, f"/lambda/{found[1]}", "full", 200))
        check_refused(call(keyed.url, found[1], "greet"), 401)
        answer = call(keyed.url, found[1], "greet", '"w"', headers=keyed.headers("call"))
        assert answer.json() == {"hello": "w"}
        process.kill()


def test_keys_are_listed_without_their_secrets(keyed: Keyed) -> None:
    table, listed = keyed.command("list"), keyed.command("list", "--json")

    for name, key in keyed.keys.items():
        secret = key[20:]
        assert secret not in table.stdout + listed.stdout
        assert secret not in keyed.stack.log.read_text(), name
        assert secret not in (keyed.stack.folder / "keys.json").read_text()
    by_name = {one["name"]: one for one in json.loads(listed.stdout)}
    assert by_name["full"]["may"] == ["host", "call", "list"]
    assert by_name["of-host"]["lambdas_of"] == [by_name["host"]["id"]]
    assert "of-host" in table.stdout
    assert set(by_name["full"]) == {"id", "name", "may", "lambdas_of", "created", "comment"}


def test_the_start_tells_of_the_keys(keyed: Keyed, stack: Stack) -> None:
    wait_until(lambda: "API keys: 6, in" in keyed.stack.log.read_text())
    assert "/console and sign in with an API key" in keyed.stack.log.read_text()
    wait_until(lambda: "No API keys are configured" in stack.log.read_text())
    assert stack.log.read_text().count("No API keys are configured") == 1


def test_a_server_does_not_start_without_the_keys_it_should_have(tmp_path: Path) -> None:
    environ = {"GRIP_LAMBDA_DATA": str(tmp_path), "GRIP_LAMBDA_API_KEYS": str(tmp_path / "none")}

    refused = grip_lambda("serve", PORT=str(free_port()), **environ)

    assert refused.returncode == 2
    assert "GRIP_LAMBDA_API_KEYS" in refused.stderr
    assert refused.stderr.count("\n") == 1


def test_without_keys_configured_any_key_will_do_but_nothing_is_private(stack: Stack) -> None:
    headers = {"X-Api-Key": "any"}
    with Host(stack.url, {"echo": lambda body: body}, key="any") as one:
        assert call(stack.url, one.id, "echo", "1", headers=headers).json() == 1
        assert requests.get(f"{stack.url}/lambda", headers=headers, timeout=5).status_code == 200
        url = f"{stack.url}/lambda/{one.id}/echo?ticket=mine"
        assert requests.get(url, timeout=5).json() == {"ticket": "mine"}
    assert requests.post(f"{stack.url}/tickets", timeout=5).json()["expires_in"] == 60

    with pytest.raises(InvalidStatus) as refused:
        Socket(stack.ws_url, "/lambda/new?private")
    assert refused.value.response.status_code == 400
    assert b"no API keys are configured" in (refused.value.response.body or b"")


@pytest.mark.parametrize(
    ("option", "value"),
    [
        *(("--rate", "nan"), ("--rate", "inf"), ("--rate", "0"), ("--rate", "many")),
        *(("--expires", "soon"), ("--expires", "2020-01-01"), ("--comment", "a\tb")),
    ],
)
def test_a_limit_that_makes_no_sense_makes_no_key(keyed: Keyed, option: str, value: str) -> None:
    before = keyed.command("list", "--json").stdout

    refused = keyed.command("add", "partner", option, value)

    assert refused.returncode == 2
    (line,) = refused.stderr.splitlines()
    assert option in line
    assert keyed.command("list", "--json").stdout == before
