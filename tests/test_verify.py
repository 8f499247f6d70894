"""Verdicts on small modules, in one session of the verifier."""

from __future__ import annotations

import ast
import json
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

from lint_params.evidence import Failure, Frame, Run, Tensor, Verification
from lint_params.rule import Finding, Level, Place, ShapeRule, Step
from lint_params.verify import TorchMissing, verify_findings, write_scripts

DATA = Path(__file__).parent / "data"

#: name -> (source, subject, text of the flagged line, code, details, verdict, evidence begins)
CASES: dict[str, tuple[str, str, str, str, dict[str, object], str, str]] = {
    "chain": (
        """
        class Net(nn.Module):
            def __init__(self):
                super().__init__()
                self.fc1 = nn.Linear(10, 20)
                self.fc2 = nn.Linear(30, 5)

            def forward(self, x):
                return self.fc2(self.fc1(x))
        """,
        "Net",
        "self.fc2 = ",
        "LP401",
        {"got": 20, "expected": 30, "attribute": "fc2"},
        "confirmed",
        "RuntimeError: mat1 and mat2 shapes cannot be multiplied (5x20 and 30x5)",
    ),
    "chain_other_numbers": (
        """
        class Net(nn.Module):
            def __init__(self):
                super().__init__()
                self.fc1 = nn.Linear(10, 20)
                self.fc2 = nn.Linear(30, 5)

            def forward(self, x):
                return self.fc2(self.fc1(x))
        """,
        "Net",
        "self.fc2 = ",
        "LP401",
        {"got": 21, "expected": 30, "attribute": "fc2"},
        "inconclusive",
        "forward-failed-elsewhere",
    ),
    "symbols": (
        """
        class Net(nn.Module):
            def __init__(self, dim, inner):
                super().__init__()
                self.up = nn.Linear(dim, inner)
                self.down = nn.Linear(inner * 2, dim)

            def forward(self, x):
                return self.down(self.up(x))
        """,
        "Net",
        "self.down = ",
        "LP401",
        {"got": "inner", "expected": "inner * 2"},
        "confirmed",
        "RuntimeError: mat1 and mat2 shapes",
    ),
    "sound": (
        """
        class Net(nn.Module):
            def __init__(self):
                super().__init__()
                self.fc1 = nn.Linear(10, 20)
                self.fc2 = nn.Linear(20, 5)

            def forward(self, x):
                return self.fc2(self.fc1(x))
        """,
        "Net",
        "self.fc2 = ",
        "LP401",
        {"got": 20, "expected": 30},
        "refuted",
        "line ",
    ),
    "never_reached": (
        """
        class Net(nn.Module):
            def __init__(self):
                super().__init__()
                self.fc1 = nn.Linear(10, 20)

            def forward(self, x):
                x = self.fc1(x)
                if x.numel() > 1 << 30:
                    x = x @ torch.zeros(30, 5)
                return x
        """,
        "Net",
        "x = x @",
        "LP401",
        {"got": 20, "expected": 30},
        "inconclusive",
        "line-not-executed",
    ),
    "equal_sizes": (
        """
        class Net(nn.Module):
            def __init__(self, n_in, n_out):
                super().__init__()
                self.proj = nn.Linear(n_in, n_out)
                self.proj.weight = nn.Parameter(torch.randn(n_in, n_out))

            def forward(self, x):
                return self.proj(x)

        net = Net(64, 64)
        """,
        "Net",
        "self.proj.weight = ",
        "LP407",
        {"got": "n_in", "expected": "n_out"},
        "confirmed",
        "RuntimeError: mat1 and mat2",
    ),
    "call_site_of_forward": (
        """
        class Net(nn.Module):
            def __init__(self):
                super().__init__()
                self.conv = nn.Conv2d(1, 6, 5)
                self.fc = nn.Linear(6 * 28 * 28, 10)

            def forward(self, x):
                return self.fc(self.conv(x).flatten(1))

        if __name__ == "__main__":
            net = Net()
            net(torch.randn(4, 1, 28, 28))
        """,
        "Net",
        "return self.fc",
        "LP401",
        {},
        "confirmed",
        "RuntimeError: mat1 and mat2 shapes cannot be multiplied (4x3456 and 4704x10)",
    ),
    "broken_constructor": (
        """
        class Net(nn.Module):
            def __init__(self):
                super().__init__()
                self.size = undefined_name
                self.fc = nn.Linear(3, 3)

            def forward(self, x):
                return self.fc(x)
        """,
        "Net",
        "self.fc = ",
        "LP401",
        {},
        "inconclusive",
        "construct-failed: NameError",
    ),
    "unjudged": (
        """
        class Net(nn.Module):
            def __init__(self):
                super().__init__()
                self.fc = nn.Linear(3, 3)

            def forward(self, x):
                return self.fc(x)
        """,
        "Net",
        "self.fc = ",
        "LP902",
        {},
        "inconclusive",
        "no-predicate",
    ),
    "mistaken_rule": (
        """
        class Net(nn.Module):
            def forward(self, x):
                return x
        """,
        "Net",
        "return x",
        "LP903",
        {},
        "inconclusive",
        "no-predicate: ZeroDivisionError",
    ),
    "needs_a_gpu": (
        """
        class Net(nn.Module):
            def __init__(self):
                super().__init__()
                self.scale = torch.ones(3, device="cuda")

            def forward(self, x):
                return x * self.scale
        """,
        "Net",
        "return x",
        "LP900",
        {},
        "inconclusive",
        "needs-device",
    ),
}

