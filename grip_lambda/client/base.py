"""What hosts have in common, whether they block or await."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeVar

from .addresses import lambda_path
from .methods import Methods
from .runner import Runner
from .server import Server
from .session import Session
from .writing import Default

Listener = TypeVar("Listener", bound=Callable[..., Any])


class BaseHost(Methods):
    """What `Host` and `AsyncHost` have in common; `Host` says what the options are."""

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
        service: str | Sequence[str] = (),
        context: bool = False,
        default: Default | None = None,
    ) -> None:
        super().__init__(functions)
        if max_calls is not None and max_calls < 1:
            raise ValueError("max_calls is at least 1")
        server = Server(url, key, headers)
        self.url = server.url
        self._session = Session(
            max_calls,
            id or "",
            token or "",
            private=private,
            services=[service] if isinstance(service, str) else service,
            context=context,
            default=default,
        )
        self._runner = Runner(server, self, self._session)

    def __repr__(self) -> str:
        state = "up" if self.is_up else "down" if self.id else "not open yet"
        return f"<{type(self).__name__} {f'{self.id} ' if self.id else ''}at {self.url}, {state}>"

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
        """Return the URL at which a method is called.

        Raises:
            RuntimeError: it was never open, and has no id.
        """
        if not self.id:
            raise RuntimeError("the host has no address before it is open; see start and on_up")
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
