"""What the documents say and the repository has."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from grip_lambda.cli import exits
from tools import reference

ROOT = Path(__file__).parents[2]
DOCUMENTS = [
    *sorted(ROOT.glob("*.md")),
    *(ROOT / folder / "README.md" for folder in ("clients/js", "examples", "pushpin", "tests")),
    *sorted((ROOT / "docs").glob("*.md")),
]


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

    assert len(statuses) == 9
    for status in statuses:
        assert f"| {status} |" in documented
        assert re.search(rf"^  {status} ", exits.HELP, re.MULTILINE)


def prose(document: Path) -> str:
    return re.sub(r"```.*?```", "", document.read_text(), flags=re.DOTALL)


def anchors(document: Path) -> set[str]:
    """Return the anchors of a document's headings, as sites that host repositories make them."""
    headings = re.findall(r"^#+ (.*)$", prose(document), re.MULTILINE)
    texts = [re.sub(r"\[([^]]*)\]\([^)]*\)", r"\1", heading) for heading in headings]
    return {re.sub(r"[^\w\- ]", "", text.lower()).replace(" ", "-") for text in texts}


@pytest.mark.parametrize(
    "document", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)).replace("/", "-")
)
def test_links_lead_somewhere(document: Path) -> None:
    missing = []
    for link, anchor in re.findall(r"\]\(([^)#\s]*)#?([^)\s]*)\)", prose(document)):
        if link.startswith("https://"):
            continue
        to = document.parent / link if link else document
        if not to.exists() or (anchor and to.suffix == ".md" and anchor not in anchors(to)):
            missing.append(f"{link}#{anchor}")

    assert missing == []


@pytest.mark.parametrize(
    ("index", "files"),
    [
        ("docs/README.md", "docs/*.md"),
        ("examples/README.md", "examples/*.*"),
    ],
)
def test_an_index_has_all_files(index: str, files: str) -> None:
    text = (ROOT / index).read_text()
    names = [path.name for path in ROOT.glob(files) if path.name != "README.md"]

    assert len(names) > 10
    assert [name for name in names if f"]({name})" not in text] == []


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
    names = set(re.findall(r"\b(?:GRIP_[A-Z_]*[A-Z]|HOST|PORT|WORKERS)\b", code))
    documented = (ROOT / "docs" / "settings.md").read_text()

    assert {name for name in names if f"`{name}`" not in documented} == set()


def test_every_command_and_option_is_in_its_document(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("GRIP_LAMBDA_URL", raising=False)
    page = reference.PAGE.read_text()

    assert reference.with_reference(page) == page, "`make reference` writes it anew"
    assert "grip-lambda keys add" in page


def test_what_is_made_is_a_target_of_the_makefile() -> None:
    makefile = (ROOT / "Makefile").read_text()
    targets = re.findall(r"^([a-z-]+):(?! *=)", makefile, re.MULTILINE)
    named = {
        target
        for document in DOCUMENTS
        for target in re.findall(r"`make ([a-z-]+)", document.read_text())
    }

    assert len(targets) == len(set(targets)), "one of two targets of a name is lost"
    assert named <= set(targets)