RULES = {
    "LP401": "verify_rules:Shape",
    "LP407": "verify_rules:Shape",
    "LP900": "verify_rules:Nothing",
    "LP901": "verify_rules:Silent",
    "LP902": "verify_rules:Mute",
    "LP903": "verify_rules:Broken",
}
HEAD = "import torch\nfrom torch import nn\n"


def finding_at(
    path: Path, line_text: str, code: str, subject: str, details: dict[str, object]
) -> Finding:
    lines = path.read_text().splitlines()
    line = next(n for n, text in enumerate(lines, 1) if line_text in text)
    place = Place(line, 1, line, len(lines[line - 1]) + 1)
    return Finding(
        code, "no-name", Level.ERROR, str(path), place, "m", subject=subject, details=details
    )


def judged_cases(cases: dict[str, tuple[str, str, str]], folder: Path) -> dict[str, Verification | None]:
    """What is said of one finding in each source, at the line with the text; all in one run."""
    findings = []
    for name, (source, text, subject) in cases.items():
        path = folder / f"{name}.py"
        path.write_text(HEAD + textwrap.dedent(source))
        findings.append(finding_at(path, text, "LP900", subject, {}))
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PYTHONPATH", str(DATA))
        judged = verify_findings(findings, device="cpu", rules=RULES)
    return {name: f.verification for name, f in zip(cases, judged, strict=True)}


def findings_in(folder: Path) -> list[Finding]:
    made = []
    for name, (source, subject, line_text, code, details, _, _) in CASES.items():
        path = folder / f"{name}.py"
        path.write_text(HEAD + textwrap.dedent(source))
        made.append(finding_at(path, line_text, code, subject, details))
    return made


@pytest.fixture(scope="module")
def session(tmp_path_factory: pytest.TempPathFactory):
    folder = tmp_path_factory.mktemp("cases")
    patch = pytest.MonkeyPatch()
    patch.setenv("PYTHONPATH", str(DATA))
    steps: list[tuple[int, int]] = []
    findings = findings_in(folder)
    try:
        judged = verify_findings(
            findings,
            device="cpu",
            rules=RULES,
            progress=lambda done, total: steps.append((done, total)),
        )
    finally:
        patch.undo()
    return findings, judged, steps


@pytest.mark.parametrize("name", CASES)
def test_verdict(session, name: str) -> None:
    verification = session[1][list(CASES).index(name)].verification
    *_, verdict, evidence = CASES[name]
    assert verification.verdict.value == verdict, verification.evidence
    assert verification.evidence.startswith(evidence)


def test_order_is_kept_and_only_the_verification_changes(session) -> None:
    findings, judged, _ = session
    assert [(f.path, f.place, f.code) for f in judged] == [
        (f.path, f.place, f.code) for f in findings
    ]


def test_progress_counts_to_the_end(session) -> None:
    steps = session[2]
    assert steps[-1] == (len(CASES), len(CASES))
    assert [done for done, _ in steps] == sorted(done for done, _ in steps)


def test_the_device_and_the_time_are_named(session) -> None:
    verification = session[1][0].verification
    assert verification.device == "cpu"
    assert verification.seconds > 0


