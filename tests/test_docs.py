"""The documents say what the code does."""

import re
from pathlib import Path

import pytest
from typer.main import get_command

from recsys.cli.main import app
from recsys.settings import Settings

ROOT = Path(__file__).parent.parent
SETTINGS = (ROOT / "docs" / "settings.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("name", Settings.model_fields)
def test_every_setting_is_documented_with_its_default_and_its_meaning(name):
    field = Settings.model_fields[name]
    default = "." if name == "data" else field.default
    assert f"| `{name}` | `{default}` | {field.description} |" in SETTINGS


def test_no_setting_is_documented_that_does_not_exist():
    assert re.findall(r"^\| `(\w+)`", SETTINGS, re.M) == list(Settings.model_fields)


def commands(command, prefix=()):
    if hasattr(command, "commands"):
        for name, child in command.commands.items():
            yield from commands(child, (*prefix, name))
    else:
        yield " ".join(prefix)


@pytest.mark.parametrize("path", ["README.md", "docs/operations.md", "docs/sources.md", "ARCHITECTURE.md"])
def test_every_command_that_a_document_names_exists(path):
    known = set(commands(get_command(app)))
    first_words = {name.split()[0] for name in known}
    text = (ROOT / path).read_text(encoding="utf-8")
    named = re.findall(r"(?:^|[\s`/])recsys (?:--data \S+ )?([a-z][a-z-]*)(?: ([a-z][a-z-]*))?", text, re.M)
    for first, second in named:
        if first in first_words and (first in known or second):
            assert first in known or f"{first} {second}" in known, f"{path}: recsys {first} {second}"


def test_every_command_is_in_the_readme():
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    for name in commands(get_command(app)):
        assert f"recsys {name}" in readme or f"recsys --data my-papers {name}" in readme, name


def test_links_between_documents_lead_somewhere():
    for page in [*ROOT.glob("*.md"), *(ROOT / "docs").glob("*.md"), *(ROOT / "indexes").glob("*.md")]:
        for target in re.findall(r"\]\(([^)#:]+)\)", page.read_text(encoding="utf-8")):
            assert (page.parent / target).exists(), f"{page.name}: {target}"
