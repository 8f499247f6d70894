"""Configurations of several files: what a base finishes, and what a decorator checks, keeps the widths
that the class declares; what its own code sets by a computed name does not."""

from __future__ import annotations

import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

from lint_params.cli import main

#: A stand-in for the decorator of huggingface_hub: the same name, and it makes the constructor over.
STRICT = """
from dataclasses import fields
from functools import wraps

def strict(cls):
    made = cls.__init__

    @wraps(made)
    def __init__(self, **kwargs):
        names = {f.name for f in fields(cls)}
        made(self, **{k: v for k, v in kwargs.items() if k in names})

    cls.__init__ = __init__
    return cls
"""
BASE = """
import os
from dataclasses import dataclass
from huggingface_hub.dataclasses import strict

@strict
@dataclass
class BaseConfig:
    extras: dict = None

    def __post_init__(self, **kwargs):
        for key in os.environ:
            if key.startswith("NET_"):
                setattr(self, key, len(key))
"""
NET = """
import os
from dataclasses import dataclass
import torch
from torch import nn
from huggingface_hub.dataclasses import strict
from base import BaseConfig

@strict
@dataclass
class Config(BaseConfig):
    hidden_size: int = 32
    intermediate_size: int = 80

    def __post_init__(self, **kwargs):
        {own}
        super().__post_init__(**kwargs)

class Mlp(nn.Module):
    def __init__(self, config: Config):
        super().__init__()
        self.fc1 = nn.Linear(config.hidden_size, config.intermediate_size)
        self.fc2 = nn.Linear({second})

    def forward(self, x):
        return self.fc2(torch.relu(self.fc1(x)))
"""
WRONG = "config.hidden_size, config.intermediate_size"
RIGHT = "config.intermediate_size, config.hidden_size"
OWN = "for key in os.environ.get('WIDTHS', 'intermediate_size').split(): setattr(self, key, self.hidden_size)"


@pytest.mark.parametrize(
    ("second", "own", "found", "runs"),
    [
        (WRONG, "self.kind = 'wide'", True, False),
        (RIGHT, "self.kind = 'wide'", False, True),
        (WRONG, OWN, False, True),  # a computed name, of the class's own: both widths are one by then
    ],
    ids=["wrong", "right", "set by a name that its own code computes"],
)
def test_the_widths_of_a_configuration(
    second: str, own: str, found: bool, runs: bool, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    texts = {
        "huggingface_hub/__init__.py": "",
        "huggingface_hub/dataclasses.py": STRICT,
        "base.py": BASE,
        "net.py": NET.format(own=own, second=second),
    }
    for name, text in texts.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(textwrap.dedent(text))
    call = "import torch, net; net.Mlp(net.Config())(torch.randn(2, 32))"
    ran = subprocess.run([sys.executable, "-c", call], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert (ran.returncode == 0) == runs, ran.stderr
    assert runs or "mat1 and mat2 shapes cannot be multiplied (2x80 and 32x80)" in ran.stderr
    main([str(tmp_path / "net.py"), "--no-cache"])
    assert ("LP401" in capsys.readouterr().out) == found