def test_snippets_run_and_show_the_failure(session, tmp_path: Path) -> None:
    written = write_scripts(session[1], tmp_path / "scripts")
    mine = next(
        path for path in written if path.name.startswith("chain_") and "other" not in path.name
    )
    done = subprocess.run([sys.executable, str(mine)], capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert "mat1 and mat2 shapes cannot be multiplied (5x20 and 30x5)" in done.stderr


def test_spawned_runs_give_the_same_verdicts(tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setenv("PYTHONPATH", str(DATA))
    wanted = ["chain", "sound"]
    findings = [f for f in findings_in(tmp_path) if Path(f.path).stem in wanted]
    judged = verify_findings(findings, device="cpu", rules=RULES, start="spawn")
    assert [f.verification.verdict.value for f in judged] == ["confirmed", "refuted"]


def test_without_torch_it_says_how_to_get_it(tmp_path: Path, monkeypatch) -> None:
    blocked = tmp_path / "blocked" / "torch"
    blocked.mkdir(parents=True)
    (blocked / "__init__.py").write_text("raise ImportError('no torch here')\n")
    monkeypatch.setenv("PYTHONPATH", str(blocked.parent))
    with pytest.raises(TorchMissing, match=r"lint-params\[verify\]"):
        verify_findings(findings_in(tmp_path)[:1], device="cpu", rules=RULES)


def test_nothing_to_do_starts_nothing(monkeypatch) -> None:
    monkeypatch.setattr(subprocess, "Popen", None)
    assert verify_findings([]) == []


def test_verification_does_not_import_torch_here(tmp_path: Path) -> None:
    path = tmp_path / "plain.py"
    path.write_text(HEAD + "class Net(nn.Module):\n    pass\n")
    code = textwrap.dedent(
        f"""
        import sys
        from lint_params.rule import Finding, Level, Place
        from lint_params.verify import verify_findings
        f = Finding("LP900", "n", Level.ERROR, {str(path)!r}, Place(3, 1, 3, 2), "m", subject="Net")
        judged = verify_findings([f], device="cpu")
        print(judged[0].verification.verdict.value, "torch" in sys.modules)
        """
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["inconclusive", "False"]


def test_the_parents_side_of_the_verifier_never_mentions_torch() -> None:
    import lint_params.verify as package

    folder = Path(package.__file__).parent
    for name in ("__init__", "client", "contain", "scripts"):
        tree = ast.parse((folder / f"{name}.py").read_text())
        for node in ast.walk(tree):
            modules = [a.name for a in node.names] if isinstance(node, ast.Import) else []
            if isinstance(node, ast.ImportFrom):
                modules = [node.module or ""]
            assert not [m for m in modules if m.partition(".")[0] == "torch"], name


# -- the trace as data --------------------------------------------------------------------
def shape_failure(text: str, line: int = 3, **more: object) -> Failure:
    return Failure("forward", "RuntimeError", text, (Frame(line, "forward", ""),), **more)  # type: ignore[arg-type]


def finding(line: int = 3, **details: object) -> Finding:
    return Finding("LP401", "n", Level.ERROR, "p", Place(line, 1, line, 2), "m", details=details)


def test_a_run_survives_json() -> None:
    run = Run(
        failures=(shape_failure("x", made_up=(5,)),),
        lines=frozenset({1, 2}),
        snapshots={"construct": (Tensor("w", 1, "parameter", shape=(2, 3)),)},
        arguments={"dim": 4},
    )
    assert Run.from_data(json.loads(json.dumps(run.to_data()))) == run


MAT = "mat1 and mat2 shapes cannot be multiplied (5x20 and 30x5)"


@pytest.mark.parametrize(
    ("failure", "details", "verdict"),
    [
        (shape_failure(MAT), {"got": 20, "expected": 30}, "confirmed"),
        (shape_failure(MAT), {"got": 30, "expected": 20}, "confirmed"),
        (shape_failure(MAT), {"got": 5, "expected": 30}, None),
        (shape_failure(MAT, line=9), {"got": 20, "expected": 30}, None),
        (shape_failure(MAT, made_up=(20,)), {"got": 20, "expected": 30}, None),
        (shape_failure(MAT, repaired=True), {"got": 20, "expected": 30}, "confirmed"),
        (shape_failure(MAT, repaired=True, made_up=(20,)), {"got": 20, "expected": 30}, None),
        (shape_failure(MAT, repaired=True), {"got": 20, "expected": "n"}, None),
        (shape_failure(MAT, line=9, layer="net.fc2"), {"got": 20, "expected": 30}, None),
        (
            shape_failure(MAT, line=9, layer="net.fc2"),
            {"got": 20, "expected": 30, "attribute": "fc2"},
            "confirmed",
        ),
        (shape_failure("no such file"), {}, None),
        (shape_failure(MAT), {}, "confirmed"),
        (shape_failure("index 7 is out of bounds"), {"got": 7, "expected": 8}, None),
        (
            shape_failure(
                "Given normalized_shape=[16], expected input with shape [*, 16], but got input "
                "of size[5, 16, 32, 32]",
                made_up=(5, 32),
            ),
            {"expected": 16},
            "confirmed",
        ),
        (
            shape_failure("shape '[2, 9, 3, 4, 8]' is invalid for input of size 1152"),
            {"got": 64, "expected": 96},
            "confirmed",
        ),
        (
            shape_failure(MAT, layer="fc1", layer_line=2),
            {"attribute": "fc2"},
            None,
        ),
        (
            shape_failure(MAT, layer="blocks.0.fc2", layer_line=2),
            {"attribute": "fc2"},
            "confirmed",
        ),
    ],
)
def test_a_shape_finding_is_confirmed_only_by_its_own_sizes_at_its_own_place(
    failure: Failure, details: dict[str, object], verdict: str | None
) -> None:
    run = Run(failures=(failure,), inputs_from="synthesised", input_shapes=((5, 10),))
    given = ShapeRule().verify(run, finding(**details))
    assert (given.verdict.value if given else None) == verdict


def test_a_trace_line_is_a_place_of_the_finding_too() -> None:
    run = Run(failures=(shape_failure(MAT, line=9),))
    traced = Finding(
        "LP401", "n", Level.ERROR, "p", Place(3, 1, 3, 2), "m", trace=(Step(9, "fc2 is called"),)
    )
    given = ShapeRule().verify(run, traced)
    assert given is not None and given.verdict.value == "confirmed"


@pytest.mark.parametrize(
    ("changes", "evidence"),
    [
        ({}, "it ran"),
        ({"lines": frozenset()}, "line-not-executed"),
        ({"repaired": ("size 3 changed to 4",)}, "input-repaired"),
        ({"degenerate": "one row"}, "degenerate-input"),
        ({"device": "meta"}, "needs-device"),
        ({"failures": (shape_failure("x"),)}, "forward-failed-elsewhere"),
        ({"failures": (shape_failure("x", reason="timeout"),)}, "timeout"),
    ],
)
def test_a_run_refutes_only_where_nothing_stood_in_the_way(
    changes: dict[str, object], evidence: str
) -> None:
    run = Run(**{"lines": frozenset({3}), **changes})  # type: ignore[arg-type]
    assert run.refuted(finding(), "it ran").evidence.startswith(evidence)


def test_verdicts_are_kept_until_what_they_depend_on_changes(tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setenv("PYTHONPATH", str(DATA))
    helper = tmp_path / "sizes_helper.py"
    helper.write_text("WIDTH = 30\n")
    path = tmp_path / "uses_helper.py"
    path.write_text(
        HEAD
        + textwrap.dedent(
            """
            from sizes_helper import WIDTH

            class Net(nn.Module):
                def __init__(self):
                    super().__init__()
                    self.fc1 = nn.Linear(10, 20)
                    self.fc2 = nn.Linear(WIDTH, 5)

                def forward(self, x):
                    return self.fc2(self.fc1(x))
            """
        )
    )
    details: dict[str, object] = {"got": 20, "expected": 30, "attribute": "fc2"}
    findings = [finding_at(path, "self.fc2 = ", "LP401", "Net", details)]

    def verdict(**more: object) -> str:
        judged = verify_findings(
            findings,
            device="cpu",
            rules=RULES,
            cache=tmp_path / "kept",
            **more,  # type: ignore[arg-type]
        )
        assert judged[0].verification is not None
        return judged[0].verification.verdict.value

    notes: list[str] = []
    assert verdict(note=notes.append) == "confirmed"
    assert len(notes) == 1
    assert "torch" in notes[0]
    assert "cpu" in notes[0]
    with monkeypatch.context() as patch:
        patch.setattr(subprocess, "Popen", None)  # nothing is started
        assert verdict() == "confirmed"
    helper.write_text("WIDTH = 20\n")
    assert verdict() == "refuted"


def test_a_failing_statement_does_not_hide_the_mistakes_behind_it(
    tmp_path: Path, monkeypatch
) -> None:
    monkeypatch.setenv("PYTHONPATH", str(DATA))
    path = tmp_path / "several.py"
    path.write_text(
        HEAD
        + textwrap.dedent(
            """
            first = torch.zeros(2, 3) @ torch.zeros(4, 5)
            second = torch.zeros(2, 6) @ torch.zeros(7, 5)

            class Net(nn.Module):
                def __init__(self):
                    super().__init__()
                    self.c = torch.zeros(2, 8) @ torch.zeros(9, 5)
                    self.d = torch.zeros(2, 10) @ torch.zeros(11, 5)

                def forward(self, x):
                    return x
            """
        )
    )
    wanted = [("first", "", 3, 4), ("second", "", 6, 7), (".c =", "Net", 8, 9)]
    wanted.append((".d =", "Net", 10, 11))
    findings = [
        finding_at(path, text, "LP401", subject, {"got": got, "expected": size})
        for text, subject, got, size in wanted
    ]
    judged = verify_findings(findings, device="cpu", rules=RULES)
    assert [f.verification.verdict.value for f in judged] == ["confirmed"] * 4
    assert "(2x10 and 11x5)" in judged[3].verification.evidence
