"""What linted code can do to the verifier: nothing but be named."""

from __future__ import annotations

import os
import re
import sys
from pathlib import Path

import pytest

from lint_params.rule import Finding, Level, Place
from lint_params.verify import verify_findings
from lint_params.verify.answers import without
from lint_params.verify.contain import LINUX
from lint_params.verify.jobs import Job, again

HOSTILE = Path(__file__).parent / "data" / "hostile"
FILES = sorted(HOSTILE.glob("*.py"))


def expected(path: Path) -> str:
    found = re.match(r"# expect: (\S+)", path.read_text())
    assert found, f"{path.name} does not say what to expect"
    return found[1]


@pytest.fixture(scope="module")
def verdicts(tmp_path_factory: pytest.TempPathFactory):
    """All hostile files in one session, with a short limit."""
    patch = pytest.MonkeyPatch()
    scratch = tmp_path_factory.mktemp("scratch")
    patch.setenv("TMPDIR", str(scratch))
    patch.setattr("tempfile.tempdir", None)
    patch.setenv("PYTHONPATH", str(HOSTILE.parent))
    patch.setenv("LINT_PARAMS_TEST_TOKEN", "secret")
    findings = []
    for path in FILES:
        line = next(
            number
            for number, text in enumerate(path.read_text().splitlines(), 1)
            if text.startswith("class Net")
        )
        # The line of the class statement runs when the file is imported.
        place = Place(line, 1, line, 2)
        findings.append(
            Finding("LP900", "no-name", Level.ERROR, str(path), place, "m", subject="Net")
        )
    try:
        judged = verify_findings(
            findings,
            device="cpu",
            jobs=4,
            timeout=6.0,
            memory=1 << 30,
            rules={"LP900": "verify_rules:Nothing"},
        )
        left = _processes_of(str(scratch))
    finally:
        patch.undo()
    rows = {Path(finding.path).stem: finding.verification for finding in judged}
    return rows, left, sorted(scratch.iterdir())


def _processes_of(scratch: str) -> list[str]:
    """Processes whose environment points into the scratch folder."""
    found = []
    for entry in os.listdir("/proc") if LINUX else ():
        if entry.isdigit():
            try:
                if scratch.encode() in Path(f"/proc/{entry}/environ").read_bytes():
                    found.append(Path(f"/proc/{entry}/cmdline").read_text())
            except OSError:
                continue
    return found


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_named(verdicts, path: Path) -> None:
    verification = verdicts[0][path.stem]
    wanted = expected(path)
    if wanted == "sandbox-denied" and not LINUX:
        wanted = "construct-failed"
    if wanted == "refuted":
        assert verification.verdict.value == "refuted", verification.evidence
    else:
        assert verification.verdict.value == "inconclusive", verification.evidence
        assert verification.evidence.startswith(wanted), verification.evidence


def test_nothing_confirmed(verdicts) -> None:
    assert not [name for name, v in verdicts[0].items() if v.verdict.value == "confirmed"]


def test_nothing_left_running(verdicts) -> None:
    assert verdicts[1] == []


def test_nothing_left_lying(verdicts) -> None:
    assert verdicts[2] == []
    assert not list(HOSTILE.glob("*.escaped"))


def test_torch_stays_out_of_this_process_when_only_the_verifier_is_imported() -> None:
    import subprocess

    code = "import sys, lint_params.verify; print('torch' in sys.modules, 'numpy' in sys.modules)"
    said = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert said.stdout.split() == ["False", "False"]


def test_what_crashes_every_time_is_given_up() -> None:
    job = Job([0], [{"code": "LP900"}])
    answer = without(job, None, "ended by signal 11", 0.1, {"device": "cpu", "timeout": 20.0})
    assert [again(job, answer, {"device": "cpu", "timeout": 20.0}) for _ in range(3)] == [True, True, False]
    assert job.final()[0]["evidence"] == "crashed: ended by signal 11"


def test_a_file_that_ends_the_verifier_takes_no_other_with_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTHONPATH", str(HOSTILE.parent))  # where the rule lies
    net = "from torch import nn\nclass Net(nn.Module):\n    pass\n"
    ends = net + "import os, signal\nos.kill(os.getppid(), signal.SIGKILL)\n"
    findings = []
    for name, text in {"a": ends, "b": net, "c": ends, "d": net}.items():
        path = tmp_path / f"{name}.py"
        path.write_text(text)
        place = Place(2, 1, 2, 2)
        findings.append(Finding("LP900", "no-name", Level.ERROR, str(path), place, "m", subject="Net"))
    judged = verify_findings(
        findings, device="cpu", jobs=2, timeout=10.0, rules={"LP900": "verify_rules:Nothing"}, start="fork"
    )
    said = [one.verification.evidence for one in judged if one.verification is not None]
    assert [text.startswith("crashed") for text in said] == [True, False, True, False], said
