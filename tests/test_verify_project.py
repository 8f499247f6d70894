"""How the verifier builds and feeds a class: in the project's own words where there are any."""

from __future__ import annotations

import textwrap
from pathlib import Path

import pytest
from test_verify import DATA, RULES, finding_at

from lint_params import lint
from lint_params.rule import Finding, Level, Place
from lint_params.verify import verify_findings

FILES = {
    "pkg/__init__.py": "",
    "pkg/parts.py": '''
        """The docstring stays before the import from the future."""

        from __future__ import annotations

        import torch
        from torch import nn


        class Odd(nn.Module):
            def __init__(self, spec):
                super().__init__()
                self.up = nn.Linear(spec.sizes[0], spec.sizes[1])
                self.down = nn.Linear(spec.sizes[1] + 1, 4)

            def forward(self, batch):
                return self.down(self.up(batch["x"]))


        class Plain(nn.Module):
            def __init__(self, spec):
                super().__init__()
                self.fc = nn.Linear(*spec.sizes)

            def forward(self, batch):
                return self.fc(batch["x"])


        class Filled(nn.Module):
            def __init__(self, n):
                super().__init__()
                self.w = nn.Parameter(torch.empty(n, n))

            def forward(self, x):
                return x @ self.w


        class Tied(nn.Module):
            def __init__(self, wide, narrow):
                super().__init__()
                self.a = nn.Linear(wide, narrow)
                self.b = nn.Linear(narrow, narrow * 4)

            def forward(self, x):
                return x + self.b(self.a(x))


        class Tested(nn.Module):
            def __init__(self, table):
                super().__init__()
                self.fc = nn.Linear(*table["sizes"])

            def forward(self, x):
                return self.fc(x)


        class Lit(nn.Module):
            def __init__(self):
                super().__init__()
                self.example_input_array = torch.zeros(3, 1, 28, 28)
                self.conv = nn.Conv2d(1, 4, 5)
                self.fc = nn.Linear(4 * 28 * 28, 10)

            def forward(self, x):
                return self.fc(self.conv(x).flatten(1))


        class Sized(nn.Module):
            def __init__(self, n):
                super().__init__()
                self.fc = nn.Linear(n, 3)

            def forward(self, x):
                return self.fc(x).relu()


        class Array(nn.Module):
            def __init__(self, n):
                super().__init__()
                self.example_input_array = torch.zeros(2, 64)
                self.fc = nn.Linear(n, 3)

            def forward(self, x):
                return self.fc(x).tanh()


        print("flagged")
    ''',
    "pkg/whole.py": """
        from types import SimpleNamespace

        from torch import nn

        from .parts import Filled, Odd


        class Whole(nn.Module):
            def __init__(self):
                super().__init__()
                self.odd = Odd(SimpleNamespace(sizes=(8, 12)))
                self.filled = Filled(8)
                nn.init.normal_(self.filled.w)

            def forward(self, x):
                return self.odd({"x": x})
    """,
    "pkg/sound.py": """
        from types import SimpleNamespace

        from torch import nn

        from .parts import Plain


        class Sound(nn.Module):
            def __init__(self):
                super().__init__()
                self.plain = Plain(SimpleNamespace(sizes=(8, 12)))
                self.last = nn.Linear(12, 3)

            def forward(self, x):
                return self.last(self.plain({"x": x}))
    """,
    "tests/test_parts.py": """
        import torch

        import pytest

        from pkg.parts import Sized, Tested


        def test_small():
            net = Sized(6)
            net(torch.randn(2, 6))


        def test_wrong():
            net = Sized(9)
            with pytest.raises(RuntimeError):
                net(torch.randn(2, 8))


        def test_large():
            net = Sized(9)
            net(torch.randn(2, 9))


        def test_it():
            net = Tested({"sizes": [6, 2]})
            assert net(torch.randn(9, 6)).shape == (9, 2)
    """,
    "pyproject.toml": "",
}

