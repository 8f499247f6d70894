"""Run the findings in published libraries on torch: verdicts and reasons per rule and library.

    PYTHON tests/sweep/verdicts.py                       every library that can be imported
    PYTHON tests/sweep/verdicts.py timm vit_pytorch --all-rules
    PYTHON tests/sweep/verdicts.py timm --most 40 --show

PYTHON is the interpreter of an environment in which the libraries can be imported; they are
linted as they are installed there. ``--all-rules`` turns on preview rules and advice, which
makes findings enough to judge the verifier by. Printed: for each rule and library how many were
confirmed, refuted and inconclusive, for what reasons, and how long it took; then each confirmed
and refuted finding, for a person to read. ``--show`` prints the others too.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
import time
import warnings
from collections import Counter, defaultdict
from importlib import util
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
LIBRARIES = (
    *("timm", "vit_pytorch", "torchvision", "segmentation_models_pytorch", "x_transformers"),
    *("diffusers", "transformers", "peft"),
)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("libraries", nargs="*", help="names under which they are imported")
    parser.add_argument("--all-rules", action="store_true", help="preview rules and advice too")
    parser.add_argument("--most", type=int, help="findings of one rule in one library, at most")
    parser.add_argument("--under", default="", help="only files with this in their path")
    parser.add_argument("--jobs", type=int)
    parser.add_argument("--timeout", type=float, default=60.0, help="seconds for one run")
    parser.add_argument("--show", action="store_true", help="print inconclusive findings too")
    args = parser.parse_args()
    sys.path.insert(0, str(HERE))
    from sweep import working_tree

    warnings.simplefilter("ignore")
    with tempfile.TemporaryDirectory() as scratch:
        linter = working_tree(Path(scratch))
        sys.path.insert(0, str(linter))
        os.environ["PYTHONPATH"] = str(linter)
        for library in args.libraries or [name for name in LIBRARIES if util.find_spec(name)]:
            verdicts(library, args)
    return 0


def verdicts(library: str, args: argparse.Namespace) -> None:
    """Print one library."""
    from lint_params.verify import verify_findings

    spec = util.find_spec(library)
    assert spec is not None and spec.submodule_search_locations, f"{library} is not installed"
    folder = Path(next(iter(spec.submodule_search_locations)))
    began = time.process_time()
    findings = linted(folder, args)
    print(f"{library}: {len(findings)} findings in {time.process_time() - began:.0f} s of CPU")
    began, cpu = time.monotonic(), children()
    judged = verify_findings(findings, device="cpu", jobs=args.jobs, timeout=args.timeout)
    print(f"  verified in {time.monotonic() - began:.0f} s, {children() - cpu:.0f} s of CPU")
    table: dict[str, Counter[str]] = defaultdict(Counter)
    for finding in judged:
        proof = finding.verification
        assert proof is not None
        reason = proof.evidence.partition("\n")[0].partition(":")[0]
        plain = proof.verdict.value != "inconclusive"
        table[finding.code][proof.verdict.value if plain else reason] += 1
    for code, counts in sorted(table.items()):
        print(f"  {code}:", ", ".join(f"{end} {n}" for end, n in counts.most_common()))
    for finding in judged:
        proof = finding.verification
        assert proof is not None
        if proof.verdict.value == "inconclusive" and not args.show:
            continue
        where = Path(finding.path).relative_to(folder.parent).as_posix()
        print(f"  {proof.verdict.value} {where}:{finding.place.line}: ", end="")
        print(f"{finding.code} {finding.message}")
        print("      " + proof.evidence.replace("\n", "\n      "), flush=True)


def children() -> float:
    """CPU seconds of the processes that have ended by now."""
    times = os.times()
    return times.children_user + times.children_system


def linted(folder: Path, args: argparse.Namespace) -> list[Any]:
    from lint_params.config import Config
    from lint_params.runner import Linter

    config = Config(select=("ALL",), preview=True) if args.all_rules else Config()
    linter = Linter(config, noqa=False)
    taken: Counter[str] = Counter()
    findings = []
    for path in sorted(folder.rglob("*.py")):
        if args.under not in str(path):
            continue
        for finding in linter.lint_file(str(path)).findings:
            taken[finding.code] += 1
            if finding.code != "LP001" and (not args.most or taken[finding.code] <= args.most):
                findings.append(finding)
    return findings


if __name__ == "__main__":
    sys.exit(main())
