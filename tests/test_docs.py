"""The docs say what the code says: settings, errors, commands, links, command lines."""

from __future__ import annotations

import re
import shlex
import sys
from pathlib import Path

import click
import pytest
import typer

from sat_monitor import __version__
from sat_monitor.cli import app

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "docs"))
from make_reference import REFERENCES  # noqa: E402

PAGES = sorted([ROOT / "README.md", ROOT / "CHANGELOG.md", *ROOT.glob("docs/**/*.md"), ROOT / "aoi/README.md"])
COMMAND = re.compile(r"^(sat-monitor [^#\n]*)", re.MULTILINE)


@pytest.mark.parametrize("name", REFERENCES)
def test_a_reference_is_what_the_code_says(name: str) -> None:
    assert (ROOT / "docs" / name).read_text(encoding="utf-8") == REFERENCES[name](), "run docs/make_reference.py"


@pytest.mark.parametrize("page", PAGES, ids=lambda p: p.relative_to(ROOT).as_posix())
def test_every_relative_link_resolves(page: Path) -> None:
    for target in re.findall(r"\]\(([^)#]+)\)", page.read_text(encoding="utf-8")):
        if "://" not in target:
            assert (page.parent / target).exists(), f"{page.name} links to {target}"


@pytest.mark.parametrize("page", PAGES, ids=lambda p: p.relative_to(ROOT).as_posix())
def test_every_command_line_names_a_command_and_its_options(page: Path) -> None:
    for block in re.findall(r"```\n(.*?)```", page.read_text(encoding="utf-8"), re.DOTALL):
        for line in COMMAND.findall(block):
            words = shlex.split(line)[1:]
            command: click.Command = typer.main.get_command(app)
            while hasattr(command, "commands"):
                if words[0].startswith("--") and command.invoke_without_command:  # type: ignore[attr-defined]
                    break
                word = words.pop(0)
                assert word in command.commands, f"{line}: no command {word}"  # type: ignore[attr-defined]
                command = command.commands[word]  # type: ignore[attr-defined]
            known = {option for parameter in command.params for option in parameter.opts}
            assert {w for w in words if w.startswith("--")} <= known, line


def test_the_readme_is_one_screen_and_the_changelog_knows_this_version() -> None:
    assert (ROOT / "README.md").read_text(encoding="utf-8").count("\n") <= 60
    assert f"## {__version__}" in (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
