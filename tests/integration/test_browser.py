"""The JavaScript library and the examples in a real browser."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import threading
from collections.abc import Generator, Iterator
from pathlib import Path

import pytest
import requests
from selenium.webdriver import Chrome
from selenium.webdriver.common.by import By

from grip_lambda.client import Client, Host, RemoteError
from tests.support.browser import chromium, pages, run
from tests.support.clients import call, calling
from tests.support.keys import KeyedStack
from tests.support.proxy import Network
from tests.support.stack import Stack, wait_until

ROOT = Path(__file__).parents[2]
PAGE = """<!doctype html><title>elsewhere</title><link rel="icon" href="data:,">
<script type="module">
import * as library from "{url}/grip-lambda.bundle.js";
Object.assign(window, library);
</script>"""
OPEN = """
    window.ups = []; window.downs = []; window.seen = [];
    window.signals = [];
    window.host = new Host(given[0], {
        greet: (body) => ({ hello: body }),
        async *count(to) {
            for (let number = 0; number < to; number++) yield number;
            return "counted";
        },
        watch: (body, { signal }) => new Promise(() => { signals.push(signal); }),
        ofSize: (size) => "x".repeat(size),
        note: (body) => { seen.push(body); },
        fail: (body) => { throw new RangeError(body); },
        hold: () => new Promise(() => { window.held = true; }),
    }, given[1]);
    host.onUp((id) => ups.push(id));
    host.onDown((reason) => downs.push(reason));
    await host.start();
    return host.id;
"""


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Chrome]:
    with chromium(tmp_path_factory.mktemp("profile")) as one:
        yield one


@pytest.fixture(scope="module")
def elsewhere(stack: Stack, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A page of another origin, which imports the library from the server."""
    folder = tmp_path_factory.mktemp("elsewhere")
    (folder / "index.html").write_text(PAGE.format(url=stack.url))
    with pages(folder) as url:
        yield url


@pytest.fixture
def tab(browser: Chrome, elsewhere: str) -> Iterator[Chrome]:
    """A new tab with that page."""
    yield from _new_tab(browser, elsewhere)


@pytest.fixture
def empty_tab(browser: Chrome) -> Iterator[Chrome]:
    yield from _new_tab(browser, None)


def _new_tab(browser: Chrome, url: str | None) -> Iterator[Chrome]:
    first = browser.current_window_handle
    browser.switch_to.new_window("tab")
    browser.get_log("browser")  # type: ignore[no-untyped-call]
    if url is not None:
        browser.get(url)
        wait_until(lambda: browser.execute_script("return !!window.Host"), what="the import")
    mine = browser.current_window_handle
    yield browser
    if mine in browser.window_handles:
        browser.close()
    browser.switch_to.window(first)


def complaints(browser: Chrome) -> list[str]:
    """Return what the browser has to complain about: policies, scripts, missing files."""
    log = browser.get_log("browser")  # type: ignore[no-untyped-call]
    return [entry["message"] for entry in log if entry["level"] == "SEVERE"]


def text(browser: Chrome, element: str) -> str:
    return browser.find_element(By.ID, element).text


def test_a_tab_is_called_with_plain_http(stack: Stack, tab: Chrome) -> None:
    lambda_id = run(tab, OPEN, stack.url)

    assert call(stack.url, lambda_id, "greet", '{"name": "wörld"}'.encode()).json() == {
        "hello": {"name": "wörld"}
    }
    answers = [calling(stack.url, lambda_id, "greet", str(n)) for n in range(10)]
    assert [one.result(20).json()["hello"] for one in answers] == list(range(10))
    assert len(call(stack.url, lambda_id, "ofSize", "1000000").json()) == 1_000_000
    failed = call(stack.url, lambda_id, "fail", '"no"')
    assert failed.status_code == 400
    assert failed.json() == {"error": {"errorType": "RangeError", "errorMessage": "no"}}
    assert "Mozilla" in str(stack.listing()[lambda_id]["headers"])
    assert complaints(tab) == []


