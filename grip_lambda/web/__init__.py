"""Flask: HTTP in, HTTP out, no decisions. A blueprint for each public surface."""

from __future__ import annotations

from flask import Flask, Request
from werkzeug.routing import MapAdapter

from ..hub import Hub
from ..settings import Settings, load
from . import calls, errors, lambdas, pages
from .cors import allow_origins

__all__ = ["create_app"]


class _App(Flask):
    """Flask without virtual hosts, which nothing here uses and each request would pay for."""

    def create_url_adapter(self, request: Request | None) -> MapAdapter | None:
        if request is None:
            return None
        return self.url_map.bind("localhost", path_info=request.path, default_method=request.method)


def create_app(settings: Settings | None = None) -> Flask:
    """Make the WSGI application.

    Args:
        settings: read from the environment if None.

    Raises:
        ConfigError, StoreError: the settings make no sense, or the store can't be opened.
    """
    app = _App(__name__)
    app.url_map.merge_slashes = False
    app.json.ensure_ascii = False  # type: ignore[attr-defined]
    hub = Hub(settings or load())
    app.extensions["grip_lambda"] = hub
    errors.register(app)
    allow_origins(app, hub.settings.origins)
    app.register_blueprint(lambdas.blueprint)
    app.register_blueprint(calls.blueprint)
    app.register_blueprint(pages.blueprint)
    return app
