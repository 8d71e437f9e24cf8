"""What hosts have in common, whether they block or await."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, TypeVar

from .addresses import base_url, key_headers, lambda_path
from .methods import Methods
from .runner import Runner
from .session import Session

Listener = TypeVar("Listener", bound=Callable[..., Any])


class BaseHost(Methods):
    """What `Host` and `AsyncHost` have in common.

    Args:
        url: the server; None for that of GRIP_LAMBDA_URL, or ``http://localhost:7999``.
        functions: an object, a module or a mapping whose functions can be called, in addition
            to those that are registered with ``method``.
        id: the id to open, 16 characters; None for a new one.
        token: what reopens ``id`` while it may be open.
        max_calls: how many calls run at once. The server refuses more with 429, and what it
            no longer counts because its caller gave up waits here. None: any number, of which
            plain functions take 32 threads at most.
        headers: more headers for the handshake.
        key: an API key that may host; None for that of GRIP_LAMBDA_KEY, if there is one.
        private: whether it is to be callable with an API key only.
        context: whether functions get a `Context` as their second argument, if they take two.

    Raises:
        ValueError: the address, a name, ``max_calls`` or the key makes no sense.
    """

    def __init__(
        self,
        url: str | None = None,
        functions: object = None,
        *,
        id: str | None = None,
        token: str | None = None,
        max_calls: int | None = None,
        headers: Mapping[str, str] | None = None,
        key: str | None = None,
        private: bool = False,
        context: bool = False,
    ) -> None:
        super().__init__(functions)
        if max_calls is not None and max_calls < 1:
            raise ValueError("max_calls is at least 1")
        self.url = base_url(url)
        self._session = Session(max_calls, id or "", token or "", private=private, context=context)
        self._runner = Runner(
            self.url, self, self._session, {**key_headers(key), **(headers or {})}
        )

    @property
    def id(self) -> str:
        """The id under which it is called; empty before it was open for the first time."""
        return self._session.id

    @property
    def token(self) -> str:
        """What reopens the id; to be kept secret."""
        return self._session.token

    @property
    def is_up(self) -> bool:
        """Whether it can be called now."""
        return self._session.is_up

    def address(self, method: str) -> str:
        """Return the URL at which a method is called."""
        return self.url + lambda_path(self.id, method)

    def on_up(self, listener: Listener) -> Listener:
        """Have a function called with the id, each time that the lambda can be called.

        It runs in the event loop, so that it should not block; it may be an ``async def``.
        """
        self._runner.on_up.append(listener)
        return listener

    def on_down(self, listener: Listener) -> Listener:
        """Have a function called with a reason in words, each time that this ends."""
        self._runner.on_down.append(listener)
        return listener