def test_a_tab_that_is_closed_is_gone_at_once(stack: Stack, tab: Chrome) -> None:
    lambda_id = run(tab, OPEN, stack.url)
    held = calling(stack.url, lambda_id, "hold", wait=20)
    wait_until(lambda: tab.execute_script("return window.held"), what="the call")

    tab.close()

    assert held.result(5).json()["code"] == "disconnected"
    assert call(stack.url, lambda_id, "greet").status_code == 404


def test_a_tab_with_a_ticket_outlives_a_restart_of_the_backend(
    keyed: KeyedStack, tab: Chrome
) -> None:
    lambda_id = run(tab, OPEN, keyed.url, {"key": keyed.keys["host"]})
    before = set(keyed.workers())

    os.kill(keyed.pid, signal.SIGHUP)
    calls = 0
    while not before.isdisjoint(keyed.workers()):
        assert call(keyed.url, lambda_id, "note", str(calls), wait=10).status_code == 200
        calls += 1

    assert call(keyed.url, lambda_id, "greet", "1").json() == {"hello": 1}
    assert tab.execute_script("return [ups, downs, seen]") == [
        [lambda_id],
        [],
        list(range(calls)),
    ]


def test_a_tab_comes_back_when_the_network_was_cut(stack: Stack, tab: Chrome) -> None:
    with Network(stack.port) as network:
        lambda_id = run(tab, OPEN, f"http://127.0.0.1:{network.port}")
        token = tab.execute_script("return host.token")
        held = calling(stack.url, lambda_id, "hold", wait=20)
        wait_until(lambda: tab.execute_script("return window.held"), what="the call")

        network.cut()

        assert held.result(5).json()["code"] == "disconnected"
        wait_until(lambda: tab.execute_script("return downs.length") == 1, what="the news")
        assert call(stack.url, lambda_id, "greet", "1").status_code == 404
        network.mend()
        tab.execute_script("dispatchEvent(new Event('online'))")
        wait_until(lambda: tab.execute_script("return ups.length") == 2, what="the return")
        assert call(stack.url, lambda_id, "greet", "1").json() == {"hello": 1}
        assert tab.execute_script("return [host.id, host.token]") == [lambda_id, token]


def test_a_tab_is_told_why_it_was_refused(stack: Stack, tab: Chrome) -> None:
    with Host(stack.url) as host:
        told = run(
            tab, "await new Host(given[0], {}, { id: given[1] }).start()", stack.url, host.id
        )

    assert (told["error"], told["status"], told["code"]) == ("Forbidden", 403, "forbidden")
    assert "token" in told["message"]
    malformed = run(tab, "await new Host(given[0], {}, { id: 'short' }).start()", stack.url)
    assert malformed["error"] == "BadRequest"


def test_a_tab_calls(stack: Stack, tab: Chrome) -> None:
    def fail(error: object) -> None:
        raise RemoteError(error)

    script = "return await new Client(given[0]).call(...given.slice(1))"
    with Host(stack.url, {"greet": lambda body: {"hello": body}, "fail": fail}) as host:
        assert run(tab, script, stack.url, host.id, "greet", {"a": 1}) == {"hello": {"a": 1}}
        assert run(tab, "return await new Client().call(given[0], 'greet')", host.id) == {
            "hello": None
        }
        failed = run(tab, script, stack.url, host.id, "fail", [1])
        assert (failed["error"], failed["value"]) == ("RemoteError", [1])
        listed = run(tab, "return (await new Client(given[0]).list()).map(({id}) => id)", stack.url)
        assert host.id in listed
        told = run(
            tab, "await new Client(given[0]).delete(...given.slice(1))", stack.url, host.id, "x"
        )
        assert told["error"] == "Forbidden"
    missing = run(tab, script, stack.url, host.id, "greet")
    assert (missing["error"], missing["status"], missing["mayHaveRun"]) == ("NotFound", 404, False)


def test_a_tab_shows_api_keys(keyed: KeyedStack, tab: Chrome) -> None:
    lambda_id = run(tab, OPEN, keyed.url, {"key": keyed.keys["host"], "private": True})

    script = "return await new Client(given[0], { key: given[2] }).call(given[1], 'greet', 1)"
    assert run(tab, script, keyed.url, lambda_id, keyed.keys["call"]) == {"hello": 1}
    assert run(tab, script, keyed.url, lambda_id, None)["error"] == "Unauthorized"
    assert call(keyed.url, lambda_id, "greet").status_code == 401
    start = "await new Host(given[0], {}, { key: given[1], log: null }).start()"
    assert run(tab, start, keyed.url, keyed.keys["call"])["error"] == "Forbidden"
    assert run(tab, start, keyed.url, "gl_none")["error"] == "Unauthorized"
    assert run(tab, start, keyed.url, None)["error"] == "Unauthorized"


