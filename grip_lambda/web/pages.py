"""The page at ``/``: makes its own tab a lambda."""

from __future__ import annotations

from flask import Blueprint, Response, current_app

blueprint = Blueprint("pages", __name__)


@blueprint.get("/")
def index() -> Response:
    """Serve the page."""
    response = current_app.send_static_file("index.html")
    response.headers["Content-Security-Policy"] = (
        "default-src 'none'; style-src 'self'; script-src 'self'; img-src data:; connect-src *;"
        " base-uri 'none'; frame-ancestors 'none'"
    )
    return response
