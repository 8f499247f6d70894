"""A file from which another is generated is never run: what its classes do as Python is nobody's mistake."""

from __future__ import annotations

from pathlib import Path

import pytest

from lint_params.cli import main

NET = """
from torch import nn

class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.a = nn.Linear(10, 20)
        self.b = nn.Linear(30, 5)

    def forward(self, x):
        return self.b(self.a(x))
"""
HEAD = "# This file was automatically generated from src/net/modular_net.py.\n"


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    (tmp_path / "modular_net.py").write_text(NET)
    return tmp_path


def said(capsys: pytest.CaptureFixture[str], file: str) -> str:
    main([file])
    return capsys.readouterr().out


def test_a_template_beside_its_file(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (folder / "modeling_net.py").write_text(HEAD + NET)
    assert "LP401" not in said(capsys, "modular_net.py")
    assert "LP401" in said(capsys, "modeling_net.py")


@pytest.mark.parametrize("head", ["", HEAD.replace("modular_net", "modular_other"), '"""Uses modular_net.py."""\n'])
def test_a_file_from_which_none_is_generated(folder: Path, capsys: pytest.CaptureFixture[str], head: str) -> None:
    (folder / "modeling_net.py").write_text(head + NET)
    assert "LP401" in said(capsys, "modular_net.py")


def test_the_cache_notices_the_file_beside(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    beside = folder / "modeling_net.py"
    beside.write_text(HEAD + NET)
    assert "LP401" not in said(capsys, "modular_net.py")
    beside.unlink()
    assert "LP401" in said(capsys, "modular_net.py")
