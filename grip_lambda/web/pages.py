"""The pages at ``/`` and ``/console``, and the JavaScript library."""

from __future__ import annotations

from flask import Blueprint, Response, current_app

blueprint = Blueprint("pages", __name__)

#: Nothing from elsewhere, and nothing that stands in the page itself.
_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src data:;"
    " connect-src 'self' ws: wss:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)


@blueprint.get("/")
def index() -> Response:
    """Serve the page that says what this is; it has no script."""
    return _page("welcome.html")


@blueprint.get("/console")
def console() -> Response:
    """Serve the console."""
    return _page("console/index.html")


def _page(file: str) -> Response:
    response = current_app.send_static_file(file)
    response.headers["Content-Security-Policy"] = _POLICY
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
