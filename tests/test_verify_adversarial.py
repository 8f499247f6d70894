"""Wrong findings about sound code are never confirmed; right ones beside them are."""

from __future__ import annotations

import textwrap
from pathlib import Path

import pytest
from test_verify import DATA, HEAD, RULES, finding_at

from lint_params.verify import verify_findings

#: name -> (source, text of the flagged line, subject, code, details, verdict)
CASES: dict[str, tuple[str, str, str, str, dict[str, object], str]] = {
    "image_side": (
        """
        class Net(nn.Module):

            def __init__(self):
                super().__init__()
                self.conv = nn.Conv2d(3, 8, 3)
                self.fc = nn.Linear(8 * 26 * 26, 10)

            def forward(self, x):
                return self.fc(self.conv(x).flatten(1))
        """,
        "return self.fc",
        "Net",
        "LP401",
        {"got": 7200, "expected": 5408, "attribute": "fc"},
        "inconclusive",
    ),
    "side_bug_own_input": (
        """
        class Net(nn.Module):

            def __init__(self):
                super().__init__()
                self.conv = nn.Conv2d(3, 8, 3)
                self.fc = nn.Linear(8 * 28 * 28, 10)

            def forward(self, x):
                return self.fc(self.conv(x).flatten(1))
        if __name__ == "__main__":
            Net()(torch.randn(2, 3, 28, 28))
        """,
        "return self.fc",
        "Net",
        "LP401",
        {"got": 5408, "expected": 6272, "attribute": "fc"},
        "confirmed",
    ),
    "heads_sound": (
        """
        class Net(nn.Module):

            def __init__(self, dim, heads, dim_head):
                super().__init__()
                self.heads = heads
                self.q = nn.Linear(dim, heads * dim_head)
                self.o = nn.Linear(dim, dim)

            def forward(self, x):
                return self.o(self.q(x))
        Net(64, 4, 16)(torch.randn(2, 64))
        """,
        "return self.o",
        "Net",
        "LP401",
        {"got": "heads * dim_head", "expected": "dim", "attribute": "o"},
        "refuted",
    ),
    "subclass_sound": (
        """
        class Base(nn.Module):
            width = 10

            def __init__(self):
                super().__init__()
                self.fc = nn.Linear(self.width, 4)

            def forward(self, x):
                return self.fc(self.embed(x))

            def embed(self, x):
                return x

        class Sub(Base):

            def embed(self, x):
                return torch.cat([x, x], -1)
        """,
        "return self.fc",
        "Base",
        "LP401",
        {"got": 20, "expected": 10, "attribute": "fc"},
        "refuted",
    ),
    "loaded_later": (
        """
        class Net(nn.Module):

            def __init__(self):
                super().__init__()
                self.w = nn.Parameter(torch.empty(4, 4))

            def forward(self, x):
                return x @ self.w
        def build():
            net = Net()
            nn.init.normal_(net.w)
            return net
        """,
        "self.w = ",
        "Net",
        "LP104",
        {"attribute": "w"},
        "refuted",
    ),
    "unread_param_bug": (
        """
        class Net(nn.Module):

            def __init__(self):
                super().__init__()
                self.w = nn.Parameter(torch.empty(4, 4))

            def forward(self, x):
                return x @ self.w
        """,
        "self.w = ",
        "Net",
        "LP104",
        {"attribute": "w"},
        "confirmed",
    ),
}


@pytest.fixture(scope="module")
def verdicts(tmp_path_factory: pytest.TempPathFactory):
    folder = tmp_path_factory.mktemp("adversarial")
    findings = []
    for name, (source, line, subject, code, details, _) in CASES.items():
        path: Path = folder / f"{name}.py"
        path.write_text(HEAD + textwrap.dedent(source))
        findings.append(finding_at(path, line, code, subject, details))
    patch = pytest.MonkeyPatch()
    patch.setenv("PYTHONPATH", str(DATA))
    unwritten = "lint_params.rules.uninitialised_parameter:UninitialisedParameter"
    try:
        judged = verify_findings(findings, device="cpu", rules={**RULES, "LP104": unwritten})
    finally:
        patch.undo()
    return {name: f.verification for name, f in zip(CASES, judged, strict=True)}


@pytest.mark.parametrize("name", CASES)
def test_verdict(verdicts, name: str) -> None:
    assert verdicts[name].verdict.value == CASES[name][-1], verdicts[name].evidence
