"""How a command ends: exit statuses, and errors in one line."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager

import click

from ..client import errors
from ..client.writing import to_json
from ..errors import GripLambdaError

#: The host answered with an error, which is on stderr.
HOST_ERROR = 1
#: The command line or a setting makes no sense.
USAGE = 2
#: No such lambda is open.
NOT_FOUND = 3
#: The server is out of reach.
UNAVAILABLE = 4
#: There is no answer, and the host may have done the work.
NO_ANSWER = 5
#: The host runs as many calls as it takes.
BUSY = 6
#: The server refuses this, or a host was ended by somebody else.
REFUSED = 7
#: Ctrl-C, as shells count it.
INTERRUPTED = 130
#: SIGTERM, counted likewise.
TERMINATED = 143

HELP = f"""Exit status:
  0    it went well
  {HOST_ERROR}    the host answered with an error
  {USAGE}    the command line or a setting makes no sense
  {NOT_FOUND}    no such lambda is open
  {UNAVAILABLE}    the server is out of reach; the host was not asked
  {NO_ANSWER}    there is no answer (the deadline passed, the host went away);
       the host may have done the work
  {BUSY}    the host runs as many calls as it takes
  {REFUSED}    the server refuses this, also for want of an API key, or somebody else
       ended the host
  {INTERRUPTED}  Ctrl-C
  {TERMINATED}  the second SIGTERM: what ran did not end"""


@contextmanager
def told() -> Iterator[None]:
    """Tell errors in one line on stderr, and exit with the status for each."""
    try:
        yield
    except click.ClickException as error:
        if "\n" in error.format_message():  # the help, where there was no command
            error.show()
            sys.exit(USAGE)
        _fail(error.format_message(), error.exit_code)
    except (click.Abort, KeyboardInterrupt):
        sys.exit(INTERRUPTED)
    except GripLambdaError as error:
        _fail(_line(error), status_of(error))


def _fail(message: str, status: int) -> None:
    name = click.style("grip-lambda:", fg="red")
    click.echo(f"{name} {one_line(message)}", err=True)
    sys.exit(status)


def one_line(text: str) -> str:
    """Return a text as one line that changes nothing on a terminal."""
    return "".join(char if char.isprintable() else " " for char in text)


def _line(error: GripLambdaError) -> str:
    if isinstance(error, errors.RemoteError):
        return f"the host answered with an error: {to_json(error.error)}"
    return str(error)


def status_of(error: GripLambdaError) -> int:
    """Return the exit status for an error."""
    if not isinstance(error, errors.LambdaError):
        return USAGE
    by_kind: dict[type[errors.LambdaError], int] = {
        errors.RemoteError: HOST_ERROR,
        errors.NotFound: NOT_FOUND,
        errors.Unavailable: UNAVAILABLE,
        errors.Busy: BUSY,
    }
    return by_kind.get(type(error), NO_ANSWER if error.may_have_run else REFUSED)
