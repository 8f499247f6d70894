"""``--verify-script DIR``: what the verifier ran, as files that a person can run."""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path

from lint_params.rule import Finding


def write_scripts(findings: Iterable[Finding], directory: str | Path) -> list[Path]:
    """A file for each finding whose run left a snippet; returns the files written."""
    folder = Path(directory)
    folder.mkdir(parents=True, exist_ok=True)
    written = []
    for finding in findings:
        if finding.verification is None:
            continue
        said, _, snippet = finding.verification.evidence.partition("\n")
        if not snippet:
            continue
        stem = re.sub(r"\W+", "_", Path(finding.path).stem)
        path = folder / f"{stem}_{finding.place.line}_{finding.code}.py"
        path.write_text(_script(finding, said, snippet), encoding="utf-8")
        written.append(path)
    return written


def _script(finding: Finding, said: str, snippet: str) -> str:
    verification = finding.verification
    assert verification is not None
    where = Path(finding.path).resolve()
    root, package = where.parent, where.parent
    while (package / "__init__.py").is_file():
        root = package = package.parent
    head = [
        f"# {finding.code} {finding.name}: {finding.message}",
        f"# {finding.path}:{finding.place.line}",
        f"# {verification.verdict.value} on {verification.device or 'cpu'}: {said}",
    ]
    if snippet.startswith("python "):
        run = f"import runpy\n\nrunpy.run_path({str(where)!r}, run_name='__main__')"
        return "\n".join([*head, run, ""])
    return "\n".join([*head, "import sys", "", f"sys.path.insert(0, {str(root)!r})", snippet, ""])
