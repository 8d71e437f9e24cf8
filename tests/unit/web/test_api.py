"""The server's own OpenAPI document has all of its addresses, and is one."""

from __future__ import annotations

import json
import re
from pathlib import Path

from openapi_spec_validator import OpenAPIV31SpecValidator

from grip_lambda.web.api import PATHS, UNDESCRIBED, document
from tests.support.wsgi import application

VERBS = {"get", "post", "put", "patch", "delete"}


def plain(path: str) -> str:
    """Return a path whatever its parts are called."""
    return re.sub(r"[<{][^>}]*[>}]", "{}", path)


def test_every_address_has_an_entry(tmp_path: Path) -> None:
    with application(tmp_path) as app:
        rules = [one for one in app.url_map.iter_rules() if not one.rule.startswith(UNDESCRIBED)]
    served = {
        (plain(rule.rule), verb.lower())
        for rule in rules
        for verb in rule.methods or ()
        if verb.lower() in VERBS
    }
    described = {
        (plain(path), verb) for path, entry in PATHS.items() for verb in entry if verb in VERBS
    }

    missing = sorted(served - described)
    assert not missing, f"add these to grip_lambda/web/api/paths.py, for /openapi.json: {missing}"
    gone = sorted(described - served)
    assert not gone, f"grip_lambda/web/api/paths.py has what is not served: {gone}"


def test_the_document_is_valid() -> None:
    told = json.loads(document())

    OpenAPIV31SpecValidator(told).validate()
    entries = [one for entry in PATHS.values() for one in entry.values()]
    names = [one["operationId"] for one in entries if isinstance(one, dict)]
    assert len(set(names)) == len(names)
