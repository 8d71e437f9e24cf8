"""What the documents say and the repository has."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
DOCUMENTS = [ROOT / "README.md", ROOT / "CHANGELOG.md", *sorted((ROOT / "docs").glob("*.md"))]


@pytest.mark.parametrize("name", ["host.py", "host.mjs"])
def test_the_readme_shows_the_examples_as_they_are(name: str) -> None:
    assert (ROOT / "examples" / name).read_text() in (ROOT / "README.md").read_text()


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
    code = "".join((ROOT / "grip_lambda" / name).read_text() for name in ("settings.py", "cli.py"))
    names = set(re.findall(r"\b(?:GRIP_[A-Z_]+|PORT|WORKERS)\b", code))
    documented = (ROOT / "docs" / "settings.md").read_text()

    assert {name for name in names if f"`{name}`" not in documented} == set()
