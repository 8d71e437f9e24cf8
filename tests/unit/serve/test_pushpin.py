"""The folder `pushpin` says what `grip-lambda serve` says."""

from __future__ import annotations

from pathlib import Path

from grip_lambda.serve.pushpin import PushpinConfig

FOLDER = Path(__file__).parents[3] / "pushpin"


def test_the_configuration_to_start_by_hand_is_that_of_serve(tmp_path: Path) -> None:
    """Apart from paths, ports and the key, each of which stands in the folder as written here."""
    backend = "127.0.0.1:8000"
    ports = (7999, 5563, 5560, 5562, 5561)
    config = PushpinConfig("n1", *ports, backend, "change-me", tmp_path, zurls=8, maxconn=900)
    config.write()

    served = {path.name: path.read_text() for path in tmp_path.iterdir()}
    served = {name: text.replace(str(tmp_path), "run") for name, text in served.items()}
    by_hand = {name: (FOLDER / name).read_text() for name in ("pushpin.conf", "routes")}
    zurl = (FOLDER / "zurl.conf").read_text()
    by_hand |= {f"zurl{n}.conf": zurl.replace("zurl1", f"zurl{n}") for n in range(1, 9)}

    assert served == by_hand
