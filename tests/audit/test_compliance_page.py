"""`docs/compliance.md` names only what exists."""

import re
from pathlib import Path
from typing import Any

import pytest
import typer

from voicehive.cli.app import app

ROOT = Path(__file__).resolve().parents[2]
PAGE = (ROOT / "docs" / "compliance.md").read_text()
TESTS = sorted(set(re.findall(r"`(tests/[^`]+)`", PAGE)))
COMMANDS = sorted({line.strip("` ") for line in re.findall(r"(?:`|^ {4})voicehive [^`\n]+", PAGE, re.MULTILINE)})


@pytest.mark.parametrize("named", TESTS)
def test_every_test_that_is_named_exists(named: str) -> None:
    path, _, name = named.partition("::")
    content = (ROOT / path).read_text()
    assert re.search(rf"def {name}\(" if name else r"def test_\w+\(", content)


@pytest.mark.parametrize("named", COMMANDS)
def test_every_command_that_is_named_exists_with_its_options(named: str) -> None:
    command: Any = typer.main.get_command(app)
    words = named.split()[1:]
    while hasattr(command, "commands"):
        command = command.commands[words.pop(0)]
    options = {name for parameter in command.params for name in parameter.opts}
    assert {word for word in words if word.startswith("--")} <= options


def test_the_page_names_both_and_each_option_and_variable_in_it_exists() -> None:
    assert len(TESTS) > 30
    assert len(COMMANDS) > 15
    code = "".join(path.read_text() for path in (ROOT / "voicehive" / "cli").glob("*.py"))
    for option in set(re.findall(r"`(--[a-z-]+)`", PAGE)):
        name = option.removeprefix("--")
        assert f'"{option}"' in code or re.search(rf"\b{name}: ", code), option
    settings = (ROOT / "workers" / "settings.py").read_text()
    for variable in re.findall(r"VOICEHIVE_([A-Z_]+)", PAGE):
        assert f"{variable.lower()}:" in settings
