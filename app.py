"""The WSGI entry point."""

from grip_lambda.extras import needs

with needs("server", "the server"):
    from grip_lambda.web import create_app

app = create_app()
