"""The pages at ``/`` and ``/console``, and the JavaScript library."""

from __future__ import annotations

from flask import Blueprint, Response, current_app

blueprint = Blueprint("pages", __name__)

#: Nothing from elsewhere, and nothing that stands in the page itself.
_CONSOLE_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src data:;"
    " connect-src 'self' ws: wss:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)


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


@blueprint.get("/console")
def console() -> Response:
    """Serve the console."""
    response = current_app.send_static_file("console/index.html")
    response.headers["Content-Security-Policy"] = _CONSOLE_POLICY
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
