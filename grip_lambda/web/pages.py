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


@blueprint.get("/grip-lambda.js", defaults={"file": "grip-lambda.js"})
@blueprint.get("/grip-lambda.bundle.js", defaults={"file": "grip-lambda.bundle.js"})
def library(file: str) -> Response:
    """Serve the library, for ``import`` in pages of any origin: as it is, or in one file.

    Its files are those of clients/js, and lie there so that relative imports find them.
    """
    response = _code(file, "text/javascript")
    response.headers["X-TypeScript-Types"] = "./grip-lambda.d.ts"  # Deno reads it
    return response


@blueprint.get("/grip-lambda/<name>.js")
def library_module(name: str) -> Response:
    """Serve a module of the library."""
    return _code(f"grip-lambda/{name}.js", "text/javascript")


@blueprint.get("/grip-lambda.d.ts")
def library_types() -> Response:
    """Serve the types of the library, for TypeScript."""
    return _code("grip-lambda.d.ts", "application/typescript")


def _code(file: str, content_type: str) -> Response:
    response = current_app.send_static_file(file)
    response.headers["Content-Type"] = f"{content_type}; charset=utf-8"
    return response
