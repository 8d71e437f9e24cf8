"""What Pushpin keeps for us of a host's connection, and sends along with each batch."""

from __future__ import annotations

from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import msgspec

from ...protocol import jsonrpc
from ...protocol.monologue import DEFAULT_WAIT_S
from ...store import WEBSOCKET

#: Bytes of the meta header, which comes with each batch.
_META_MAX = 2000


@dataclass(frozen=True)
class Connection:
    """A real WebSocket, as the Pushpin that holds it describes it; or what stands in its place.

    Attributes:
        id: Pushpin's id of it; or our own, see protocol/ids.py.
        node: the Pushpin.
        headers: gives those of the handshake, as the listing shows them.
        transport: as in store.Lambda.
        client: gives whom its lambda counts for, unless that is an API key; see access/limits.py.
        lives_s: for how many seconds its lambda is open unless it is seen; None for the usual.
    """

    id: str
    node: str
    headers: Callable[[], Mapping[str, Sequence[str]]]
    transport: str = WEBSOCKET
    lives_s: float | None = None
    client: Callable[[], str] = str


@dataclass(frozen=True)
class Opening:
    """What a client asks for that is to be a host.

    Attributes:
        wanted: the id to reopen, or None.
        token: the reopen token, or empty.
        code: the codec that it speaks.
        owner: the id of its API key; empty without one.
        private: whether the lambda is to be callable with an API key only.
        client: whom it counts for, unless that is the key; see access/limits.py.
        transport: as in store.Lambda.
        services: the names that it is to share.
    """

    wanted: str | None = None
    token: str = ""
    code: str = jsonrpc.CODE
    owner: str = ""
    private: bool = False
    client: str = ""
    transport: str = WEBSOCKET
    services: tuple[str, ...] = ()


class MonologueTerms(msgspec.Struct, frozen=True, array_like=True):
    """What is known of a Monologue client beside that.

    Attributes:
        wait_s: how long its calls may take, in seconds.
        details: whether it wants to know more than its id.
        recovered: whether that was open within the last day.
        calls: how many it has made: a batch that comes twice is told from a call made twice.
    """

    wait_s: float = DEFAULT_WAIT_S
    details: bool = False
    recovered: bool = False
    calls: int = 0


class Session(msgspec.Struct, frozen=True, array_like=True):
    """How far a host's connection has come, and what its host said when it acknowledged.

    Attributes:
        lambda_id: the address that it opens or holds.
        generation: what its reopen token is bound to.
        connected_at: when it connected, in whole seconds since 1970.
        may_take_over: whether it showed the token of the id.
        acknowledged_at: when the host acknowledged, in seconds since 1970; None before.
        max_calls: how many calls it takes at a time; None for any number.
        methods: the names that it gave; None where it gave none, or too many for a header.
        code: the codec that it speaks.
        context: whether it wants the context of each call.
        owner: the id of the API key that opened it; empty without one.
        private: whether it is to be callable with an API key only.
        replaces: the generation of another key's lambda, whose token it showed: its tokens end.
        monologue: what is known beside that of a client that speaks Monologue; else None.
        services: the names that it shares.
    """

    lambda_id: str
    generation: str
    connected_at: int = 0
    may_take_over: bool = False
    acknowledged_at: float | None = None
    max_calls: int | None = None
    methods: list[str] | None = None
    code: str = jsonrpc.CODE
    context: bool = False
    owner: str = ""
    private: bool = False
    replaces: str = ""
    monologue: MonologueTerms | None = None
    services: tuple[str, ...] = ()

    @property
    def is_open(self) -> bool:
        return self.acknowledged_at is not None

    def encode(self) -> str:
        """Return the value of the meta header."""
        text = urlsafe_b64encode(_encoder.encode(self))
        if len(text) > _META_MAX and self.methods is not None:
            return msgspec.structs.replace(self, methods=None).encode()
        return text.decode()

    @classmethod
    def decode(cls, text: str) -> Session | None:
        """Read the meta header of a batch from a real WebSocket; None where there is none."""
        try:
            return _decoder.decode(urlsafe_b64decode(text))
        except (ValueError, msgspec.MsgspecError):
            return None


_encoder = msgspec.json.Encoder()
_decoder = msgspec.json.Decoder(Session)
