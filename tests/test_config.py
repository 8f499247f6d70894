"""Configuration files: one table of options, mistakes named with their file."""

from __future__ import annotations

from pathlib import Path

import pytest
from examples import MISMATCH

from lint_params import config, lint
from lint_params.cli import main
from lint_params.config import Config, ConfigError

INI = """
[lint-params]
select = LP4, data-reshape  # comment
extend-select =
    advice
    LP310
ignore = LP402
per-file-ignores =
    tests/*, conftest.py: LP401, LP2
    old.py: ALL
exclude = build,generated/*.py
extend-exclude = third_party
preview = yes

[lint-params:verify]
Net = Net(10, 20)
Net.inputs = torch.randn(2, 10)
"""
TOML = """
[tool.lint-params]
select = ["LP4", "data-reshape"]
extend-select = ["advice", "LP310"]
ignore = ["LP402"]
exclude = ["build", "generated/*.py"]
extend-exclude = ["third_party"]
preview = true

[tool.lint-params.per-file-ignores]
"tests/*" = ["LP401", "LP2"]
"conftest.py" = ["LP401", "LP2"]
"old.py" = ["ALL"]

[tool.lint-params.verify]
Net = "Net(10, 20)"
"Net.inputs" = "torch.randn(2, 10)"
"""


@pytest.mark.parametrize(
    ("name", "text"),
    [("setup.cfg", INI), ("tox.ini", INI), (".flake8", INI), ("pyproject.toml", TOML)],
)
def test_all_files_say_the_same(project: Path, name: str, text: str) -> None:
    (project / name).write_text(text)
    (project / "pkg").mkdir()
    found = config.find([str(project / "pkg")])
    assert found == Config(
        select=("LP4", "data-reshape"),
        extend_select=("advice", "LP310"),
        ignore=("LP402",),
        per_file_ignores=(
            ("tests/*", ("LP401", "LP2")),
            ("conftest.py", ("LP401", "LP2")),
            ("old.py", ("ALL",)),
        ),
        exclude=("build", "generated/*.py"),
        extend_exclude=("third_party",),
        preview=True,
        verify={"Net": "Net(10, 20)", "Net.inputs": "torch.randn(2, 10)"},
        root=str(project),
        origin=str(project / name),
    )


@pytest.mark.parametrize(
    ("name", "text", "says"),
    [
        ("setup.cfg", "[lint-params]\nselekt = LP4\n", "unknown option 'selekt'"),
        ("pyproject.toml", "[tool.lint-params]\nselekt = []\n", "unknown option 'selekt'"),
        ("pyproject.toml", "[tool.lint-params]\nselect = 4\n", "list of words"),
        ("pyproject.toml", "[tool.lint-params\nselect = 4\n", "line"),
        ("pyproject.toml", "[tool]\nlint-params = 3\n", "must be a table"),
        ("pyproject.toml", "[tool.lint-params.verify]\nNet = 3\n", "Class(10, 20)"),
        ("setup.cfg", "[lint-params]\npreview = perhaps\n", "true or false"),
        ("setup.cfg", "[lint-params]\nper-file-ignores = tests\n", "pattern: CODES"),
        ("setup.cfg", "[lint-params]\nselect = LP999\n", "unknown rule 'LP999'"),
        ("setup.cfg", "[lint-params]\nselect = LP4\nselect = LP4\n", "already exists"),
        ("tox.ini", "[lint-params]\nper-file-ignores = a.py: LP998\n", "unknown rule 'LP998'"),
    ],
)
def test_mistakes_name_the_file(
    project: Path, capsys: pytest.CaptureFixture[str], name: str, text: str, says: str
) -> None:
    (project / name).write_text(text)
    (project / "net.py").write_text("")
    assert main(["net.py"]) == 2
    message = capsys.readouterr().err
    assert str(project / name) in message
    assert says in message


def test_mistakes_of_others_do_not_stop_us(project: Path) -> None:
    (project / "setup.cfg").write_text("[broken\n")
    (project / "tox.ini").write_text("[lint-params]\nignore = LP4\n")
    assert config.find(["."]).ignore == ("LP4",)


def test_the_nearest_file_counts(project: Path) -> None:
    (project / "setup.cfg").write_text("[lint-params]\nignore = LP4\n")
    inner = project / "inner"
    inner.mkdir()
    (inner / "tox.ini").write_text("[lint-params]\nignore = LP3\n")
    assert config.find(["inner"]).ignore == ("LP3",)
    assert config.find(["inner", "."]).ignore == ("LP4",)


def test_nothing_above_the_repository_counts(project: Path) -> None:
    (project.parent / "setup.cfg").write_text("[lint-params]\nignore = LP4\n")
    assert config.find(["."]).ignore == ()


def test_isolated_and_named(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (project / "setup.cfg").write_text("[lint-params]\nignore = LP4\n")
    (project / "other.toml").write_text("[tool.lint-params]\nselect = ['LP3']\n")
    (project / "net.py").write_text(MISMATCH)
    assert main(["net.py"]) == 0
    assert main(["net.py", "--isolated"]) == 1
    assert main(["net.py", "--config", "other.toml"]) == 0
    (project / "other.toml").write_text("")
    assert main(["net.py", "--config", "other.toml"]) == 2


def test_select_on_the_command_line_starts_afresh(project: Path) -> None:
    (project / "setup.cfg").write_text("[lint-params]\nignore = LP401\n")
    (project / "net.py").write_text(MISMATCH)
    assert main(["net.py", "--select", "LP401"]) == 1
    assert main(["net.py", "--extend-select", "LP4"]) == 0


@pytest.mark.parametrize(
    ("pattern", "path", "matches"),
    [
        ("build", "build/net.py", True),
        ("build", "src/build/net.py", True),
        ("build", "rebuild/net.py", False),
        ("net.py", "src/net.py", True),
        ("*.py", "src/net.py", True),
        ("src/*.py", "src/net.py", True),
        ("src/*.py", "lib/src/net.py", False),
        ("./src/", "src/net.py", True),
        ("src/**/net.py", "src/net.py", True),
        ("src/**/net.py", "src/a/b/net.py", True),
        ("a/b", "a/b/c/net.py", True),
        ("a/b", "a/bc/net.py", False),
    ],
)
def test_patterns(project: Path, pattern: str, path: str, matches: bool) -> None:
    settings = Config(exclude=(pattern,), root=str(project))
    assert settings.excluded(path) is matches
    assert settings.excluded(str(project / path)) is matches


def test_api_takes_the_same_options(project: Path) -> None:
    (project / "net.py").write_text(MISMATCH)
    assert [finding.code for finding in lint("net.py")] == ["LP401"]
    assert lint(["net.py"], ignore=("LP4",)) == []
    with pytest.raises(ConfigError, match="unknown rule"):
        lint("net.py", select=("LP999",))
    with pytest.raises(ConfigError, match="no such file"):
        lint("missing.py")
