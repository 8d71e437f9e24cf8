"""The console in a real browser."""

from __future__ import annotations

import json
import os
import signal
import threading
from collections.abc import Generator, Iterator
from pathlib import Path
from typing import Any

import pytest
import requests
from selenium.webdriver import Chrome
from selenium.webdriver.common.by import By

from grip_lambda.client import Host, RemoteError
from tests.support.browser import chromium, run
from tests.support.clients import call
from tests.support.keys import KeyedStack
from tests.support.proxy import Network
from tests.support.stack import Stack, wait_until

SET = """
    const [selector, value] = arguments;
    const field = document.querySelector(selector);
    field.value = value;
    const name = field.tagName === "SELECT" ? "change" : "input";
    field.dispatchEvent(new Event(name, { bubbles: true }));
"""
HOSTILE = "<img src=x onerror=window.stolen=1>"


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Chrome]:
    with chromium(tmp_path_factory.mktemp("profile")) as one:
        one.implicitly_wait(20)
        yield one


@pytest.fixture
def page(browser: Chrome) -> Iterator[Chrome]:
    """A new tab, and with it a new session."""
    first = browser.current_window_handle
    browser.switch_to.new_window("tab")
    browser.get_log("browser")  # type: ignore[no-untyped-call]
    yield browser
    browser.close()
    browser.switch_to.window(first)


def complaints(page: Chrome) -> list[str]:
    """Return what the browser has to complain about, beside answers that mean an error."""
    log = page.get_log("browser")  # type: ignore[no-untyped-call]
    severe = [entry["message"] for entry in log if entry["level"] == "SEVERE"]
    return [one for one in severe if "responded with a status of 4" not in one]


def text(page: Chrome, selector: str = "#app") -> str:
    return str(
        page.execute_script(
            "return document.querySelector(arguments[0])?.innerText ?? ''", selector
        )
    )


def shows(page: Chrome, words: str, selector: str = "#app") -> None:
    wait_until(lambda: words in text(page, selector), 30, what=f"{words} in {selector}")


def put(page: Chrome, selector: str, value: str) -> None:
    page.find_element(By.CSS_SELECTOR, selector)
    page.execute_script(SET, selector, value)


def click(page: Chrome, selector: str) -> None:
    page.find_element(By.CSS_SELECTOR, selector)
    page.execute_script("document.querySelector(arguments[0]).click()", selector)


def press(page: Chrome, words: str) -> None:
    """Press the button that says this."""
    page.find_element(By.XPATH, f"//button[contains(., '{words}')]")
    page.execute_script(
        "[...document.querySelectorAll('button')]"
        ".find((one) => one.textContent.includes(arguments[0])).click()",
        words,
    )


def test_what_is_open_appears_and_goes_and_can_be_called(stack: Stack, page: Chrome) -> None:
    page.get(f"{stack.url}/console")
    shows(page, "live", "header")

    def fail(body: Any) -> Any:
        raise RemoteError({HOSTILE: HOSTILE})

    with Host(stack.url, {"greet": lambda body: {"hello": body}, HOSTILE: fail}) as host:
        shows(page, host.id, ".list")
        page.get(f"{stack.url}/console#/lambdas/{host.id}")
        put(page, "textarea", '{"name": ')
        wait_until(lambda: not page.find_element(By.CSS_SELECTOR, "form .primary").is_enabled())
        put(page, "textarea", '{"name": "Ada"}')
        shows(page, "valid JSON", "form")
        press(page, "Call")
        shows(page, "200", ".outcome")
        shows(page, '"Ada"', ".outcome")
        put(page, "input[name=method]", HOSTILE)
        press(page, "Call")
        shows(page, "400", ".outcome")
        shows(page, HOSTILE, ".outcome")
        shows(page, HOSTILE, "table")
        assert page.execute_script("return window.stolen ?? document.querySelector('img')") is None
    shows(page, "This lambda is not open", ".detail")
    assert complaints(page) == []


def test_a_streamed_call_shows_its_progress(stack: Stack, page: Chrome) -> None:
    steps = threading.Semaphore(0)

    def count(to: int) -> Generator[dict[str, int], None, str]:
        for number in range(to):
            assert steps.acquire(timeout=30)
            yield {"done": number + 1, "total": to}
        return "counted"

    with Host(stack.url, {"count": count}) as host:
        page.get(f"{stack.url}/console#/call?to={host.id}&method=count&body=4")
        put(page, "select[name=mode]", "stream")
        press(page, "Call")
        steps.release(2)
        bar = "return document.querySelector('progress')?.value"
        wait_until(lambda: page.execute_script(bar) == 0.5, 30, what="the progress")
        steps.release(2)
        shows(page, '"counted"', ".outcome")
        press(page, "Raw")
        shows(page, "200", ".outcome")


