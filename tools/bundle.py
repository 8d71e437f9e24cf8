"""Write clients/js/grip-lambda.bundle.js: the JavaScript library in one file, for pages.

Its first line has a hash of the modules that it is made of; a test compares it with them. Names
stay as they are, which errors show.
"""

from __future__ import annotations

import hashlib
import json
import subprocess
import sys
from pathlib import Path

LIBRARY = Path(__file__).parents[1] / "clients" / "js"
BUNDLE = LIBRARY / "grip-lambda.bundle.js"


def header() -> str:
    """Return the first lines of the bundle of the modules as they are now."""
    modules = [LIBRARY / "grip-lambda.js", *sorted((LIBRARY / "grip-lambda").glob("*.js"))]
    digest = hashlib.sha256(b"".join(path.read_bytes() for path in modules)).hexdigest()
    version = json.loads((LIBRARY / "package.json").read_text())["version"]
    about = f"/*! grip-lambda {version}, MIT; made by `make bundle` of {digest} */"
    return f"{about}\n// deno-lint-ignore-file\n// deno-fmt-ignore-file\n"


def main() -> None:
    """Write the bundle."""
    deno = Path(sys.executable).with_name("deno")
    options = ("--quiet", "--platform", "browser")
    command = [str(deno), "bundle", *options, str(LIBRARY / "grip-lambda.js")]
    made = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    BUNDLE.write_text(header() + made)


if __name__ == "__main__":
    main()
