"""What outsiders meet first: the workflow calls .ci/run, the bug form asks for the record, there is one version."""

from __future__ import annotations

from importlib.machinery import PathFinder
from pathlib import Path

import tomllib
import yaml

import inversion

PROJECT = Path(__file__).parents[2]
GITHUB = PROJECT / ".github"


def test_the_workflow_runs_what_a_person_runs_on_every_version_that_is_promised() -> None:
    jobs = yaml.safe_load((GITHUB / "workflows" / "ci.yml").read_text())["jobs"]
    assert {"run": ".ci/run"} in jobs["test"]["steps"]
    project = tomllib.loads((PROJECT / "pyproject.toml").read_text())["project"]
    setups = [
        step["with"]["python-version"]
        for step in jobs["test"]["steps"]
        if "python-version" in step.get("with", {})
    ]
    assert setups == ["3.11"] and project["requires-python"] == ">=3.11,<3.12"
    targets = [step["run"] for job in jobs.values() for step in job["steps"] if "run" in step]
    makefile = (PROJECT / "Makefile").read_text()
    for target in targets:
        name = target.removeprefix("make ")
        assert (PROJECT / name).is_file() or f"\n{name}: " in makefile


def test_the_bug_form_asks_for_the_record() -> None:
    form = yaml.safe_load((GITHUB / "ISSUE_TEMPLATE" / "bug.yml").read_text())
    required = {field["id"] for field in form["body"] if field.get("validations", {}).get("required")}
    assert required >= {"command", "result", "version"}
    labels = " ".join(field["attributes"]["label"] for field in form["body"])
    assert "result.json" in labels


def test_there_is_one_version() -> None:
    project = tomllib.loads((PROJECT / "pyproject.toml").read_text())
    assert project["tool"]["setuptools"]["dynamic"]["version"] == {"attr": "inversion.__version__"}
    assert yaml.safe_load((GITHUB / "CITATION.cff").read_text())["version"] == inversion.__version__
    assert f"\n## {inversion.__version__}\n" in (GITHUB / "CHANGELOG.md").read_text()


def test_the_command_of_the_wheel_is_there() -> None:
    project = tomllib.loads((PROJECT / "pyproject.toml").read_text())["project"]
    module, name = project["scripts"]["inversion-sweeps"].split(":")
    assert PathFinder.find_spec(module.partition(".")[0], [str(PROJECT)]) is not None
    assert f"def {name}(" in (PROJECT / f"{module.replace('.', '/')}.py").read_text()
