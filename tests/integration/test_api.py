"""The server does what its own OpenAPI document says: requests made of the document, by chance."""

from __future__ import annotations

from typing import Any

import pytest
import requests
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from grip_lambda.web.api import PATHS
from tests.integration.conftest import HostFactory
from tests.support.stack import Stack

#: A stream that does not end, and what would open lambdas.
APART = {"/events", "/lambda/new"}
OPERATIONS = [
    (verb, path)
    for path, entry in PATHS.items()
    if path not in APART
    for verb in entry
    if verb != "parameters"
]
#: There are no keys here; some addresses only tell what to do instead; and not all that a request
#: has to be is said in a schema.
EXCLUDED = ["ignored_auth", "unsupported_method", "positive_data_acceptance"]
FEW = settings(
    max_examples=15,
    deadline=None,
    phases=[Phase.generate],
    suppress_health_check=list(HealthCheck),
    database=None,
    derandomize=True,
)


@pytest.fixture(scope="module")
def schema(serve_stack: Stack) -> Any:
    return schemathesis.openapi.from_url(f"{serve_stack.url}/openapi.json")


@pytest.mark.parametrize(("verb", "path"), OPERATIONS)
def test_requests_that_the_document_allows(
    stack: Stack, schema: Any, host: HostFactory, verb: str, path: str
) -> None:
    known = host(lambda method, body: [method, body])
    excluded = schemathesis.checks.CHECKS.get_by_names(EXCLUDED)
    operation = schema[path][verb.upper()]

    @FEW
    @given(operation.as_strategy(), st.booleans())
    def ask(case: Any, is_known: bool) -> None:
        if is_known and "id" in case.path_parameters and verb != "delete":
            case.path_parameters["id"] = known.id
        case.headers["Prefer"] = "wait=1"
        case.call_and_validate(base_url=stack.url, timeout=20, excluded_checks=excluded)

    ask()


def test_it_can_be_read_by_anybody(stack: Stack) -> None:
    told = requests.get(f"{stack.url}/openapi.json", headers={"Origin": "https://x"}, timeout=10)

    assert told.headers["Access-Control-Allow-Origin"] == "*"
    assert told.json()["info"]["title"] == "grip-lambda"