def test_calls_appear_with_their_bodies_and_are_made_again(stack: Stack, page: Chrome) -> None:
    page.get(f"{stack.url}/console#/calls")
    shows(page, "live", "header")
    with Host(stack.url, {"twice": lambda body: body * 2}) as host:
        call(stack.url, host.id, "twice", "21")
        put(page, "input[name=lambda]", host.id)
        shows(page, "twice", "table")
        click(page, "table button.link")
        page.find_element(By.XPATH, "//a[contains(., 'Edit and call')]")
        click(page, "section a.button")
        shows(page, "Idempotency key")
        assert page.find_element(By.NAME, "to").get_attribute("value") == host.id
        put(page, "textarea", "4")
        press(page, "Call")
        shows(page, "200", ".outcome")
        shows(page, "8", ".outcome")


def tab_id(page: Chrome) -> str:
    shows(page, "/hello", ".code")
    return text(page, ".code code").partition("/lambda/")[2].partition("/")[0]


def test_this_tab_keeps_its_address_and_answers_as_it_is_told(stack: Stack, page: Chrome) -> None:
    page.get(f"{stack.url}/console#/tab")
    lambda_id = tab_id(page)
    assert call(stack.url, lambda_id, "hi", '{"a":1}').json() == {"echo": {"a": 1}}
    shows(page, 'hi({"a":1})', ".entries")

    page.refresh()
    assert tab_id(page) == lambda_id
    shows(page, "open", ".state")
    put(page, "select[name=answer]", "fixed")
    put(page, "textarea[name=fixed]", '{"all": "well"}')
    assert call(stack.url, lambda_id, "hi").json() == {"all": "well"}
    put(page, "select[name=answer]", "error")
    assert call(stack.url, lambda_id, "hi").status_code == 400
    assert complaints(page) == []


def test_this_tab_tells_at_once_that_the_network_is_gone(stack: Stack, page: Chrome) -> None:
    with Network(stack.port) as network:
        page.get(f"http://127.0.0.1:{network.port}/console#/tab")
        lambda_id = tab_id(page)
        page.execute_script("dispatchEvent(new Event('offline'))")
        shows(page, "the network is gone", ".state")
        page.execute_script("dispatchEvent(new Event('online'))")
        shows(page, "open", ".state")
        network.cut()
        shows(page, "not reachable", ".state")
        shows(page, "out of reach", "header")
        network.mend()
        press(page, "Retry now")
        wait_until(lambda: lambda_id in stack.listing(), 30, what="the return")
        shows(page, "live", "header")
        assert call(stack.url, lambda_id, "hi", "1").json() == {"echo": 1}


def test_signing_in_and_a_backend_that_is_replaced(keyed: KeyedStack, page: Chrome) -> None:
    page.get(f"{keyed.url}/console")
    put(page, "input[name=key]", "gl_wrong")
    press(page, "Sign in")
    shows(page, "unknown here")
    put(page, "input[name=key]", keyed.keys["call"])
    press(page, "Sign in")
    shows(page, "Call", "nav")
    assert text(page, "nav").split() == ["Call"]
    press(page, "Sign out")
    put(page, "input[name=key]", keyed.keys["full"])
    press(page, "Sign in")
    shows(page, "Lambdas", "nav")
    shows(page, "live", "header")
    page.refresh()
    shows(page, "live", "header")

    before = set(keyed.workers())
    os.kill(keyed.pid, signal.SIGHUP)
    wait_until(lambda: before.isdisjoint(keyed.workers()), 60, what="other backends")

    with Host(keyed.url, {"greet": lambda body: body}, key=keyed.keys["host"]) as host:
        shows(page, host.id)
    press(page, "Sign out")
    shows(page, "Sign in", "main")
    assert page.execute_script("return sessionStorage.getItem('grip-lambda key')") is None


def test_the_welcome_needs_no_script(stack: Stack, page: Chrome) -> None:
    page.get(f"{stack.url}/")
    assert page.execute_script("return document.scripts.length") == 0
    click(page, "a.second")
    tab_id(page)
    assert complaints(page) == []


