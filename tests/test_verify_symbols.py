"""The verifier makes up what the static part says, before it guesses."""

from __future__ import annotations

import ast
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

from lint_params.rule import Finding, Level, Place
from lint_params.verify import verify_findings

REACHED = Path(__file__).parent / "sweep"
SOURCE = textwrap.dedent('''
    import torch
    from torch import nn


    class Words(nn.Module):
        """Two inputs of different ranks; one size is a default of the constructor."""

        def __init__(self, dim, heads, vocab, steps=32):
            super().__init__()
            self.emb = nn.Embedding(vocab, dim)
            self.q = nn.Linear(dim, dim * 3)
            self.out = nn.Linear(steps, 4)

        def forward(self, ids, context):
            b, n, d = context.shape
            q = self.q(self.emb(ids) + context)
            return self.out(context.transpose(1, 2)), q


    class Residual(nn.Module):
        """Two widths are one, and six heads divide a third."""

        def __init__(self, one, other, third):
            super().__init__()
            self.f = nn.Linear(one, other)
            self.g = nn.Linear(other, third)
            self.heads = nn.MultiheadAttention(third, 6)

        def forward(self, x):
            x = self.g(x + self.f(x))
            return self.heads(x, x, x)


    class Product(nn.Module):
        """The last size is a product of two arguments."""

        def __init__(self, rows, cols):
            super().__init__()
            self.rows, self.cols = rows, cols
            self.fc = nn.Linear(rows * cols, 3)

        def forward(self, x):
            return self.fc(x.unflatten(-1, (self.rows, self.cols)).flatten(-2))


    class Steps(nn.Module):
        """The length is a default, the channels come first."""

        def __init__(self, planes, length=21):
            super().__init__()
            self.conv = nn.Conv1d(planes, 4, 3, padding=1)
            self.mix = nn.Linear(length, 2)

        def forward(self, x):
            return self.mix(self.conv(x))
''')
SOURCE += textwrap.dedent('''

    class NetConfig:
        """What has no text of its own is written as the call that makes it."""

        def __init__(self, width, depth=2, words=61):
            self.width, self.depth, self.words = width, depth, words


    class Configured(nn.Module):
        def __init__(self, config: NetConfig):
            super().__init__()
            self.emb = nn.Embedding(config.words, config.width)
            self.out = nn.Linear(config.width, config.depth)

        def forward(self, ids):
            return self.out(self.emb(ids))
''')
CLASSES = [node for node in ast.parse(SOURCE).body if isinstance(node, ast.ClassDef) and node.bases]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("symbols")
    (folder / "net.py").write_text(SOURCE)
    return folder


@pytest.fixture(scope="module")
def judged(folder: Path) -> dict[str, str]:
    """The first line of evidence is how the arguments and the input were had."""
    path = str(folder / "net.py")
    findings = [
        Finding("LP499", "reached", Level.ERROR, path, Place(n.lineno, 1, n.lineno, 2), "", subject=n.name)
        for n in CLASSES
    ]
    patch = pytest.MonkeyPatch()
    patch.setenv("PYTHONPATH", str(REACHED))
    try:
        found = verify_findings(findings, device="cpu", rules={"LP499": "reached:Reached"})
    finally:
        patch.undo()
    return {f.subject: f.verification.evidence for f in found if f.verification is not None}


@pytest.mark.parametrize("name", [node.name for node in CLASSES])
def test_nothing_has_to_be_repaired(judged: dict[str, str], name: str) -> None:
    assert judged[name].partition("\n")[0] == "synthesised, synthesised", judged[name]


def test_the_evidence_says_what_the_source_demands(judged: dict[str, str]) -> None:
    assert "# by its source, x is [..., rows*cols]" in judged["Product"]
    assert "ids is [size(-2), size(-1)] of whole numbers below vocab" in judged["Words"]
    assert "torch.randint(0, 61, (5, 32))" in judged["Words"]
    assert "model = Configured(config=NetConfig(width=16))" in judged["Configured"]


@pytest.mark.parametrize("name", [node.name for node in CLASSES])
def test_the_snippet_runs(judged: dict[str, str], name: str, folder: Path) -> None:
    script = judged[name].partition("\n")[2]
    done = subprocess.run([sys.executable, "-c", script], cwd=folder, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
