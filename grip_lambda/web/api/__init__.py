"""``/openapi.json``: the server's own API, for people, generators of clients and tests.

``paths.py`` has an entry for each address; a test compares them with those that there are.
"""

from __future__ import annotations

import orjson
from flask import Blueprint
from werkzeug.wrappers import Response

from ... import __version__
from ...protocol import openapi
from .operations import SCHEMAS, TAGS
from .paths import PATHS, UNDESCRIBED

__all__ = ["PATHS", "UNDESCRIBED", "blueprint", "document"]

blueprint = Blueprint("api", __name__)

_TEXT = (
    "Callable addresses for anything that can open a WebSocket. What hosts and callers send and get"
    " is described in words in the documentation."
)


@blueprint.get("/openapi.json")
def shown() -> Response:
    """Describe the server's own API."""
    response = Response(document(), content_type="application/json")
    response.headers["Cache-Control"] = "no-cache"
    return response


def document() -> bytes:
    """Return the OpenAPI document of the server."""
    return orjson.dumps(
        {
            "openapi": openapi.VERSION,
            "info": {
                "title": "grip-lambda",
                "version": __version__,
                "description": _TEXT,
                "license": {"name": "MIT", "identifier": "MIT"},
            },
            "servers": [{"url": "."}],
            "tags": [{"name": name, "description": text} for name, text in TAGS.items()],
            "paths": PATHS,
            "components": {"schemas": SCHEMAS, "securitySchemes": openapi.security_schemes()},
            "security": [{}, {"key": []}],
        }
    )
