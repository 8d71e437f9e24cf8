"""Hosts on WebSocket that speak JSON-RPC."""

from __future__ import annotations

from gripcontrol import WebSocketEvent

from ...errors import ProtocolError
from ...grip import events
from ...protocol import codecs, jsonrpc
from ..channels import host_channel
from ..delivery import Closing
from .batches import Batch, WebSocketBatches
from .session import Connection, Opening, Session


class WebSocketHosts(WebSocketBatches):
    """Takes their answers."""

    def handshake(
        self, connection: Connection, opening: Opening
    ) -> tuple[Session, list[WebSocketEvent]]:
        """Accept a connection, and ask its host to acknowledge.

        Raises:
            BadRequest, Forbidden: as Hosts.open.
        """
        session, message = self._hosts.open(opening)
        return session, [
            events.accepted(),
            events.subscribe(host_channel(session.lambda_id, connection.id)),
            events.ping_every(self._ping_s),
            events.text(message),
        ]

    def _message(self, batch: Batch, content: bytes) -> None:
        codec = codecs.of(batch.session.code)
        received = codec.receive(content)
        for message in received.messages:
            self._one(batch, message)
        response = codec.response(received)
        if response is not None:
            batch.out.append(events.text(response))

    def _one(self, batch: Batch, message: jsonrpc.Message) -> None:
        if isinstance(message, jsonrpc.Notification):
            self._hosts.notified(batch.connection, batch.session, message)
        elif isinstance(message, jsonrpc.Answer):
            if isinstance(message.id, str):
                batch.answers.append(message)
            elif message.id == 0 and not batch.session.is_open:
                if message.is_error:
                    raise ProtocolError("the host refused to open", Closing.NOT_ACKNOWLEDGED.code)
                self._enter(batch, message.value)