#: name -> (text of the flagged line, subject, code, details, verdict, what the evidence holds)
CASES: dict[str, tuple[str, str, str, dict[str, object], str, str]] = {
    "part_fails": (
        *("self.down(self.up", "Odd", "LP401", {"got": 12, "expected": 13}),
        *("confirmed", "outer = Whole()"),
    ),
    "part_runs": (
        *('return self.fc(batch["x"])', "Plain", "LP900", {}),
        *("refuted", "model({'x': torch.randn(5, 8)})"),
    ),
    "parent_fills": (
        *("self.w = ", "Filled", "LP104", {"attribute": "w"}),
        *("refuted", "Whole fills it"),
    ),
    "tie_is_no_proof": (
        *("return x + self.b", "Tied", "LP900", {}),
        *("inconclusive", "input-repaired: argument wide = "),
    ),
    "call_in_the_tests": (
        *("return self.fc(x)", "Tested", "LP900", {}),
        *("refuted", "model(torch.randn(9, 6))"),
    ),
    "example_input_array": (
        *("return self.fc(self.conv", "Lit", "LP401", {"got": 2304, "expected": 3136}),
        *("confirmed", "model(torch.randn(3, 1, 28, 28))"),
    ),
    "input_of_another_object": (
        *("return self.fc(x).relu()", "Sized", "LP401", {"got": 6, "expected": 9}),
        *("refuted", "line "),
    ),
    "input_that_is_meant_to_fail": (
        *("return self.fc(x).relu()", "Sized", "LP401", {"got": 8, "expected": 9}),
        *("refuted", "line "),
    ),
    "example_of_another_size": (
        *("return self.fc(x).tanh()", "Array", "LP401", {"got": 64, "expected": "n"}),
        *("inconclusive", "degenerate-input"),
    ),
    "docstring_and_future": (
        *('print("flagged")', "", "LP900", {}),
        *("refuted", "it ran"),
    ),
}


@pytest.fixture(scope="module")
def verdicts(tmp_path_factory: pytest.TempPathFactory):
    folder = tmp_path_factory.mktemp("project")
    for name, text in FILES.items():
        path = folder / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(textwrap.dedent(text).lstrip())
    findings: list[Finding] = []
    for text, subject, code, details, _, _ in CASES.values():
        findings.append(finding_at(folder / "pkg" / "parts.py", text, code, subject, details))
    patch = pytest.MonkeyPatch()
    patch.setenv("PYTHONPATH", str(DATA))
    rules = {**RULES, "LP104": "lint_params.rules.uninitialised_parameter:UninitialisedParameter"}
    try:
        judged = verify_findings(findings, device="cpu", rules=rules)
    finally:
        patch.undo()
    return {name: f.verification for name, f in zip(CASES, judged, strict=True)}


@pytest.mark.parametrize("name", CASES)
def test_verdict(verdicts, name: str) -> None:
    wanted, evidence = CASES[name][-2:]
    assert verdicts[name].verdict.value == wanted, verdicts[name].evidence
    assert evidence in verdicts[name].evidence


SWITCHED = """
from torch import nn
import torch


class Net(nn.Module):
    def __init__(self, width: int, scale: bool = False, plain: bool = True):
        super().__init__()
        self.w = nn.Parameter(torch.zeros(width, width))
        if scale and not plain:
            self.w.uniform_(-1, 1)

    def forward(self, x):
        return x @ self.w
"""


def test_a_line_behind_switches_of_the_constructor_is_reached(tmp_path: Path) -> None:
    path = tmp_path / "net.py"
    path.write_text(SWITCHED)
    line = 1 + SWITCHED.splitlines().index("            self.w.uniform_(-1, 1)")
    finding = Finding(
        "LP205", "leaf-written-in-place", Level.ERROR, str(path), Place(line, 13, line, 20), "m", subject="Net"
    )
    (judged,) = verify_findings([finding], device="cpu")
    assert judged.verification is not None
    assert judged.verification.verdict.value == "confirmed", judged.verification.evidence
    assert "a leaf Variable that requires grad" in judged.verification.evidence
    assert "scale=True, plain=False" in judged.verification.evidence


def test_files_beside_it_that_no_parser_takes(tmp_path: Path) -> None:
    path = tmp_path / "net.py"
    path.write_text(
        "from torch import nn\n\n\nclass Net(nn.Module):\n    def __init__(self):\n"
        "        super().__init__()\n        self.a = nn.Linear(3, 5)\n        self.b = nn.Linear(6, 2)\n\n"
        "    def forward(self, x):\n        return self.b(self.a(x))\n"
    )
    (tmp_path / "deep.py").write_text("from net import Net\nx = " + "-" * 50_000 + "1\nNet()\n")
    (tmp_path / "cut.py").write_text("from net import Net\nNet(\n")
    (tmp_path / "null.py").write_bytes(b"from net import Net\nNet()\0\n")
    (judged,) = verify_findings(lint([str(path)]), device="cpu")
    assert judged.verification is not None
    assert judged.verification.verdict.value == "confirmed", judged.verification.evidence
