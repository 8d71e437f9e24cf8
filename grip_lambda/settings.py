"""Every setting, once. They come from the environment; docs/settings.md lists them."""

from __future__ import annotations

import os
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from .errors import ConfigError
from .proxies import Proxy, signing_proxies

#: Where Pushpin listens for clients.
DEFAULT_PORT = 7999
#: Where the generated secret, the embedded store and Pushpin's files are kept.
DEFAULT_DATA = "data"
#: How often a host's connection is pinged, in seconds. Each ping costs one request.
DEFAULT_PING_S = 30
#: How long a caller waits who does not say so, in seconds.
DEFAULT_WAIT_S = 60.0

#: Set by ``serve`` and ``cluster``, which tell themselves what a backend would warn of.
SUPERVISED = "GRIP_LAMBDA_SUPERVISED"
#: What whoever starts a server without API keys should know.
OPEN = (
    "No API keys are configured: whoever reaches this server can open, list and call lambdas."
    " GRIP_LAMBDA_API_KEYS names a file of keys."
)

#: Bytes of a call's body: Pushpin can't hold a request with a larger one.
MAX_BODY = 100_000
#: Bytes of the body of a call whose caller is not held.
MAX_ASYNC_BODY = 6_291_456
#: Bytes of one WebSocket message of a host: Pushpin drops the connection at about twice that.
MAX_MESSAGE = 100_000
#: Bytes of a result.
MAX_RESULT = 10_485_760
#: How long a host without WebSocket may be away, or the caller of a streamed call, in seconds.
DEFAULT_GRACE_S = 10
#: Pushpin asks the next link of a stream that it holds after so many seconds without data.
NEXT_S = 10
#: How long a poll is held that does not say so, in seconds.
POLL_S = 25.0


@dataclass(frozen=True)
class Settings:
    """What the backend needs to know.

    Attributes:
        proxies: the Pushpins, at least one.
        store: the URL of the store.
        secret: what reopen tokens are made with.
        ping_s: seconds between two pings of a host.
        grace_s: seconds that who is connected by plain HTTP may be away.
        max_result: bytes that a host may post at a time.
        wait_s: seconds that a call waits which does not say so.
        origins: the origins that browsers may call from; empty for any.
        api_keys: the file of API keys; None where none are configured.
        in_function: whether nothing runs between two requests, as in a function-as-a-service.
    """

    proxies: tuple[Proxy, ...]
    store: str
    secret: bytes = field(repr=False)
    ping_s: int = DEFAULT_PING_S
    grace_s: int = DEFAULT_GRACE_S
    max_result: int = MAX_RESULT
    wait_s: float = DEFAULT_WAIT_S
    origins: tuple[str, ...] = ()
    api_keys: Path | None = None
    in_function: bool = False


def load(environ: Mapping[str, str] | None = None) -> Settings:
    """Read the settings of a backend process.

    Args:
        environ: the environment; ``os.environ`` if None.

    Raises:
        ConfigError: one is missing or makes no sense.
    """
    env = os.environ if environ is None else environ
    data = data_folder(env)
    origins = tuple(env.get("GRIP_LAMBDA_ORIGINS", "").split())
    return Settings(
        proxies=signing_proxies(env),
        store=env.get("GRIP_LAMBDA_STORE") or f"sqlite:///{data / 'grip-lambda.db'}",
        secret=load_secret(env),
        ping_s=whole_number(env, "GRIP_LAMBDA_PING", DEFAULT_PING_S, 1, 3600),
        grace_s=whole_number(env, "GRIP_LAMBDA_GRACE", DEFAULT_GRACE_S, 1, 3600),
        max_result=whole_number(env, "GRIP_LAMBDA_MAX_RESULT", MAX_RESULT, 1000, MAX_RESULT),
        origins=() if "*" in origins else origins,
        api_keys=keys_file(env),
    )


def load_secret(env: Mapping[str, str]) -> bytes:
    """Return what reopen tokens, API keys and tickets are made with.

    Raises:
        ConfigError: it can't be read, or made.
    """
    secret = env.get("GRIP_LAMBDA_SECRET") or kept_secret(data_folder(env) / "secret")
    return secret.encode()


def keys_file(env: Mapping[str, str]) -> Path | None:
    """Return the file of API keys, absolute; None where none is named."""
    name = env.get("GRIP_LAMBDA_API_KEYS")
    return Path(name).absolute() if name else None


def data_folder(env: Mapping[str, str]) -> Path:
    """Return the data folder, absolute."""
    return Path(env.get("GRIP_LAMBDA_DATA") or DEFAULT_DATA).absolute()


def whole_number(env: Mapping[str, str], name: str, default: int, least: int, most: int) -> int:
    """Return a setting that is a whole number.

    Raises:
        ConfigError: it is none, or out of range.
    """
    text = env.get(name) or str(default)
    if not text.isascii() or not text.isdigit() or not least <= int(text) <= most:
        raise ConfigError(f"{name} must be a whole number from {least} to {most}, not {text!r}")
    return int(text)


def kept_secret(path: Path) -> str:
    """Return the secret in ``path``, made there if it is missing. Several may ask at once.

    Raises:
        ConfigError: the file can't be read or made.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        fresh = path.with_name(f"{path.name}.{os.getpid()}.{secrets.token_hex(4)}")
        if not path.exists():
            descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
            with os.fdopen(descriptor, "w") as file:
                file.write(secrets.token_urlsafe(32))
            try:
                os.link(fresh, path)  # the first one wins
            except FileExistsError:
                pass
            finally:
                fresh.unlink()
        secret = path.read_text().strip()
    except OSError as error:
        raise ConfigError(f"the secret {path} can't be kept: {error}") from error
    if not secret:
        raise ConfigError(f"the secret {path} is empty; remove the file to have one made")
    return secret
