"""Sizes of an input that was made up are no evidence; what does not depend on them is."""

from __future__ import annotations

import textwrap
from pathlib import Path

import pytest
from test_verify import HEAD, finding_at

import lint_params
from lint_params.rule import Finding
from lint_params.verify import verify_findings

#: Mistakes that the linter finds: name -> (source, what torch says of it).
MISTAKES = {
    "as_wide_as_a_picture": (
        """
        class Block(nn.Module):
            def __init__(self, dim_in, dim_out):
                super().__init__()
                self.norm = nn.LayerNorm(dim_in)
                self.fc = nn.Linear(dim_in, dim_out)

            def forward(self, x):
                return x + self.fc(self.norm(x))

        class Trunk(nn.Module):
            def __init__(self):
                super().__init__()
                self.one, self.two = Block(32, 32), Block(32, 64)

            def forward(self, x):
                return self.two(self.one(x))
        """,
        "size of tensor a (32) must match the size of tensor b (64)",
    ),
    "a_picture_of_another_side": (
        """
        class Deep(nn.Module):
            def __init__(self):
                super().__init__()
                self.features = nn.Sequential(nn.Conv2d(3, 8, 11, 4), nn.MaxPool2d(3, 2), nn.Conv2d(8, 16, 5))
                self.pool = nn.AdaptiveAvgPool2d(4)
                self.head = nn.Linear(16 * 6 * 6, 10)

            def forward(self, x):
                return self.head(self.pool(self.features(x)).flatten(1))
        """,
        "(5x256 and 576x10)",
    ),
    "a_size_that_is_no_product": (
        """
        class Decoder(nn.Module):
            def __init__(self):
                super().__init__()
                self.up = nn.Linear(12, 8 * 4 * 4)
                self.out = nn.Sequential(nn.Unflatten(1, (8, 2, 2)), nn.Conv2d(8, 3, 1))

            def forward(self, z):
                return self.out(self.up(z))
        """,
        "don't multiply up to the size of dim 1 (128)",
    ),
    "further_right_on_the_line": (
        """
        class LowRank(nn.Module):
            def __init__(self):
                super().__init__()
                self.u = nn.Parameter(torch.randn(30, 4))
                self.v = nn.Parameter(torch.randn(5, 4))

            def forward(self, x):
                return x @ self.u @ self.v
        """,
        "(5x4 and 5x4)",
    ),
    "steps_of_a_sequence": (
        """
        class World(nn.Module):
            def __init__(self, embed=40, action=6, deter=20):
                super().__init__()
                self.cell = nn.GRUCell(action, deter)
                self.post = nn.Linear(deter, 8)
                self.deter = deter

            def forward(self, embeds, actions):
                h = torch.zeros(embeds.size(1), self.deter)
                for e, a in zip(embeds, actions):
                    h = self.cell(a, h)
                    z = self.post(torch.cat([h, e], -1))
                return z
        """,
        "mat1 and mat2 shapes cannot be multiplied",
    ),
    "a_pattern_of_einops": (
        """
        from einops import repeat

        class Tokens(nn.Module):
            def __init__(self, dim):
                super().__init__()
                self.token = nn.Parameter(torch.zeros(3, 1, dim))

            def forward(self, x):
                return torch.cat((repeat(self.token, "1 1 d -> b 1 d", b=len(x)), x), 1)
        """,
        "Shape mismatch, 3 != 1",
    ),
}

#: Sound code and a finding about it that is wrong: (source, flagged text, subject, details).
SOUND = {
    "another_width_was_guessed": (
        """
        class Gate(nn.Module):
            def __init__(self, dim, out):
                super().__init__()
                self.fc = nn.Linear(dim, out)

            def forward(self, x, gate):
                return self.fc(x) * gate
        """,
        "return self.fc(x) * gate",
        "Gate",
        {},
    ),
    "a_side_was_guessed": (
        """
        class Flat(nn.Module):
            def __init__(self):
                super().__init__()
                self.conv = nn.Conv2d(3, 4, 3, stride=2)
                self.fc = nn.Linear(4 * 9 * 9, 10)

            def forward(self, x):
                return self.fc(self.conv(x).flatten(1))
        """,
        "return self.fc(",
        "Flat",
        {"got": 900, "expected": 324, "attribute": "fc"},
    ),
    "a_pattern_of_what_was_guessed": (
        """
        from einops import rearrange

        class Heads(nn.Module):
            def __init__(self, heads=4):
                super().__init__()
                self.heads = heads
                self.scale = nn.Parameter(torch.ones(heads, 1))

            def forward(self, x):
                return rearrange(x, "b n (h d) -> b n h d", h=self.heads) * self.scale
        """,
        "return rearrange(",
        "Heads",
        {},
    ),
}


def judged(path: Path, findings: list[Finding]) -> list[tuple[str, str]]:
    verdicts = [f.verification for f in verify_findings(findings, device="cpu")]
    return [(v.verdict.value, v.evidence) for v in verdicts if v is not None]


@pytest.mark.parametrize("name", MISTAKES)
def test_what_no_input_explains_is_confirmed(name: str, tmp_path: Path) -> None:
    path = tmp_path / f"{name}.py"
    source, said = MISTAKES[name]
    path.write_text(HEAD + textwrap.dedent(source))
    found = list(lint_params.lint([path]))
    assert found
    for verdict, evidence in judged(path, found):
        assert verdict == "confirmed" and said in evidence, evidence


@pytest.mark.parametrize("name", SOUND)
def test_what_an_input_explains_is_not(name: str, tmp_path: Path) -> None:
    path = tmp_path / f"{name}.py"
    source, text, subject, details = SOUND[name]
    path.write_text(HEAD + textwrap.dedent(source))
    for verdict, evidence in judged(path, [finding_at(path, text, "LP401", subject, details)]):
        assert verdict != "confirmed", evidence


@pytest.mark.parametrize(
    ("source", "code"),
    [
        (
            """
            def start(m):
                if isinstance(m, (nn.Linear, nn.BatchNorm1d)):
                    nn.init.xavier_uniform_(m.weight)

            class Net(nn.Module):
                def __init__(self):
                    super().__init__()
                    self.net = nn.Sequential(nn.Linear(4, 8), nn.BatchNorm1d(8))
                    self.apply(start)

                def forward(self, x):
                    return self.net(x)
            """,
            "LP108",
        ),
        (
            """
            from collections import deque

            class Columns(nn.Module):
                def __init__(self, dim=4):
                    super().__init__()
                    self.columns = deque()
                    for _ in range(2):
                        self.columns.append(nn.Linear(dim, dim))

                def forward(self, x):
                    for column in self.columns:
                        x = column(x)
                    return x
            """,
            "LP303",
        ),
        (
            """
            class Net(nn.Module):
                def __init__(self, classes=10):
                    super().__init__()
                    self.body, self.head = nn.Linear(3, 4), nn.Linear(4, classes)

                def forward(self, x):
                    return self.head(self.body(x))

            def setup(classes):
                net = Net()
                groups = [{"params": net.body.parameters()}, {"params": net.head.parameters()}]
                optimizer = torch.optim.SGD(groups, lr=0.1)
                net.head = nn.Linear(4, classes)
                return net, optimizer
            """,
            "LP601",
        ),
    ],
)
def test_a_right_finding_is_not_refuted(source: str, code: str, tmp_path: Path) -> None:
    path = tmp_path / "right.py"
    path.write_text(HEAD + textwrap.dedent(source))
    found = list(lint_params.lint([path], select=[code]))
    assert found
    for verdict, evidence in judged(path, found):
        assert verdict == "confirmed", evidence
