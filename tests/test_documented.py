"""Every command, option and setting in the documents works as shown.

The documents are read (`documented/shown.py`), and the commands they show are typed step by step in temporary
folders (`documented/scenarios.py`). A command that is shown but never typed fails the first test.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("nbgrader", reason="nbgrader is not installed: pip install -e '.[course]'")

from nbconvert.exporters import HTMLExporter
from nbgrader.apps import NbGraderApp
from traitlets.config import PyFileConfigLoader

from graders.course import plugins, preprocessors
from graders.course.course import configuration
from tests.documented.forms import FORMS, option_is_known, wrong_with
from tests.documented.scenarios import LONG, SCENARIOS, adopted, lines_between_the_rules
from tests.documented.shown import ROOT, commands, files, links, options, settings
from tests.documented.stage import Stage, Typed
from tests.warm_python import WarmPython

STEPS = [step for steps in SCENARIOS.values() for step in steps if isinstance(step, Typed)]
TYPED = {step.command for step in STEPS} | {covered for step in STEPS for covered in step.covers}


@pytest.fixture
def stage(tmp_path: Path, kit: Path, warm_nbgrader: WarmPython) -> Stage:
    """A home with a released kit and the teacher's own course, and nothing else."""
    shutil.copytree(kit, tmp_path / "kit")
    (tmp_path / "mine").mkdir()
    return Stage(tmp_path, tmp_path / "kit", warm_nbgrader)


def test_every_command_in_the_documents_is_typed_by_a_test_or_its_form_is_checked() -> None:
    known = [*TYPED, *FORMS]
    strange = [
        shown for shown in commands() if not any(f"{each} ".startswith(f"{shown.text} ") for each in known)
    ]
    assert not strange, f"put these into documented/scenarios.py: {', '.join(map(str, strange))}"


def test_every_typed_command_is_in_the_documents() -> None:
    assert set(TYPED) | set(FORMS) <= {shown.text for shown in commands()}


def test_every_command_that_is_typed_is_typed_in_every_run() -> None:
    short = [step for name, steps in SCENARIOS.items() if name not in LONG for step in steps]
    typed = [step for step in short if isinstance(step, Typed)]
    assert {step.command for step in typed} | {covered for step in typed for covered in step.covers} == TYPED


def _each_scenario() -> Iterator[Any]:
    for name, steps in SCENARIOS.items():
        with_nbgrader = any(isinstance(step, Typed) and step.command[:8] == "nbgrader" for step in steps)
        marks = [pytest.mark.full] if name in LONG else []
        yield pytest.param(
            name, marks=[*marks, pytest.mark.xdist_group("nbgrader" if with_nbgrader else name)]
        )


@pytest.mark.parametrize("name", list(_each_scenario()))
def test_what_the_documents_say_works_when(name: str, stage: Stage) -> None:
    stage.play(SCENARIOS[name])


@pytest.mark.parametrize("command", FORMS)
def test_a_slow_command_has_a_valid_form(command: str) -> None:
    assert not wrong_with(command)


@pytest.mark.parametrize("option", sorted({shown.text for shown in options()}))
def test_an_option_in_the_documents_exists_in_some_command(option: str) -> None:
    assert option_is_known(option)


@pytest.mark.parametrize("shown", files(), ids=str)
def test_a_file_named_in_the_documents_exists(shown: Any, kit: Path) -> None:
    home = kit if shown.document.endswith("templates/README.md") else ROOT
    assert (home / shown.text).exists()


@pytest.mark.parametrize("shown", links(), ids=str)
def test_a_link_in_the_documents_works(shown: Any) -> None:
    assert ((ROOT / shown.document).parent / shown.text.partition("#")[0]).exists()


# ------------------------------------------------------------------------------------------------- settings


def _configured(lines: str, folder: Path) -> Any:
    """The configuration that nbgrader reads from a file."""
    (folder / "nbgrader_config.py").write_text(lines, encoding="utf-8")
    return PyFileConfigLoader("nbgrader_config.py", str(folder)).load_config()


def _classes() -> Mapping[str, Any]:
    """The configurable classes: nbgrader's own, those it takes from nbconvert, and ours."""
    ours = [*vars(plugins).values(), *vars(preprocessors).values()]
    ours = [each for each in ours if isinstance(each, type)]
    every = [*NbGraderApp().all_configurable_classes(), HTMLExporter, *ours]
    return {each.__name__: each for base in every for each in base.__mro__ if hasattr(each, "class_traits")}


@pytest.mark.parametrize("text", sorted({shown.text for shown in settings()}))
def test_a_setting_in_the_documents_has_its_effect(text: str, tmp_path: Path) -> None:
    of, _, value = text.partition(" = ")
    _, name, *trait = of.split(".")
    configurable = _classes()[name]
    if trait:
        made = configurable(config=_configured(f"c = get_config()\n{text}\n", tmp_path))
        found = repr(getattr(made, trait[0]))
        assert not value or found == value.replace('"', "'")  # a setting that is only spoken of has no value


def test_every_configured_setting_exists_in_its_class(tmp_path: Path) -> None:
    classes = _classes()
    settings = _configured(configuration("c1"), tmp_path)
    strange = [
        f"c.{name}.{trait}"
        for name, values in settings.items()
        for trait in values
        if trait not in getattr(classes.get(name), "class_traits", dict)(config=True)
    ]
    assert not strange


def test_the_lines_between_the_rules_leave_what_a_course_has_set_itself(tmp_path: Path) -> None:
    _, between, _ = configuration("c1").split("\n# --- ")
    own = 'c = get_config()\nc.Autograde.exclude_overwriting = {"week1": ["helper.py"]}\n'
    kept = _configured(f"{own}# --- {between}", tmp_path).Autograde.exclude_overwriting
    assert kept["week1"] == ["helper.py"] and "lenet.py" in kept["conv2d"]


@pytest.mark.full  # tests/course/test_gradebook.py writes to such a server in every run
@pytest.mark.xdist_group("nbgrader")
@pytest.mark.filterwarnings("ignore:Object of type")
def test_a_course_keeps_its_gradebook_on_the_postgresql_server_that_it_names(
    stage: Stage, postgresql: str
) -> None:
    (shown,) = {shown.text for shown in settings() if "postgresql" in shown.text}

    def server(stage: Stage) -> None:
        with (stage.cwd / "nbgrader_config.py").open("a", encoding="utf-8") as config:
            config.write(f"\n{shown.replace('postgresql+psycopg2://…', postgresql)}\n")

    export = Typed("nbgrader export --to grades.csv", leaves="grades.csv")
    stage.play(adopted(lines_between_the_rules, server, then=(export,)))
    assert not (stage.cwd / "gradebook.db").exists()
