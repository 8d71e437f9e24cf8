"""Flask: HTTP in, HTTP out, no decisions. A blueprint for each public surface."""

from __future__ import annotations

import gc
import logging
import os
from collections.abc import Iterable
from typing import TYPE_CHECKING

import flask
from flask import Flask
from werkzeug.wrappers import Request, Response

from ..hub import Hub
from ..settings import OPEN, SUPERVISED, Settings, load
from . import (
    aws,
    calls,
    direct,
    errors,
    health,
    invocations,
    lambdas,
    pages,
    results,
    tickets,
)
from .cors import allow_origins
from .sealing import seal

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIEnvironment

__all__ = ["create_app"]

log = logging.getLogger(__name__)

#: A request makes some hundred objects, hardly any of them in a cycle.
_GC_THRESHOLD = 20_000


class _App(Flask):
    def wsgi_app(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        hub = self.extensions["grip_lambda"]
        start_response = seal(hub, environ, start_response)
        response = direct.answer(hub, Request(environ))
        if response is not None:
            return response(environ, start_response)
        return super().wsgi_app(environ, start_response)


def create_app(settings: Settings | None = None) -> Flask:
    """Make the WSGI application.

    Args:
        settings: read from the environment if None.

    Raises:
        ConfigError, StoreError: the settings make no sense, or the store can't be opened.
    """
    app = _App(__name__)
    app.url_map.merge_slashes = False
    hub = Hub(settings or load())
    app.extensions["grip_lambda"] = hub
    if hub.access.ring is None and SUPERVISED not in os.environ:
        log.warning(OPEN)
    app.register_error_handler(Exception, errors.respond)

    @app.after_request
    def _allow_origins(response: flask.Response) -> Response:
        allow_origins(response, flask.request.environ, hub.settings.origins)
        return response

    for one in (lambdas, calls, invocations, aws, results, tickets, pages, health):
        app.register_blueprint(one.blueprint)
    # What lives as long as the process is not looked through again for garbage.
    gc.collect()
    gc.freeze()
    gc.set_threshold(_GC_THRESHOLD)
    return app
