"""Every command, option and setting that the documents show works as it is shown.

The documents are read (`documented/shown.py`), and what they show is typed step by step in temporary folders
(`documented/scenarios.py`). What is shown and typed nowhere fails the first test.
"""

# ruff: noqa: E402 - what follows importorskip needs nbgrader
from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("nbgrader", reason="nbgrader is not installed: pip install -e '.[course]'")

from tests.documented.forms import FORMS, option_is_known, wrong_with
from tests.documented.scenarios import SCENARIOS, lines_between_the_rules
from tests.documented.shown import ROOT, commands, files, links, options, settings
from tests.documented.stage import Stage, Typed

TYPED = {step.command for steps in SCENARIOS.values() for step in steps if isinstance(step, Typed)}


@pytest.fixture
def stage(tmp_path: Path, kit: Path) -> Stage:
    """A home with a released kit, a course of the teacher's own, and nothing else."""
    shutil.copytree(kit, tmp_path / "kit")
    (tmp_path / "mine").mkdir()
    return Stage(tmp_path, tmp_path / "kit")


def test_every_command_in_the_documents_is_typed_by_a_test_or_its_form_is_checked() -> None:
    known = [*TYPED, *FORMS]
    strange = [
        shown for shown in commands() if not any(f"{each} ".startswith(f"{shown.text} ") for each in known)
    ]
    assert not strange, f"put these into documented/scenarios.py: {', '.join(map(str, strange))}"


def test_every_command_that_is_typed_stands_in_the_documents() -> None:
    assert set(TYPED) | set(FORMS) <= {shown.text for shown in commands()}


@pytest.mark.xdist_group("nbgrader")
@pytest.mark.parametrize("name", SCENARIOS)
def test_what_the_documents_say_works_when(name: str, stage: Stage) -> None:
    stage.play(SCENARIOS[name])


@pytest.mark.parametrize("command", FORMS)
def test_a_command_that_costs_minutes_has_a_form_that_is_accepted(command: str) -> None:
    assert not wrong_with(command)


@pytest.mark.parametrize("option", sorted({shown.text for shown in options()}))
def test_an_option_in_the_documents_is_taken_by_some_command(option: str) -> None:
    assert option_is_known(option)


@pytest.mark.parametrize("shown", files(), ids=str)
def test_a_file_that_the_documents_name_is_there(shown: Any, kit: Path) -> None:
    home = kit if shown.document.endswith("templates/README.md") else ROOT
    assert (home / shown.text).exists()


@pytest.mark.parametrize("shown", links(), ids=str)
def test_a_link_in_the_documents_leads_somewhere(shown: Any) -> None:
    assert ((ROOT / shown.document).parent / shown.text.partition("#")[0]).exists()
