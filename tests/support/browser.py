"""A real browser, and pages for it that come from elsewhere than the server."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from selenium.webdriver import Chrome, ChromeOptions, ChromeService

_FLAGS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--disable-dev-shm-usage",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
_CHROMIUM = Path("/usr/bin/chromium")
_DRIVER = Path("/usr/bin/chromedriver")


@contextmanager
def chromium(profile: Path) -> Iterator[Chrome]:
    """Run Chromium with a profile of its own."""
    for program in (_CHROMIUM, _DRIVER):
        assert program.exists(), f"{program} is missing; `make test` installs it"
    options = ChromeOptions()
    options.binary_location = str(_CHROMIUM)
    for flag in (*_FLAGS, f"--user-data-dir={profile}"):
        options.add_argument(flag)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    browser = Chrome(options, ChromeService(str(_DRIVER)))
    try:
        browser.set_script_timeout(30)
        yield browser
    finally:
        browser.quit()


@contextmanager
def pages(folder: Path) -> Iterator[str]:
    """Serve a folder; yields its address."""
    handler = partial(_QuietHandler, directory=str(folder))
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{server.server_address[1]}"
        server.shutdown()
        thread.join(5)


class _QuietHandler(SimpleHTTPRequestHandler):
    def log_message(self, format: str, *args: Any) -> None:
        pass


def run(browser: Chrome, script: str, *arguments: object) -> Any:
    """Run the body of an ``async`` function in the page; return what it returns.

    What it throws comes back as ``{"error": <its name>, …}`` with its own members.
    """
    return browser.execute_async_script(
        f"""const done = [].pop.call(arguments);
        (async (...given) => {{ {script} }})(...arguments).then(done, (error) => done({{
            ...error, error: error.name, value: error.error, message: String(error.message) }}))""",
        *arguments,
    )
