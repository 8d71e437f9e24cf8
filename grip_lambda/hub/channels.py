"""Names of channels: one for each host's connection, each call, and each hold that reads a log."""

from __future__ import annotations

import re

from ..protocol.ids import is_lambda_id
from ..store import Call, Wait

_CALL = "call-"
_HOST = "host-"
_LOG = "log-"
_LOG_CHANNEL = re.compile(_LOG + r"([A-Za-z0-9_-]{16})-(\d{1,9})-([A-Za-z0-9_.@-]+)", re.ASCII)
#: Logs of calls of all hosts of a service have names that begin so.
ALL = "all."
_WAIT = "wait-"
#: Two tokens of 22 characters and a dash.
_TOKENS = 45


def is_number(text: str) -> bool:
    """Tell whether ``text`` may be the number of an entry in a log."""
    return text.isascii() and text.isdigit() and len(text) < 10


def host_channel(lambda_id: str, connection: str) -> str:
    """Return the channel that a host's connection is subscribed to."""
    return f"{_HOST}{lambda_id}-{connection}"


def parse_host_channel(channel: str) -> tuple[str, str] | None:
    """Return the lambda id and the connection in a host's channel, or None if it is none."""
    lambda_id, dash, connection = channel[len(_HOST) :][:16], channel[21:22], channel[22:]
    if channel.startswith(_HOST) and is_lambda_id(lambda_id) and dash == "-" and connection:
        return lambda_id, connection
    return None


def call_channel(call: Call) -> str:
    """Return the channel that the caller is held on."""
    return f"{_CALL}{call.lambda_id}-{call.token}"


def wait_channel(wait: Wait) -> str:
    """Return the channel that somebody is held on who waits for another's call."""
    return f"{_WAIT}{wait.lambda_id}-{wait.call}-{wait.token}"


def parse_wait_channel(channel: str) -> str | None:
    """Return the token of the call that is waited for, or None."""
    lambda_id, _, tokens = channel[len(_WAIT) :][:16], channel[21:22], channel[22:]
    if channel.startswith(_WAIT) and is_lambda_id(lambda_id) and len(tokens) == _TOKENS:
        return tokens[: _TOKENS // 2]
    return None


def parse_call_channel(channel: str) -> tuple[str, str] | None:
    """Return the lambda id and the token in a call's channel, or None if it is none."""
    lambda_id, dash, token = channel[len(_CALL) :][:16], channel[21:22], channel[22:]
    if channel.startswith(_CALL) and is_lambda_id(lambda_id) and dash == "-" and token:
        return lambda_id, token
    return None


def log_channel(lambda_id: str, log: str, hold: int) -> str:
    """Return the channel of one hold that reads a log; ``log`` is the connection or the call."""
    return f"{_LOG}{lambda_id}-{hold}-{log}"


def parse_log_channel(channel: str) -> tuple[str, str, int] | None:
    """Return the lambda id, the log and the hold of such a channel, or None if it is none."""
    found = _LOG_CHANNEL.fullmatch(channel)
    if found is None or found[3].startswith(ALL):
        return None
    return found[1], found[3], int(found[2])


def all_channel(place: str, name: str, hold: int) -> str:
    """Return the channel of one hold that reads what all hosts of a service answer."""
    return log_channel(place, f"{ALL}{name}", hold)


def parse_all_channel(channel: str) -> tuple[str, str, int] | None:
    """Return the place, the name and the hold of such a channel, or None if it is none."""
    found = _LOG_CHANNEL.fullmatch(channel)
    if found is None or not found[3].startswith(ALL):
        return None
    return found[1], found[3][len(ALL) :], int(found[2])