READ = """
    window.found = []; window.ended = null;
    window.stream = new Client(given[0]).stream(...given.slice(1));
    (async () => {
        for await (const value of stream) found.push(value);
        return await stream.result();
    })().then((result) => { ended = [result]; }, (error) => { ended = error.name; });
"""


def test_a_tab_reads_a_stream_over_a_lost_connection(stack: Stack, tab: Chrome) -> None:
    steps = threading.Semaphore(0)

    def count(to: int) -> Generator[int, None, str]:
        for number in range(to):
            assert steps.acquire(timeout=20)
            yield number
        return "counted"

    def found() -> object:
        return tab.execute_script("return window.found")

    with Host(stack.url, {"count": count}) as host, Network(stack.port) as network:
        run(tab, READ, f"http://127.0.0.1:{network.port}", host.id, "count", 4)
        steps.release()
        wait_until(lambda: found() == [0], what="the first value")
        network.cut()
        steps.release(2)
        network.mend()
        wait_until(lambda: found() == [0, 1, 2], what="the others")
        steps.release()
        wait_until(lambda: tab.execute_script("return window.ended") == ["counted"])
    assert found() == [0, 1, 2, 3]


def test_a_tab_reports_progress(stack: Stack, tab: Chrome) -> None:
    lambda_id = run(tab, OPEN, stack.url)

    with Client(stack.url) as client, client.stream(lambda_id, "count", 300) as stream:
        assert list(stream) == list(range(300))
        assert stream.result == "counted"
    run(tab, READ, stack.url, lambda_id, "count", 3)
    wait_until(lambda: tab.execute_script("return window.ended") == ["counted"])
    assert tab.execute_script("return found") == [0, 1, 2]


def test_a_tab_submits_a_call_and_is_told_of_its_cancellation(stack: Stack, tab: Chrome) -> None:
    lambda_id = run(tab, OPEN, stack.url)
    submit = "return (await new Client(given[0]).submit(...given.slice(1))).id"
    call_id = run(tab, submit, stack.url, lambda_id, "watch", 1)
    wait_until(lambda: tab.execute_script("return signals.length") == 1, what="the call")

    about = "return await new Client(given[0]).pending(given[1])"
    assert run(tab, f"{about}.done()", stack.url, call_id) is False
    assert run(tab, f"{about}.result(0.05)", stack.url, call_id)["error"] == "TimeoutError"
    run(tab, f"{about}.cancel()", stack.url, call_id)

    assert run(tab, f"{about}.result()", stack.url, call_id)["error"] == "Cancelled"
    wait_until(lambda: tab.execute_script("return signals[0].aborted"), what="the news")
    other = run(tab, submit, stack.url, lambda_id, "greet", 2)
    assert run(tab, f"{about}.result()", stack.url, other) == {"hello": 2}


def test_a_tab_that_closes_a_stream_has_its_call_cancelled(keyed: KeyedStack, tab: Chrome) -> None:
    lambda_id = run(tab, OPEN, keyed.url, {"key": keyed.keys["host"]})
    run(tab, READ, keyed.url, lambda_id, "watch")
    wait_until(lambda: tab.execute_script("return signals.length") == 1, what="the call")

    run(tab, "await window.stream.close()")

    wait_until(lambda: tab.execute_script("return signals[0].aborted"), what="the news")


def test_a_tab_calls_a_tab(stack: Stack, tab: Chrome) -> None:
    lambda_id = run(tab, OPEN, stack.url)

    script = "return await new Client(given[0]).call(given[1], 'greet', 'me', { wait: 5 })"

    assert run(tab, script, stack.url, lambda_id) == {"hello": "me"}


