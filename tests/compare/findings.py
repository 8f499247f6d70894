"""How long findings take once torch is imported, in a process that does nothing else.

    python compare/findings.py COUNT

Runs about so many findings of the fixtures, taken evenly from all of them, and prints JSON: how
many, until torch was imported, and after that, in seconds of wall time; how many were confirmed.
"""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path

import lint_params
from lint_params.verify import verify_findings

FIXTURES = Path(__file__).resolve().parent.parent.parent / "fixtures"


def main(count: int) -> None:
    files = [*FIXTURES.glob("shapes/*_buggy.py"), *FIXTURES.glob("rules/*/hits.py")]
    every = list(lint_params.lint([str(path) for path in sorted(files)], select=["ALL"]))
    findings = every[:: len(every) // count]
    imported = 0.0

    def progress(done: int, total: int) -> None:
        nonlocal imported
        imported = imported or time.monotonic()

    began = time.monotonic()
    judged = verify_findings(findings, device="cpu", progress=progress)
    ended = time.monotonic()
    confirmed = sum(f.verification.verdict.value == "confirmed" for f in judged if f.verification)
    found = {"findings": len(findings), "start": imported - began, "wall": ended - imported}
    print(json.dumps({**found, "confirmed": confirmed}))


if __name__ == "__main__":
    main(int(sys.argv[1]))
