"""What hosts and callers tell of themselves."""

from __future__ import annotations

import base64
import inspect
import pydoc
import subprocess
import sys

import pytest

import grip_lambda
from grip_lambda.client import AsyncClient, AsyncHost, Client, Host
from grip_lambda.client.credentials import Credentials

URL = "http://user:geheim@a.example"


def test_help_shows_the_options() -> None:
    for kind, shown in ((Host, Host), (AsyncHost, Host), (Client, Client), (AsyncClient, Client)):
        names = [name for name in inspect.signature(kind).parameters if name != "self"]
        assert all(name in pydoc.render_doc(kind) for name in names)
        assert all(f"{name}: " in (inspect.getdoc(shown) or "") for name in names)


def test_what_they_look_like() -> None:
    host = Host(URL, id="inRwcfvee17P85B8", token="secret")

    assert repr(host) == "<Host inRwcfvee17P85B8 at http://a.example, down>"
    assert repr(AsyncHost(URL)) == "<AsyncHost at http://a.example, not open yet>"
    assert repr(Client(URL)) == "<Client of http://a.example>"


def test_there_is_no_address_before_there_is_an_id() -> None:
    with pytest.raises(RuntimeError, match="before it is open"):
        Host("http://h").address("greet")
    assert Host("http://h", id="A").address("greet") == "http://h/lambda/A/greet"


def test_a_user_and_a_password_of_an_address_are_shown_to_the_server_only() -> None:
    basic = base64.b64encode(b"user:ge/heim").decode()
    url = "http://user:ge%2Fheim@a.example"

    for one in (Host(url), Client(url)):
        assert one.url == "http://a.example"
    assert Credentials(url).headers() == {"Authorization": f"Basic {basic}"}
    assert Credentials(url, "k").headers() == {"Authorization": f"Basic {basic}", "X-Api-Key": "k"}
    given = {"authorization": "Bearer x"}
    assert Credentials(url, "k", given).headers() == given


def test_the_package_has_them_too_when_they_are_asked_for() -> None:
    code = (
        "import sys, grip_lambda; assert 'httpx' not in sys.modules;"
        "from grip_lambda import Host, Client; assert 'httpx' in sys.modules;"
        "from grip_lambda.client import Host as same; assert same is Host"
    )

    subprocess.run([sys.executable, "-c", code], check=True)

    assert "Host" in dir(grip_lambda)
    with pytest.raises(AttributeError, match="nothing"):
        _ = grip_lambda.nothing
