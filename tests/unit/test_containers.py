"""What the files for Compose start."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click
import pytest
import yaml

from grip_lambda.cli import main
from grip_lambda.credentials import NAMES, SUFFIX

FOLDER = Path(__file__).parents[2] / "deploy" / "container"
FILES = ["compose.yaml", "deployment.yaml"]


def services(name: str) -> dict[str, Any]:
    found: dict[str, Any] = yaml.safe_load((FOLDER / name).read_text())["services"]
    return found


OURS = [
    pytest.param(service, id=f"{file}-{name}")
    for file in FILES
    for name, service in services(file).items()
    if service["image"] == "grip-lambda"
]


@pytest.mark.parametrize("service", OURS)
def test_a_command_is_one_that_there_is(service: dict[str, Any]) -> None:
    name, *options = service.get("command", ["serve"])

    command = main.get_command(click.Context(main), name)
    assert command is not None
    known = {one for parameter in command.params for one in parameter.opts}
    assert {one.partition("=")[0] for one in options if one.startswith("--")} <= known


@pytest.mark.parametrize("service", OURS)
def test_a_container_may_do_nothing_but_serve(service: dict[str, Any]) -> None:
    assert service["read_only"] is True
    assert service["cap_drop"] == ["ALL"]
    assert service["security_opt"] == ["no-new-privileges:true"]
    assert service["init"] is True, "somebody waits for its processes"


@pytest.mark.parametrize("service", OURS)
def test_secrets_are_files_that_the_container_has(service: dict[str, Any]) -> None:
    environ = service.get("environment", {})

    assert not set(NAMES) - {"GRIP_LAMBDA_STORE"} & environ.keys(), "for all to see"
    files = {value for name, value in environ.items() if name.endswith(SUFFIX)}
    assert files == {f"/run/secrets/{name}" for name in service.get("secrets", ())}


def test_only_what_clients_reach_is_published_and_not_to_other_machines() -> None:
    published = {
        (file, name): service["ports"]
        for file in FILES
        for name, service in services(file).items()
        if "ports" in service
    }

    assert published == {
        ("compose.yaml", "grip-lambda"): ["127.0.0.1:7999:7999"],
        ("deployment.yaml", "nginx"): ["127.0.0.1:7999:7999"],
    }
