"""Every setting, once. They come from the environment; docs/settings.md lists them."""

from __future__ import annotations

import difflib
import ipaddress
import logging
import math
import os
import re
import secrets
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

from .credentials import with_files
from .errors import ConfigError
from .origins import parse_origins
from .private import make_private
from .proxies import Proxy, signing_proxies

log = logging.getLogger(__name__)

#: Where Pushpin listens for clients.
DEFAULT_PORT = 7999
#: And on which addresses: those of the loopback interface.
DEFAULT_HOST = "localhost"
#: Where the generated secret, the embedded store and Pushpin's files are kept.
DEFAULT_DATA = "data"
#: How often a host's connection is pinged, in seconds. Each ping costs one request.
DEFAULT_PING_S = 30
#: How long a call waits in its thread, in seconds, if it came through the front.
DEFAULT_PATIENCE_S = 0.2
#: How many threads of a backend process serve requests. Most of them only wait; those that are not
#: there would have answers of hosts wait behind new calls.
DEFAULT_THREADS = 1024
#: How long a caller waits who does not say so, in seconds.
DEFAULT_WAIT_S = 60.0

#: Set by ``serve`` and ``cluster``, which tell themselves what a backend would warn of: the socket
#: where the backend gives signs of life.
SUPERVISED = "GRIP_LAMBDA_SUPERVISED"
_PREFIX = "GRIP_LAMBDA_"
#: Whoever sets one of these to nothing meant something, like ``$FILE`` that was not there.
_NEVER_EMPTY = ("GRIP_LAMBDA_API_KEYS", "GRIP_LAMBDA_SECRET", "GRIP_LAMBDA_STORE")
#: What is no setting of a backend: it is for Pushpin, the libraries and the command line.
_OTHERS = (
    *(SUPERVISED, "GRIP_LAMBDA_ZURLS", "GRIP_LAMBDA_PUSHPIN_STATS", "GRIP_LAMBDA_FRONT"),
    *("GRIP_LAMBDA_URL", "GRIP_LAMBDA_KEY", "GRIP_LAMBDA_METHOD"),
)
#: What whoever starts a server without API keys should know.
OPEN = (
    "No API keys are configured: whoever reaches this server can open, list and call lambdas."
    " GRIP_LAMBDA_API_KEYS names a file of keys."
)

#: What fits into the files of Pushpin and nginx, and how that is said.
SIGNING_KEY = r"[A-Za-z0-9_=+/:.-]{8,}"
SIGNING_KEY_SAYS = "must have eight characters at least: letters, digits and _=+/:.- only"

#: Bytes of a call's body: Pushpin can't hold a request with a larger one.
MAX_BODY = 100_000
#: Bytes of the body of a call whose caller is not held.
MAX_LARGE_BODY = 6_291_456
#: Bytes of one WebSocket message of a host: Pushpin drops the connection at about twice that.
MAX_MESSAGE = 100_000
#: Bytes of a result.
MAX_RESULT = 10_485_760
#: How long a host without WebSocket may be away, or the caller of a streamed call, in seconds.
DEFAULT_GRACE_S = 10
#: Pushpin asks the next link of a stream that it holds after so many seconds without data.
NEXT_S = 10
#: How long the front waits for a Pushpin that holds a call before it asks again, in seconds: for
#: each of these it has a place (serve/nginx.conf).
PATIENCES_S = (1, 2, 3, 5, 8, 13, 21, 34, 60, 120, 300, 600, 1200, 1900)
#: More than any limit.
_ANY = 2**53
#: How long a poll is held that does not say so, in seconds.
POLL_S = 25.0


