"""The front: an nginx that asks backends for calls, and Pushpins for all that is held."""

from __future__ import annotations

import logging
import os
import pwd
import resource
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from string import Template

from .. import settings
from ..errors import ConfigError

log = logging.getLogger(__name__)

#: How often a server is asked that is the only one of its kind.
_TRIES = 6
#: New hosts a second that each Pushpin is given; it can open some 800.
_OPENINGS = 300
#: Connections of an nginx process that are no client's: where it listens, and to its master.
_OWN_CONNECTIONS = 16


@dataclass(frozen=True)
class FrontConfig:
    """One nginx.

    Attributes:
        listen: the addresses that it listens on, ``host:port``, IPv6 in brackets.
        pushpins: those of the Pushpins.
        backends: those of the backends.
        key: what a backend knows its requests by.
        rundir: the folder for its files.
        private: where the Pushpins ask, to be spread over the backends; None if they ask those.
        certificate, certificate_key: files for TLS; None without.
    """

    listen: Sequence[str]
    pushpins: Sequence[str]
    backends: Sequence[str]
    key: str
    rundir: Path
    private: str | None = None
    certificate: Path | None = None
    certificate_key: Path | None = None

    def write(self) -> list[str]:
        """Write its configuration, and return the command that starts it."""
        self.rundir.mkdir(parents=True, exist_ok=True, mode=0o700)
        files, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
        workers = os.cpu_count() or 1
        private = (
            ""
            if self.private is None
            else _template("nginx-private.conf").substitute(
                PRIVATE=self.private,
                BACKENDS=_servers(self.backends, "max_fails=1 fail_timeout=1s"),
            )
        )
        path = self.rundir / "nginx.conf"
        path.touch(mode=0o600)
        path.write_text(
            _template("nginx.conf").substitute(
                RUNDIR=self.rundir,
                USER=_user(),
                WORKERS=workers,
                FILES=files,
                CONNECTIONS=_connections_within(files),
                # That a host has gone is a 502, too, for which no Pushpin may be left out.
                PUSHPINS=_servers(self.pushpins, "max_fails=0"),
                BACKENDS=_servers(self.backends, _failing(self.backends)),
                OPENINGS=_OPENINGS * len(self.pushpins),
                PRIVATE=private,
                LISTEN=self._listen(),
                PATIENT="\n".join(map(_patient, settings.PATIENCES_S)),
                KEY=self.key,
            )
        )
        return [_program() or "nginx", "-p", str(self.rundir), "-e", "stderr", "-c", str(path)]

    def _listen(self) -> str:
        """Return where clients connect, as lines of the configuration."""
        tls = " ssl http2" if self.certificate else ""
        lines = [f"listen {_listened(one)}{tls};" for one in self.listen]
        if self.certificate and self.certificate_key:
            lines += [
                f'ssl_certificate "{self.certificate.absolute()}";',
                f'ssl_certificate_key "{self.certificate_key.absolute()}";',
                "ssl_protocols TLSv1.2 TLSv1.3;",
                "ssl_session_cache shared:tls:10m;",
            ]
        return "\n".join(f"        {line}" for line in lines)


def is_wanted(env: Mapping[str, str]) -> bool:
    """Tell whether to start a front; say so if there is no nginx for it.

    Raises:
        ConfigError: a setting makes no sense.
    """
    if not settings.whole_number(env, "GRIP_LAMBDA_FRONT", 1, 0, 1):
        return False
    if _program() is None:
        log.warning(
            "nginx is not installed, so calls go through Pushpin; apt-get install nginx-light"
        )
        return False
    return True


def clients_within(files: int) -> int:
    """Return how many clients one nginx process can serve at once that may open so many files.

    It may be that all clients come to the same process.
    """
    return (_connections_within(files) - _OWN_CONNECTIONS) // 2


def check_nginx() -> None:
    """Make sure that nginx can be started.

    Raises:
        ConfigError: it is missing, with how to install it.
    """
    if _program() is None:
        raise ConfigError("nginx is not installed; on Debian: apt-get install nginx-light")


def _connections_within(files: int) -> int:
    """Return how many connections an nginx process may have; what is left is for its files.

    Each is an open file. A process that runs out of these answers 503; one that runs out of
    connections ends those that have not asked for anything first.
    """
    return min(65_536, files * 3 // 4)


def _patient(seconds: int) -> str:
    """Return where a Pushpin is asked that is silent for so long at most."""
    pushpin = f"proxy_read_timeout {seconds}s; proxy_pass http://pushpin;"
    return f"            location /held/{seconds}/ {{ internal; {pushpin} }}"


def _user() -> str:
    """Return who nginx's processes are to run as; root can choose, others can't."""
    return "# not root" if os.geteuid() else f"user {pwd.getpwuid(os.getuid()).pw_name};"


def _program() -> str | None:
    """Return the path of nginx, which Debian keeps where only root looks."""
    return shutil.which("nginx", path=f"{os.environ.get('PATH', os.defpath)}:/usr/sbin:/sbin")


def _template(name: str) -> Template:
    return Template(resources.files(__package__).joinpath(name).read_text())


def _listened(address: str) -> str:
    """Return where to listen: on all addresses of IPv6 means on those of IPv4, too."""
    return f"{address} ipv6only=off" if address.startswith("[::]:") else address


def _failing(addresses: Sequence[str]) -> str:
    """Return when a server is left out: never, if it is the only one."""
    return "max_fails=1 fail_timeout=1s" if len(addresses) > 1 else "max_fails=0"


def _servers(addresses: Sequence[str], failing: str) -> str:
    """Return each server as often as it takes for one alone to be asked ``_TRIES`` times."""
    times = -(-_TRIES // len(addresses))
    return "\n".join(f"        server {one} {failing};" for one in [*addresses] * times)
