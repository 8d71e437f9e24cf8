"""What a client shows to its server: an API key, a reopen token, and headers of its own."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Mapping

from .addresses import api_key, given_url, take_token, user_of

_AUTHORIZATION = "Authorization"
_API_KEY = "X-Api-Key"


class Credentials:
    """Puts credentials into headers, which are logged less than addresses.

    ``Authorization`` has room for one of them. One that the user gave, or the user and password
    of the address, stays there; else a reopen token goes there, else an API key.

    Args:
        url: the server, maybe with a user and a password.
        key: an API key; None for that of GRIP_LAMBDA_KEY, if there is one; empty for none.
        headers: more headers for each request.

    Raises:
        ValueError: the key can't be one.
    """

    def __init__(
        self,
        url: str | None = None,
        key: str | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        self._key = api_key(key)
        self._given = dict(headers or {})
        user = user_of(given_url(url))
        if user is not None and not self._authorization():
            self._given[_AUTHORIZATION] = f"Basic {b64encode(':'.join(user).encode()).decode()}"

    def headers(self) -> dict[str, str]:
        """Return the headers of a request that takes no token."""
        given = self._authorization()
        if given.lower().startswith("bearer ") or not self._key:
            return dict(self._given)
        name, value = (_API_KEY, self._key) if given else (_AUTHORIZATION, f"Bearer {self._key}")
        return {name: value, **self._given}

    def present(self, path: str) -> tuple[str, dict[str, str]]:
        """Return a path without the reopen token in its query, and headers that present that.

        It stays in the query where the user has something else in ``Authorization``.
        """
        bare, token = take_token(path)
        if not token or self._authorization():
            return path, self.headers()
        shown = {_AUTHORIZATION: f"Bearer {token}"} | ({_API_KEY: self._key} if self._key else {})
        return bare, {**shown, **self._given}

    def _authorization(self) -> str:
        named = (v for k, v in self._given.items() if k.lower() == _AUTHORIZATION.lower())
        return next(named, "")
