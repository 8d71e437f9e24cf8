"""The page at ``/``, which makes its own tab a lambda, and the JavaScript library."""

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
    response.headers["Referrer-Policy"] = "no-referrer"
    return response


@blueprint.get("/grip-lambda.js", defaults={"name": "grip-lambda.js"})
@blueprint.get("/grip-lambda/<name>.js")
def library(name: str) -> Response:
    """Serve the library, for ``import`` in pages of any origin.

    Its files are those of clients/js, and lie there so that relative imports find them.
    """
    file = name if name == "grip-lambda.js" else f"grip-lambda/{name}.js"
    response = current_app.send_static_file(file)
    response.headers["Content-Type"] = "text/javascript; charset=utf-8"
    return response
