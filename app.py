"""The WSGI entry point."""

from grip_lambda.web import create_app

app = create_app()
