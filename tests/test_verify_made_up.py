"""What the verifier makes up for arguments whose use or whose error says what they are."""

from __future__ import annotations

import textwrap
from pathlib import Path

import pytest
from test_verify import DATA, HEAD, RULES, finding_at

import lint_params
from lint_params.verify import verify_findings

#: name: (source, flagged text, subject). What is flagged runs, on nothing that was repaired.
CASES = {
    "asked_for_by_name": (
        """
        class Named(nn.Module):
            def __init__(self, n_chans=None, mode=None, n_times=None):
                super().__init__()
                for name, value in (("n_chans", n_chans), ("n_times", n_times)):
                    if value is None:
                        raise ValueError(f"{name} is not known: give it")
                self.fc = nn.Linear(n_chans + 1, n_times)

            def forward(self, x):
                return self.fc(x)
        """,
        "return self.fc(x)",
        "Named",
    ),
    "a_word_for_forward": (
        """
        class Phased(nn.Module):
            def __init__(self, width, kind="a", extra=None):
                super().__init__()
                self.kind, self.extra = kind, extra
                self.fc = nn.Linear(width, 3)

            def forward(self, x, phase, deep=False, mask=None):
                if phase == 0:
                    return x
                elif phase == 2 and deep:
                    return self._late(self.fc(x), mask)
                return x

            def _late(self, x, given):
                if given is not None and self.kind in ("b", "c"):
                    if self.extra is not None:
                        return x.relu()
                return x
        """,
        "return x.relu()",
        "Phased",
    ),
    "a_method_that_nothing_calls": (
        """
        class Frozen(nn.Module):
            def __init__(self, width, drop=0.0):
                super().__init__()
                self.drop = drop
                self.fc = nn.Linear(width, 3)

            def freeze(self):
                if self.drop:
                    self.fc.requires_grad_(False)

            def forward(self, x):
                return self.fc(x)
        """,
        "self.fc.requires_grad_(False)",
        "Frozen",
    ),
    "what_forward_asks_for": (
        """
        class Both(nn.Module):
            def __init__(self, width):
                super().__init__()
                self.fc = nn.Linear(width, 3)

            def forward(self, x, table=None, scale=None):
                if table is None:
                    raise ValueError("table must be given")
                return self._scaled(self.fc(x), scale)

            def _scaled(self, x, scale):
                return x.sum(), scale.sum()
        """,
        "return x.sum(), scale.sum()",
        "Both",
    ),
    "a_layer_with_a_weight": (
        """
        class Beside(nn.Module):
            def __init__(self, layer):
                super().__init__()
                if not isinstance(layer, nn.Linear):
                    raise ValueError(f"not {layer}")
                self.layer = layer
                self.more = nn.Parameter(torch.zeros(layer.weight.shape[1]))

            def forward(self, x):
                return self.layer(x + self.more)
        """,
        "return self.layer(x + self.more)",
        "Beside",
    ),
    "an_optimizer_by_its_name": (
        """
        class Warm:
            def __init__(self, optimizer):
                self.rates = [group["lr"] for group in optimizer.param_groups]
        """,
        "self.rates =",
        "Warm",
    ),
    "a_number_by_its_annotation": (
        """
        from dataclasses import dataclass

        @dataclass
        class Plan:
            hidden_dims: int

        class Planned(nn.Module):
            def __init__(self, plan: Plan):
                super().__init__()
                self.fc = nn.Linear(plan.hidden_dims, 3)

            def forward(self, x):
                return self.fc(x)
        """,
        "return self.fc(x)",
        "Planned",
    ),
    "a_probability": (
        """
        class Chance(nn.Module):
            def __init__(self, probability):
                super().__init__()
                assert 0 <= probability <= 1

            def forward(self, x):
                return x.relu()
        """,
        "return x.relu()",
        "Chance",
    ),
    "a_tensor_by_its_use": (
        """
        def resized(table, order):
            size = table.shape[0]
            return table.reshape(size, -1), order
        """,
        "return table",
        "resized",
    ),
    "a_text_by_its_use": (
        """
        def named(variant, order):
            depth, *rest = variant.split("_")
            return depth, rest, order
        """,
        "return depth",
        "named",
    ),
}


@pytest.fixture(scope="module")
def verdicts(tmp_path_factory: pytest.TempPathFactory):
    folder = tmp_path_factory.mktemp("made_up")
    findings = []
    for name, (source, text, subject) in CASES.items():
        path = folder / f"{name}.py"
        path.write_text(HEAD + textwrap.dedent(source))
        findings.append(finding_at(path, text, "LP900", subject, {}))
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PYTHONPATH", str(DATA))
        judged = verify_findings(findings, device="cpu", rules=RULES)
    return {name: f.verification for name, f in zip(CASES, judged, strict=True)}


@pytest.mark.parametrize("name", CASES)
def test_the_flagged_line_runs(verdicts, name: str) -> None:
    assert verdicts[name].verdict.value == "refuted", verdicts[name].evidence


def test_a_missing_attribute_is_shown_by_an_input_that_was_given_up(tmp_path: Path) -> None:
    path = tmp_path / "late.py"
    body = """
    class Late(nn.Module):
        def __init__(self):
            super().__init__()
            self.fc = nn.Linear(8, 3)

        def forward(self, x, y):
            rows, steps, size = y.shape
            x = self.fcc(x)
            return x
    """
    path.write_text(HEAD + textwrap.dedent(body))
    (one,) = [f for f in lint_params.lint([path], select=["LP312"])]
    (judged,) = verify_findings([one], device="cpu")
    assert judged.verification is not None
    assert judged.verification.verdict.value == "confirmed", judged.verification.evidence
    assert "has no attribute 'fcc'" in judged.verification.evidence


def test_each_finding_of_a_class_has_its_own_way(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTHONPATH", str(DATA))
    path = tmp_path / "several.py"
    body = """
    class Several(nn.Module):
        def forward(self, x, phase=0):
            if phase == 1:
                x = x.relu()
            if phase == 2:
                x = x.tanh()
            return x

        def more(self):
            return self.training
    """
    path.write_text(HEAD + textwrap.dedent(body))
    texts = ["return x", "x.relu()", "x.tanh()", "self.training"]
    asked = [finding_at(path, text, "LP900", "Several", {}) for text in texts]
    judged = verify_findings(asked, device="cpu", rules=RULES)
    assert [f.verification.verdict.value for f in judged if f.verification] == ["refuted"] * 4
