"""What the documents say and the repository has."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from grip_lambda.cli import exits

ROOT = Path(__file__).parents[2]
DOCUMENTS = [ROOT / "README.md", ROOT / "CHANGELOG.md", *sorted((ROOT / "docs").glob("*.md"))]


@pytest.mark.parametrize(
    ("document", "name"),
    [
        ("README.md", "host.py"),
        ("README.md", "host.mjs"),
        ("docs/keys.md", "ticket.mjs"),
        ("docs/lambda-api.md", "plain_host.py"),
        ("docs/monologue.md", "chat.py"),
        ("docs/python.md", "host.py"),
        ("docs/python.md", "caller.py"),
        ("docs/python.md", "async_both.py"),
        ("docs/javascript.md", "library_host.mjs"),
        ("docs/javascript.md", "caller.mjs"),
        ("docs/web-page.md", "push-to-tab/index.html"),
        ("docs/invocations.md", "aws.py"),
        ("docs/invocations.md", "context_host.py"),
        ("docs/functions.md", "faas_chat.py"),
        ("docs/http-hosts.md", "stream_host.sh"),
        ("docs/http-hosts.md", "poll_host.sh"),
        ("docs/http-hosts.md", "event_source.html"),
        ("docs/functions.md", "faas_http.py"),
    ],
)
def test_documents_show_the_examples_as_they_are(document: str, name: str) -> None:
    assert (ROOT / "examples" / name).read_text() in (ROOT / document).read_text()


def test_the_exit_statuses_are_documented() -> None:
    documented = (ROOT / "docs" / "command-line.md").read_text()
    statuses = [value for name, value in vars(exits).items() if name.isupper() and name != "HELP"]

    assert len(statuses) == 8
    for status in statuses:
        assert f"| {status} |" in documented
        assert re.search(rf"^  {status} ", exits.HELP, re.MULTILINE)


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_links_lead_somewhere(document: Path) -> None:
    prose = re.sub(r"```.*?```", "", document.read_text(), flags=re.DOTALL)
    links = re.findall(r"\]\(([^)#]+)[^)]*\)", prose)

    missing = [
        link
        for link in links
        if not link.startswith("https://") and not (document.parent / link).exists()
    ]

    assert missing == []


def test_every_setting_is_documented() -> None:
    package = ROOT / "grip_lambda"
    files = [
        package / "settings.py",
        package / "proxies.py",
        package / "faas/publishing.py",
        package / "client/addresses.py",
        *package.glob("cli/*.py"),
    ]
    code = "".join(path.read_text() for path in files)
    names = set(re.findall(r"\b(?:GRIP_[A-Z_]+|PORT|WORKERS)\b", code))
    documented = (ROOT / "docs" / "settings.md").read_text()

    assert {name for name in names if f"`{name}`" not in documented} == set()
