"""What forward takes, read from the source alone."""

from __future__ import annotations

import ast
import textwrap

import pytest

from lint_params.shape.runs.taken import Classes

HEAD = "import torch\nfrom torch import nn\nimport torch.nn.functional as F\n"
CLASSES = {
    "a last size in the constructor's word": (
        """
        class Net(nn.Module):
            def __init__(self, wide, n_out=3):
                super().__init__()
                self.fc = nn.Linear(wide * 2, n_out)
            def forward(self, x):
                return self.fc(x)
        """,
        {"x": "[..., 2*wide]"},
        [],
    ),
    "an image": (
        """
        class Net(nn.Module):
            def __init__(self, planes):
                super().__init__()
                self.conv = nn.Conv2d(planes, 8, 3)
            def forward(self, x):
                b, c, h, w = x.shape
                return self.conv(x).view(b, 8, -1)
        """,
        {"x": "[size(-4), planes, size(-2), size(-1)]"},
        [],
    ),
    "whole numbers, and what they meet": (
        """
        class Net(nn.Module):
            def __init__(self, words, dim):
                super().__init__()
                self.emb = nn.Embedding(words, dim)
                self.out = nn.Linear(dim, words)
            def forward(self, ids, more):
                b, n, d = more.shape
                return self.out(self.emb(ids) + more)
        """,
        {"ids": "[size(-2), size(-1)] of whole numbers below words", "more": "[size(-3), size(-2), size(-1)]"},
        [],
    ),
    "arguments that must agree": (
        """
        class Net(nn.Module):
            def __init__(self, one, other):
                super().__init__()
                self.fc = nn.Linear(one, other)
            def forward(self, x):
                return x + self.fc(x)
        """,
        {"x": "[..., one]"},
        [("other", "one")],
    ),
    "no Module": ("class Net:\n    def forward(self, x):\n        return x", {}, []),
}


@pytest.mark.parametrize("name", CLASSES)
def test_taken(name: str) -> None:
    source, inputs, ties = CLASSES[name]
    taken = Classes("net.py", ast.parse(HEAD + textwrap.dedent(source))).taken("Net")
    assert {arg: str(known) for arg, known in taken.inputs.items()} == inputs
    assert [(str(a), str(b)) for a, b in taken.ties()] == ties


def test_a_linted_file_pays_nothing_for_it() -> None:
    """Nothing is noted, and no rank is tried, unless somebody asks."""
    from lint_params.project import Project
    from lint_params.shape.evaluate.interpreter import Interpreter
    from lint_params.shape.runs.analyse import check_file

    source = HEAD + textwrap.dedent(CLASSES["whole numbers, and what they meet"][0])
    project = Project()
    it = Interpreter(project)
    assert list(check_file(project.add("net.py", ast.parse(source)), project, it))
    assert it.ctx.looked_up is None
