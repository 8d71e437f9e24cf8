"""Take the pictures of the console in docs/images: a server, hosts, calls, and Chromium.

Run it with `make screenshots`.
"""

from __future__ import annotations

import json
import tempfile
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import requests
from selenium.webdriver import Chrome
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import connect

from tests.support.browser import chromium
from tests.support.stack import Stack, wait_until

ROOT = Path(__file__).parents[1]
TARGET = ROOT / "docs" / "images"
SIZE = {"width": 1280, "height": 940, "deviceScaleFactor": 1, "mobile": False}
READINGS = {"Oslo": 14.0, "Zürich": 21.5, "Porto": 24.0}


def forecast(body: Any) -> Any:
    city = body["city"]
    days = [{"day": day, "high": READINGS[city] + n} for n, day in enumerate(("Mon", "Tue"))]
    return {"city": city, "celsius": READINGS[city], "sky": ["cloudy", "windy"], "next": days}


HOSTS: dict[str, dict[str, Callable[[Any], Any]]] = {
    "printer": {"print": lambda body: "queued", "status": lambda _: "idle"},
    "laptop": {"disk": lambda _: "80 %", "uptime": lambda _: "3 days", "load": lambda _: 0.4},
    "weather": {"forecast": forecast, "cities": lambda _: sorted(READINGS)},
}


def host(url: str, service: str, methods: dict[str, Callable[[Any], Any]], ids: list[str]) -> None:
    """Be a host of a service, until the server ends."""
    agent = "weather-station/2.1" if service == "weather" else f"{service}/1.0"
    with (
        suppress(ConnectionClosed),
        connect(f"{url}/lambda/new?service={service}", user_agent_header=agent) as socket,
    ):
        for message in socket:
            call = json.loads(message)
            if call["method"] == "open":
                ids.append(call["params"][0])
                answer = {"result": {"ok": True, "methods": list(methods), "max_calls": 8}}
            else:
                answer = answered(methods, call)
            socket.send(json.dumps({"id": call["id"], **answer}))


def answered(methods: dict[str, Callable[[Any], Any]], call: dict[str, Any]) -> dict[str, Any]:
    """Return the answer to a call."""
    time.sleep(0.003)
    try:
        return {"result": methods[call["method"]](call["params"][0])}
    except KeyError as error:
        return {"error": f"there is no {error}"}


def shows(page: Chrome, words: str) -> None:
    """Wait until the page shows something."""
    text = "return document.body.innerText"
    wait_until(lambda: words in str(page.execute_script(text)), 30, what=words)


def take(page: Chrome, name: str) -> None:
    time.sleep(0.5)
    page.save_screenshot(str(TARGET / name))
    print(f"docs/images/{name}")


def pictures(stack: Stack, page: Chrome, lambda_id: str) -> None:
    """Take them."""
    page.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", SIZE)
    page.get(f"{stack.url}/console#/lambdas/{lambda_id}")
    shows(page, "Last calls")
    page.execute_script("document.querySelector('.list input').blur(); scrollTo(0, 0)")
    take(page, "console-light.png")
    query = f"to={lambda_id}&method=forecast&body=%7B%22city%22%3A%20%22Oslo%22%7D"
    page.get(f"{stack.url}/console#/call?{query}")
    shows(page, "valid JSON")
    page.execute_script("document.querySelector('form .primary').click()")
    shows(page, "celsius")
    page.execute_script("document.querySelector('textarea').rows = 3")
    take(page, "console-call.png")


def main() -> None:
    """Start all that is needed, take the pictures, and end it."""
    TARGET.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory() as folder:
        stack = Stack(Path(folder))
        try:
            ids: list[str] = []
            for service, methods in HOSTS.items():
                arguments = (stack.ws_url, service, methods, ids)
                threading.Thread(target=host, args=arguments, daemon=True).start()
                wait_until(lambda: len(set(ids) & set(stack.listing())) == len(ids) > 0)
                time.sleep(1)
            for city in (*READINGS, "Nowhere", *READINGS):
                address = f"{stack.url}/service/weather/forecast"
                requests.post(address, json={"city": city}, timeout=10)
            with chromium(Path(folder) / "profile") as page:
                pictures(stack, page, ids[-1])
        finally:
            stack.stop()


if __name__ == "__main__":
    main()
