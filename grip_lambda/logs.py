"""One form for the lines of the log, whoever writes them: time, level, part, message.

``GRIP_LAMBDA_LOG=json`` makes each line a JSON object of these. What other programs print (nginx,
Pushpin, granian) is put into the same form. No line has a key, a token or a ticket in it.
"""

from __future__ import annotations

import logging
import os
import re
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import orjson

#: The setting, and its values.
FORMAT = "GRIP_LAMBDA_LOG"
FORMATS = ("text", "json")
#: What the attribute of a record is called that has more members for its line.
MORE = "call"

_SECRETS = re.compile(
    r"\bgl_[0-9a-f]{16}_[\w-]{43}|(?<=[?&]token=)[^\s&\"]+|(?<=[?&]ticket=)[^\s&\"]+", re.ASCII
)
_CONTROLS = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]")
_LEVELS = {
    **{"debug": "DEBUG", "info": "INFO", "notice": "INFO", "warn": "WARNING"},
    **{"warning": "WARNING", "error": "ERROR", "err": "ERROR", "crit": "CRITICAL"},
    **{"alert": "CRITICAL", "emerg": "CRITICAL", "critical": "CRITICAL"},
}
_PUSHPIN = re.compile(r"\[(\w+)\] (\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d{3}) (.*)", re.DOTALL)
_NGINX = re.compile(
    r"(\d{4}/\d\d/\d\d \d\d:\d\d:\d\d) \[(\w+)\] \d+#\d+: (?:\*\d+ )?(.*)", re.DOTALL
)
#: Redis and Valkey say by a sign how much a line matters.
_REDIS = re.compile(r"\d+:\w (\d\d \w{3} \d{4} \d\d:\d\d:\d\d\.\d{3}) ([.*#-]) (.*)", re.DOTALL)
_SIGNS = {".": "DEBUG", "-": "DEBUG", "*": "INFO", "#": "WARNING"}
_SHORT = re.compile(r"(?:\w+: )?\[(\w+)\] (.*)", re.DOTALL)
#: What nginx adds to a line: the request, whose address may have a token in it.
_REQUEST = re.compile(r", (?:client|server|request): .*", re.DOTALL)


def is_json() -> bool:
    """Tell whether lines are JSON objects."""
    return os.environ.get(FORMAT) == "json"


class Formatter(logging.Formatter):
    """Puts a record into the form."""

    def __init__(self, part: str = "backend") -> None:
        """Format for one part.

        Args:
            part: who writes: ``backend``, ``supervisor``, …
        """
        super().__init__()
        self._part = part

    def format(self, record: logging.LogRecord) -> str:
        """Return the line of a record, with its traceback if it has one."""
        message = record.getMessage()
        more: dict[str, Any] = dict(getattr(record, MORE, {}))
        if record.exc_info:
            more["exception"] = self.formatException(record.exc_info)
        return line(self._part, record.levelname, message, record.created, more)


def line(
    part: str, level: str, message: str, time: float, more: Mapping[str, Any] | None = None
) -> str:
    """Return a line of the log, without its end.

    Args:
        part: who writes.
        time: in seconds since 1970.
        more: what else is to be said: members of the object; in text ``name=value`` behind the
            message, an exception in lines of its own, indented.
    """
    told = dict(more or {})
    stamp = datetime.fromtimestamp(time, UTC).isoformat(timespec="milliseconds")
    stamp = stamp.replace("+00:00", "Z")
    if is_json():
        # The time of a line is that of the line, whatever it tells of.
        known = {"time": stamp, "level": level, "part": part, "message": _whole(message)}
        more = {k: _whole(v) for k, v in told.items() if k not in known}
        text = orjson.dumps(known | more).decode()
        text = _CONTROLS.sub(lambda found: f"\\u{ord(found[0]):04x}", text)
        return _SECRETS.sub("[redacted]", text)
    trace = str(told.pop("exception", ""))
    told.pop("time", None)
    words = [message, *(f"{name}={_value(value)}" for name, value in told.items())]
    shown = f"{stamp} {level} {part} {_plain(' '.join(words))}"
    shown += "".join(f"\n    {_plain(one)}" for one in trace.splitlines())
    return _SECRETS.sub("[redacted]", shown)


def translated(part: str, text: str) -> str:
    """Return a line that another program has printed, in our form, without its end."""
    now = datetime.now(UTC).timestamp()
    if found := _PUSHPIN.fullmatch(text):
        time = datetime.strptime(found[2], "%Y-%m-%d %H:%M:%S.%f").timestamp()
        return line(part, _level(found[1]), found[3], time)
    if found := _NGINX.fullmatch(text):
        time = datetime.strptime(found[1], "%Y/%m/%d %H:%M:%S").timestamp()
        return line(part, _level(found[2]), _REQUEST.sub("", found[3]), time)
    if found := _REDIS.fullmatch(text):
        time = datetime.strptime(found[1], "%d %b %Y %H:%M:%S.%f").timestamp()
        return line(part, _SIGNS[found[2]], found[3], time)
    if found := _SHORT.fullmatch(text):
        return line(part, _level(found[1]), found[2], now)
    return line(part, "INFO", text, now)


def set_up(part: str, level: int = logging.WARNING) -> None:
    """Have this process write its log in the form, to standard error.

    Args:
        part: what it is called there.
        level: the least level that is written.
    """
    handler = logging.StreamHandler()
    handler.setFormatter(Formatter(part))
    logging.basicConfig(handlers=[handler], level=level, force=True)


def _level(word: str) -> str:
    return _LEVELS.get(word.lower(), "INFO")


def _whole(value: Any) -> Any:
    """Return a value whose text can be written: without half surrogate pairs."""
    if isinstance(value, str):
        return value.encode(errors="backslashreplace").decode()
    return value


def _plain(text: str) -> str:
    return _CONTROLS.sub(lambda found: found[0].encode("unicode_escape").decode(), _whole(text))


def _value(value: Any) -> str:
    if isinstance(value, str) and re.fullmatch(r"[\w.:/@+-]+", value):
        return value
    return orjson.dumps(_whole(value)).decode()