@dataclass(frozen=True)
class Quotas:
    """How much there may be, in all and of one client; see hub/access/limits.py.

    Attributes:
        lambdas, lambdas_per_client: open lambdas.
        openings_per_client: new lambdas without WebSocket within a minute.
        kept, kept_per_client: bytes of what is kept: results, messages, and ids.
        calls_per_client: calls a second, of a client whose key has no rate; 0 for any number.
    """

    lambdas: int = 100_000
    lambdas_per_client: int = 10_000
    openings_per_client: int = 120
    kept: int = 512 * 1024 * 1024
    kept_per_client: int = 64 * 1024 * 1024
    calls_per_client: int = 0


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
        names: the host names in lower case whose pages are the server's own.
        shown_headers: the headers in lower case that the listing shows beside the usual ones.
        api_keys: the file of API keys; None where none are configured.
        quotas: how much there may be.
        audit: the file of what changed who may do what; None for none.
        trusted_proxies: how many proxies there are before Pushpin that tell a client's address.
        in_function: whether nothing runs between two requests, as in a function-as-a-service.
        front_key: what the front shows, so that its requests are known; empty without one.
        patience_s: how long a call waits in its thread before a Pushpin holds it, in seconds.
        threads: how many threads of a process serve requests.
        inspect: whether the bodies of calls are kept for a while, for whoever may list.
        access_log: whether each call is a line of the log.
    """

    proxies: tuple[Proxy, ...]
    store: str
    secret: bytes = field(repr=False)
    ping_s: int = DEFAULT_PING_S
    grace_s: int = DEFAULT_GRACE_S
    max_result: int = MAX_RESULT
    wait_s: float = DEFAULT_WAIT_S
    origins: tuple[str, ...] = ()
    names: frozenset[str] = frozenset()
    shown_headers: frozenset[str] = frozenset()
    api_keys: Path | None = None
    quotas: Quotas = Quotas()
    audit: Path | None = None
    trusted_proxies: int = 0
    in_function: bool = False
    front_key: bytes = field(default=b"", repr=False)
    patience_s: float = DEFAULT_PATIENCE_S
    threads: int = DEFAULT_THREADS
    inspect: bool = False
    access_log: bool = False


class _Environment(Mapping[str, str]):
    """An environment that knows what it was asked for."""

    def __init__(self, environ: Mapping[str, str]) -> None:
        self._environ = environ
        self._asked: set[str] = set()

    def __getitem__(self, name: str) -> str:
        self._asked.add(name)
        return self._environ[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._environ)

    def __len__(self) -> int:
        return len(self._environ)

    def warn(self) -> None:
        """Warn of variables that look like ours, and that nobody has asked for."""
        known = {name.removeprefix(_PREFIX) for name in {*self._asked, *_OTHERS}}
        for name in sorted(self):
            rest = name.removeprefix(_PREFIX)
            if rest != name and rest not in known:
                near = difflib.get_close_matches(rest, sorted(known), 1)
                hint = f"; is {_PREFIX}{near[0]} meant?" if near else ""
                log.warning("%s is not a setting%s", name, hint)


def load(environ: Mapping[str, str] | None = None) -> Settings:
    """Read the settings of a backend process; warn of variables that are none.

    Args:
        environ: the environment; ``os.environ`` if None.

    Raises:
        ConfigError: one is missing or makes no sense.
    """
    env = _Environment(with_files(os.environ if environ is None else environ))
    data_folder(env)
    public_url(env)
    for name in _NEVER_EMPTY:
        if not env.get(name, name).strip():
            raise ConfigError(f"{name} is empty: give it a value, or don't set it")
    log_form(env)
    origins = env.get("GRIP_LAMBDA_ORIGINS")
    known = Settings(
        proxies=signing_proxies(env),
        store=store_url(env),
        secret=load_secret(env),
        ping_s=whole_number(env, "GRIP_LAMBDA_PING", DEFAULT_PING_S, 1, 3600),
        grace_s=whole_number(env, "GRIP_LAMBDA_GRACE", DEFAULT_GRACE_S, 1, 3600),
        max_result=whole_number(env, "GRIP_LAMBDA_MAX_RESULT", MAX_RESULT, 1000, MAX_RESULT),
        origins=() if origins is None else parse_origins(origins),
        names=words(env, "GRIP_LAMBDA_NAMES"),
        shown_headers=words(env, "GRIP_LAMBDA_SHOWN_HEADERS"),
        api_keys=keys_file(env),
        quotas=_quotas(env),
        audit=audit_file(env),
        trusted_proxies=whole_number(env, "GRIP_LAMBDA_TRUSTED_PROXIES", 0, 0, 20),
        front_key=env.get("GRIP_LAMBDA_FRONT_KEY", "").encode(),
        patience_s=seconds(env, "GRIP_LAMBDA_PATIENCE", DEFAULT_PATIENCE_S, 0.0, 20.0),
        threads=threads(env),
        inspect=whole_number(env, "GRIP_LAMBDA_INSPECT", 0, 0, 1) == 1,
        access_log=whole_number(env, "GRIP_LAMBDA_ACCESS_LOG", 0, 0, 1) == 1,
    )
    if SUPERVISED not in env:
        env.warn()
    return known


def audit_file(env: Mapping[str, str]) -> Path | None:
    """Return the file of what changed who may do what (grip_lambda/audit.py); None for none."""
    return Path(env["GRIP_LAMBDA_AUDIT"]) if env.get("GRIP_LAMBDA_AUDIT") else None


def _quotas(env: Mapping[str, str]) -> Quotas:
    names = {
        "lambdas": "GRIP_LAMBDA_MAX_LAMBDAS",
        "lambdas_per_client": "GRIP_LAMBDA_MAX_LAMBDAS_PER_CLIENT",
        "openings_per_client": "GRIP_LAMBDA_MAX_OPENINGS_PER_CLIENT",
        "kept": "GRIP_LAMBDA_MAX_KEPT",
        "kept_per_client": "GRIP_LAMBDA_MAX_KEPT_PER_CLIENT",
    }
    usual = Quotas()
    return Quotas(
        calls_per_client=whole_number(env, "GRIP_LAMBDA_MAX_CALLS_PER_CLIENT", 0, 0, _ANY),
        **{
            member: whole_number(env, name, getattr(usual, member), 1, _ANY)
            for member, name in names.items()
        },
    )


def threads(env: Mapping[str, str]) -> int:
    """Return how many threads of a backend process serve requests.

    Raises:
        ConfigError: the setting makes no sense.
    """
    return whole_number(env, "GRIP_LAMBDA_THREADS", DEFAULT_THREADS, 1, 4096)


def log_form(env: Mapping[str, str]) -> str:
    """Return the form of the log: ``text`` or ``json``.

    Raises:
        ConfigError: the setting makes no sense.
    """
    form = env.get("GRIP_LAMBDA_LOG") or "text"
    if form not in ("text", "json"):
        raise ConfigError(f"GRIP_LAMBDA_LOG must be text or json, not {form[:40]!r}")
    return form


def load_secret(env: Mapping[str, str]) -> bytes:
    """Return what reopen tokens, API keys and tickets are made with.

    Raises:
        ConfigError: it can't be read, or made.
    """
    secret = env.get("GRIP_LAMBDA_SECRET") or kept_secret(data_folder(env) / "secret")
    try:
        return secret.encode()
    except UnicodeEncodeError:
        raise ConfigError("GRIP_LAMBDA_SECRET must be text in UTF-8") from None


def keys_file(env: Mapping[str, str]) -> Path | None:
    """Return the file of API keys, absolute; None where none is named."""
    name = env.get("GRIP_LAMBDA_API_KEYS")
    return Path(name).absolute() if name else None


def store_url(env: Mapping[str, str]) -> str:
    """Return the URL of the store.

    Raises:
        ConfigError: it is none.
    """
    url = env.get("GRIP_LAMBDA_STORE") or f"sqlite:///{data_folder(env) / 'grip-lambda.db'}"
    try:
        parts = urlsplit(url)
        is_file = parts.scheme == "sqlite" and not parts.netloc and len(parts.path) > 1
        is_server = parts.scheme in ("redis", "rediss") and parts.port != 0
        if not is_file and not (is_server and re.fullmatch(r"(/\d*)?", parts.path)):
            raise ValueError
    except ValueError:  # what is there may hold a password, which is not for the log
        raise ConfigError(
            "GRIP_LAMBDA_STORE must be sqlite:///<path> or redis://host:port/db (or rediss://…)"
        ) from None
    return url


def host(env: Mapping[str, str]) -> str:
    """Return the address that the public port is listened on, or ``localhost``.

    Raises:
        ConfigError: it is none.
    """
    text = env.get("HOST") or DEFAULT_HOST
    if text == DEFAULT_HOST:
        return text
    try:
        address = ipaddress.ip_address(text.removeprefix("[").removesuffix("]"))
    except ValueError:
        raise ConfigError(
            f"HOST must be an IP address, like 0.0.0.0, :: or 127.0.0.1, or localhost, not {text!r}"
        ) from None
    return str(address)


def public_url(env: Mapping[str, str]) -> str:
    """Return where clients reach the server, without a slash at its end; empty if it is not set.

    Raises:
        ConfigError: it is no such address.
    """
    text = env.get("GRIP_LAMBDA_PUBLIC_URL", "").rstrip("/")
    if text and not re.fullmatch(r"https?://[^\s/?#@]+(/[^\s?#]*)?", text):
        raise ConfigError(
            "GRIP_LAMBDA_PUBLIC_URL must be like https://example.org or https://example.org/grip,"
            f" not {text[:100]!r}"
        )
    return text


def data_folder(env: Mapping[str, str]) -> Path:
    """Return the data folder, absolute."""
    return Path(env.get("GRIP_LAMBDA_DATA") or DEFAULT_DATA).absolute()


def words(env: Mapping[str, str], name: str) -> frozenset[str]:
    """Return a setting that is a list, with spaces or commas between, in lower case."""
    return frozenset(env.get(name, "").lower().replace(",", " ").split())


def whole_number(env: Mapping[str, str], name: str, default: int, least: int, most: int) -> int:
    """Return a setting that is a whole number.

    Raises:
        ConfigError: it is none, or out of range.
    """
    text = env.get(name) or str(default)
    if not re.fullmatch(r"[0-9]{1,20}", text) or not least <= int(text) <= most:
        raise ConfigError(
            f"{name} must be a whole number from {least} to {most}, not {text[:40]!r}"
        )
    return int(text)


def signing_key(data: Path) -> str:
    """Return what Pushpins sign with, which is kept in the data folder.

    Raises:
        ConfigError: it can't be read or made, or would not fit into Pushpin's files.
    """
    key = kept_secret(data / "sig-key")
    if not re.fullmatch(SIGNING_KEY, key):
        raise ConfigError(f"the key {data / 'sig-key'} {SIGNING_KEY_SAYS}")
    return key


def seconds(env: Mapping[str, str], name: str, default: float, least: float, most: float) -> float:
    """Return a setting in seconds, which may have a fraction.

    Raises:
        ConfigError: it is no number, or out of range.
    """
    text = env.get(name)
    if not text:
        return default
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not least <= value <= most:
        raise ConfigError(f"{name} must be a number from {least:g} to {most:g}, not {text!r}")
    return value


def kept_secret(path: Path) -> str:
    """Return the secret in ``path``, made there if it is missing. Several may ask at once.

    Raises:
        ConfigError: the file can't be read or made.
    """
    try:
        make_private(path.parent)
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
        secret = path.read_text("utf-8").strip()
    except OSError as error:
        raise ConfigError(f"the secret {path} can't be kept: {error.strerror}") from error
    except UnicodeDecodeError:
        raise ConfigError(f"the secret {path} must be text in UTF-8") from None
    if not secret:
        raise ConfigError(f"the secret {path} is empty; remove the file to have one made")
    return secret