def test_a_server_that_goes_away_under_a_call(stack: Stack, tab: Chrome) -> None:
    script = """
        const error = await new Client(given[0]).call(given[1], "hold", null, { wait: 20 })
            .catch((error) => error);
        return [error.name, error.mayHaveRun];
    """
    lambda_id = run(tab, OPEN, stack.url)
    with Network(stack.port) as network:
        tab.execute_script(
            f"window.told = (async (...given) => {{ {script} }})(...arguments)",
            f"http://127.0.0.1:{network.port}",
            lambda_id,
        )
        wait_until(lambda: tab.execute_script("return window.held"), what="the call")

        network.cut()

        assert run(tab, "return await window.told") == ["Disconnected", True]


def test_a_push_to_a_tab(stack: Stack, empty_tab: Chrome, tmp_path: Path) -> None:
    page = empty_tab
    example = (ROOT / "examples" / "push-to-tab" / "index.html").read_text()
    (tmp_path / "index.html").write_text(example.replace("http://localhost:7999", stack.url))
    with pages(tmp_path) as url:
        page.get(url)
        wait_until(lambda: text(page, "status") == "open", what="the opening")
        command = text(page, "curl")

        for number in range(2):
            pushed = subprocess.run(
                command, shell=True, capture_output=True, text=True, timeout=20, check=True
            )
            assert pushed.stdout == '{"seen":true}'
            items = page.find_elements(By.CSS_SELECTOR, "#messages li")
            assert [item.text for item in items] == ["Hello!"], number
            page.refresh()
            wait_until(lambda: text(page, "status") == "open", what="the reopening")
            assert text(page, "curl") == command


def test_all_tabs_are_asked_which_one_is_visible(
    stack: Stack, empty_tab: Chrome, tmp_path: Path
) -> None:
    page, first = empty_tab, empty_tab.current_window_handle
    example = (ROOT / "examples" / "visible-tabs" / "index.html").read_text()
    (tmp_path / "index.html").write_text(example.replace("http://localhost:7999", stack.url))
    asking = [sys.executable, str(ROOT / "examples" / "visible_tabs.py")]
    environ = {**os.environ, "PYTHONPATH": str(ROOT), "GRIP_LAMBDA_URL": stack.url}

    def asked() -> list[str]:
        told = subprocess.run(
            asking, env=environ, capture_output=True, text=True, timeout=20, check=True
        )
        return sorted(told.stdout.splitlines())

    def opened(url: str) -> str:
        page.get(url)
        wait_until(lambda: re.fullmatch(r"[\w-]{16}", text(page, "status")), what="the opening")
        return text(page, "status")

    with pages(tmp_path) as url:
        hidden = opened(url)
        page.switch_to.new_window("tab")
        visible = opened(url)
        expected = sorted([f"{hidden} is hidden", f"{visible} is visible"])
        wait_until(lambda: asked() == expected, what="the answers of both tabs")
        page.close()
        page.switch_to.window(first)
        wait_until(lambda: asked() == [f"{hidden} is visible"], what="that of one tab")


def test_a_tab_with_an_event_source_is_a_function_until_it_is_deleted(
    stack: Stack, empty_tab: Chrome, tmp_path: Path
) -> None:
    page = (ROOT / "examples" / "event_source.html").read_text()
    for mine, ours in {
        "location.origin": f'"{stack.url}"',
        "let address;": "window.address = null;",
        "const events": "const events = window.events",
    }.items():
        assert mine in page
        page = page.replace(mine, ours)
    (tmp_path / "index.html").write_text(page)
    with pages(tmp_path) as url:
        empty_tab.get(url)
        output = empty_tab.find_element(By.TAG_NAME, "output")
        wait_until(lambda: output.text, what="the address")
        lambda_id = output.text.split("/")[-2]
        wait_until(lambda: lambda_id in stack.listing())

        assert call(stack.url, lambda_id, "greet", "1").json() == {"hello": 1}

        address = str(empty_tab.execute_script("return window.address"))
        assert requests.delete(address.replace("/new", ""), timeout=10).status_code == 204
        # It comes back after its event, and is told that this is over.
        state = "return window.events.readyState"
        wait_until(lambda: empty_tab.execute_script(state) == 2, what="the end")
        assert lambda_id not in stack.listing()
