"""Flask: HTTP in, HTTP out, no decisions. A blueprint for each public surface."""

from __future__ import annotations

import gc
import logging
import os
import sys
from collections.abc import Iterable
from typing import TYPE_CHECKING

import flask
from flask import Flask
from werkzeug.wrappers import Request, Response

from .. import logs
from ..errors import BadRequest, ConfigError, Forbidden, StoreError
from ..hub import Hub
from ..settings import OPEN, SUPERVISED, Settings, load
from ..signs import give_signs
from . import api, bodies, callers, direct, errors, health, hosts, pages, tickets, watching
from .cors import finish
from .front import admit
from .incoming import check_query
from .origins import check_origin
from .parting import at_end, heed_leave, part
from .sealing import seal

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIEnvironment

__all__ = ["create_app"]

log = logging.getLogger(__name__)

#: A request makes some hundred objects, hardly any of them in a cycle.
_GC_THRESHOLD = 20_000


class _App(Flask):
    def wsgi_app(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        response = self._answer(environ, start_response)
        bodies.finish(environ)
        return response

    def _answer(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        hub = self.extensions["grip_lambda"]
        admit(hub.settings, environ)
        start_response = part(start_response)
        try:
            check_query(environ)
            check_origin(hub.settings, environ)
        except (BadRequest, Forbidden) as error:
            refused = errors.respond(error, environ, hub)
            finish(refused, environ, hub.settings)
            return refused(environ, start_response)
        start_response = seal(hub, environ, start_response)
        response = direct.answer(hub, Request(environ))
        if response is not None:
            return response(environ, start_response)
        return super().wsgi_app(environ, start_response)


def create_app(settings: Settings | None = None) -> Flask:
    """Make the WSGI application.

    Args:
        settings: read from the environment if None, by a server that is being started.

    Raises:
        ConfigError, StoreError: the settings make no sense, or the store can't be opened.
        SystemExit: the same where they are read from the environment; told in one line.
    """
    app = _App(__name__)
    app.url_map.merge_slashes = False
    try:
        hub = Hub(settings or load())
    except (ConfigError, StoreError) as error:
        if settings is not None:
            raise
        print(f"grip-lambda: {error}", file=sys.stderr, flush=True)
        raise SystemExit(2) from None
    app.extensions["grip_lambda"] = hub
    if settings is None:
        if {SUPERVISED, logs.FORMAT} & os.environ.keys() or hub.settings.access_log:
            logs.set_up("backend")
        at_end(hub.watching.stop)
    logging.getLogger("grip_lambda.calls").setLevel(logging.INFO)
    if settings is None and SUPERVISED in os.environ:
        give_signs(os.environ[SUPERVISED])
        heed_leave()
    elif hub.access.ring is None and SUPERVISED not in os.environ:
        log.warning(OPEN)

    @app.errorhandler(Exception)
    def _respond(error: Exception) -> Response:
        return errors.respond(error, flask.request.environ, hub)

    @app.after_request
    def _finish(response: flask.Response) -> Response:
        finish(response, flask.request.environ, hub.settings)
        return response

    for blueprint in (*hosts.blueprints, *callers.blueprints, *watching.blueprints):
        app.register_blueprint(blueprint)
    for one in (tickets, pages, health, api):
        app.register_blueprint(one.blueprint)
    # What lives as long as the process is not looked through again for garbage.
    gc.collect()
    gc.freeze()
    gc.set_threshold(_GC_THRESHOLD)
    return app
