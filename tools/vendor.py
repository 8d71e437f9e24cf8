"""Write the libraries of the console into grip_lambda/web/static/vendor.

tools/vendor.json names the npm packages, with versions and integrity hashes, and the files that
are taken. npm fetches the packages; the hashes of what was written are recorded there.
"""

from __future__ import annotations

import base64
import hashlib
import json
import subprocess
import tarfile
import tempfile
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]
PINS = ROOT / "tools" / "vendor.json"
TARGET = ROOT / "grip_lambda" / "web" / "static" / "vendor"


def fetch(package: dict[str, Any], folder: Path) -> Path:
    """Fetch the tarball of a package.

    Raises:
        SystemExit: it is not the one that is pinned.
    """
    named = f"{package['name']}@{package['version']}"
    command = ["npm", "pack", "--silent", named]
    subprocess.run(command, cwd=folder, check=True, stdout=subprocess.DEVNULL)
    tarball = next(folder.glob("*.tgz"))
    found = "sha512-" + base64.b64encode(hashlib.sha512(tarball.read_bytes()).digest()).decode()
    if found != package["integrity"]:
        raise SystemExit(f"{named} is not the pinned one: its integrity is {found}")
    return tarball


def text_of(package: dict[str, Any], tarball: tarfile.TarFile, source: str, target: str) -> str:
    """Return a file as it is served: headed by version and licence, with relative imports."""
    member = tarball.extractfile(f"package/{source}")
    if member is None:
        raise SystemExit(f"{package['name']} has no {source}")
    text = member.read().decode()
    if target.endswith(".LICENSE"):
        return text
    text = "".join(
        line for line in text.splitlines(keepends=True) if not line.startswith("//# source")
    )
    for old, new in package.get("replace", {}).items():
        text = text.replace(old, new)
    if name := package.get("exports", {}).get(target):
        text += f"\nexport default {name};\n"
    name, version, licence = package["name"], package["version"], package["licence"]
    about = f"{name} {version}, {licence}: see {name}.LICENSE"
    return f"/*! {about} */\n{text.rstrip()}\n"


def main() -> None:
    """Write all files, and record their hashes."""
    pins = json.loads(PINS.read_text())
    TARGET.mkdir(exist_ok=True)
    for old in TARGET.iterdir():
        old.unlink()
    for package in pins["packages"]:
        with (
            tempfile.TemporaryDirectory() as folder,
            tarfile.open(fetch(package, Path(folder))) as tarball,
        ):
            for source, target in package["files"].items():
                (TARGET / target).write_text(text_of(package, tarball, source, target))
        print(f"{package['name']} {package['version']}")
    pins["sha256"] = {
        path.name: hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(TARGET.iterdir())
    }
    PINS.write_text(json.dumps(pins, indent=2) + "\n")


if __name__ == "__main__":
    main()