def test_health_shows_the_parts_and_the_last_quarter_of_an_hour(stack: Stack, page: Chrome) -> None:
    page.get(f"{stack.url}/console#/health")
    shows(page, "all is well")
    shows(page, "Backend")
    wait_until(
        lambda: page.execute_script("return document.querySelectorAll('canvas').length") == 2
    )
    assert complaints(page) == []


def test_a_key_is_made_used_and_revoked(keyed: KeyedStack, page: Chrome) -> None:
    page.get(f"{keyed.url}/console#/keys")
    put(page, "input[name=key]", keyed.keys["admin"])
    press(page, "Sign in")
    shows(page, "yours", "table")
    put(page, "input[name=comment]", HOSTILE)
    click(page, "input[name=list]")
    press(page, "Make the key")
    shows(page, "not shown again")
    key = text(page, ".note code")
    shows(page, HOSTILE, "table")
    listed = {"Authorization": f"Bearer {key}"}
    assert requests.get(f"{keyed.url}/lambda", headers=listed, timeout=10).status_code == 200

    row = f"//tr[contains(., '{key[3:19]}')]"
    page.find_element(By.XPATH, f"{row}//button").click()
    page.find_element(By.XPATH, f"{row}//button[contains(., 'Revoke it')]").click()
    wait_until(lambda: key[3:19] not in text(page, "table"), 30, what="the end of the key")
    wait_until(
        lambda: requests.get(f"{keyed.url}/lambda", headers=listed, timeout=10).status_code == 401
    )
    assert page.execute_script("return window.stolen ?? document.querySelector('img')") is None
    assert complaints(page) == []


AXE = Path(__file__).parents[1] / "node/node_modules/axe-core/axe.min.js"
VIOLATIONS = """
    return (await axe.run(document, { resultTypes: ["violations"] })).violations
        .flatMap(({ id, nodes }) => nodes.map((one) => `${id}: ${one.html} ${one.failureSummary}`));
"""


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_nothing_hinders_people_who_see_or_point_less(
    stack: Stack, keyed: KeyedStack, page: Chrome, scheme: str
) -> None:
    """Axe looks at each view, with something in it."""
    look = {"features": [{"name": "prefers-color-scheme", "value": scheme}]}
    page.execute_cdp_cmd("Emulation.setEmulatedMedia", look)
    script = AXE.read_text()
    found = {}

    def check(name: str) -> None:
        page.execute_script(f"window.axe || eval({json.dumps(script)})")
        found[name] = run(page, VIOLATIONS)

    def fail(body: Any) -> Any:
        raise RemoteError("no")

    functions = {"greet": lambda body: {"hello": [body, None, True, 1]}, "fail": fail}
    with Host(stack.url, functions) as host:
        call(stack.url, host.id, "fail", "1")
        page.get(f"{stack.url}/")
        check("welcome")
        for view, words in (
            (f"lambdas/{host.id}", "Last calls"),
            (f"call?to={host.id}&method=greet&body=1", "Body"),
            ("calls", "Pause"),
            ("tab", "/hello"),
            ("health", "Backend"),
            ("keys", "No API keys"),
            ("nowhere", "Nothing here"),
        ):
            page.get(f"{stack.url}/console#/{view}")
            shows(page, words)
            if view.startswith(("lambdas", "call?")):
                press(page, "Call")
                shows(page, "200", ".outcome")
                click(page, ".copy-as summary")
            elif view == "calls":
                click(page, "table button.link")
                shows(page, "Edit and call")
            check(view)
    page.get(f"{keyed.url}/console#/keys")
    put(page, "input[name=key]", "gl_wrong")
    press(page, "Sign in")
    shows(page, "unknown here")
    check("sign in")
    put(page, "input[name=key]", keyed.keys["admin"])
    press(page, "Sign in")
    shows(page, "yours", "table")
    check("with keys")

    assert {name: wrong for name, wrong in found.items() if wrong} == {}


def test_a_call_in_the_background_is_cancelled(stack: Stack, page: Chrome) -> None:
    over = threading.Event()
    with Host(stack.url, {"wait": lambda: over.wait(20)}) as host:
        page.get(f"{stack.url}/console#/call?to={host.id}&method=wait")
        put(page, "select[name=mode]", "async")
        press(page, "Call")
        press(page, "Cancel the call")
        shows(page, "410", ".outcome")
        shows(page, "cancelled", ".outcome")
        over.set()
