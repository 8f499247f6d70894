"""How many Module classes of a library the verifier can construct and run, and why not the others.

    PYTHON tests/sweep/classes.py timm vit_pytorch             a sample of each
    PYTHON tests/sweep/classes.py timm --count 400 --seed 1    another, larger one
    PYTHON tests/sweep/classes.py --only timm/layers/mlp.py timm

PYTHON is the interpreter of an environment in which the libraries can be imported. The sample
is drawn by a hash of the class's name, so that it stays the same. A class counts that is a
``torch.nn.Module`` with a forward and without abstract methods. The verifier gets one finding
a class, whose rule asks only how far the run came.
"""

from __future__ import annotations

import argparse
import ast
import hashlib
import importlib
import importlib.util
import os
import sys
import tempfile
import time
import warnings
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

HERE = Path(__file__).resolve().parent


def candidates(folder: Path, only: str, seed: int) -> list[tuple[Path, ast.ClassDef]]:
    """Every top-level class with a base, in the order of the sample."""
    found = []
    for path in sorted(folder.rglob("*.py")):
        if only and only not in str(path):
            continue
        try:
            tree = ast.parse(path.read_text(encoding="utf-8"))
        except (SyntaxError, UnicodeDecodeError):
            continue
        found += [(path, node) for node in tree.body if isinstance(node, ast.ClassDef)]

    def place(item: tuple[Path, ast.ClassDef]) -> bytes:
        text = f"{seed}:{item[0].relative_to(folder)}:{item[1].name}"
        return hashlib.blake2b(text.encode()).digest()

    return sorted(((p, n) for p, n in found if n.bases), key=place)


def modules(folder: Path, only: str, count: int, seed: int) -> Iterator[tuple[Path, ast.ClassDef]]:
    """The sampled classes that are Modules with a forward, as the live library says."""
    from torch import nn

    missing = nn.Module.forward
    taken = 0
    for path, node in candidates(folder, only, seed):
        parts = path.relative_to(folder.parent).with_suffix("").parts
        name = ".".join(parts[:-1] if parts[-1] == "__init__" else parts)
        try:
            kind = getattr(importlib.import_module(name), node.name)
        except BaseException:  # a library may ask for anything when it is imported
            continue
        if not (isinstance(kind, type) and issubclass(kind, nn.Module)):
            continue
        if getattr(kind, "__abstractmethods__", None) or kind.forward is missing:
            continue
        yield path, node
        taken += 1
        if taken == count:
            return


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("libraries", nargs="+", help="names under which they are imported")
    parser.add_argument("--count", type=int, default=120, help="classes of each library")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--only", default="", help="part of the paths to look at")
    parser.add_argument("--jobs", type=int)
    parser.add_argument("--timeout", type=float, default=60.0, help="seconds for one run")
    parser.add_argument("--show", action="store_true", help="name each class and its end")
    args = parser.parse_args()
    sys.path.insert(0, str(HERE))
    from sweep import working_tree

    warnings.simplefilter("ignore")
    with tempfile.TemporaryDirectory() as scratch:
        linter = working_tree(Path(scratch))
        sys.path.insert(0, str(linter))
        os.environ["PYTHONPATH"] = f"{linter}{os.pathsep}{HERE}"
        for library in args.libraries:
            measure(library, args)
    return 0


def measure(library: str, args: argparse.Namespace) -> None:
    from lint_params.rule import Finding, Level, Place
    from lint_params.verify import verify_findings

    spec = importlib.util.find_spec(library)
    assert spec is not None and spec.submodule_search_locations, f"{library} is not installed"
    folder = Path(next(iter(spec.submodule_search_locations)))
    findings = []
    for path, node in modules(folder, args.only, args.count, args.seed):
        place = Place(node.lineno, 1, node.lineno, 2)
        findings.append(
            Finding("LP499", "reached", Level.ERROR, str(path), place, "", subject=node.name)
        )
    began = time.monotonic()
    judged = verify_findings(
        findings,
        device="cpu",
        jobs=args.jobs,
        timeout=args.timeout,
        rules={"LP499": "reached:Reached"},
    )
    seconds = time.monotonic() - began
    ends: Counter[str] = Counter()
    ways: Counter[str] = Counter()
    for finding in judged:
        proof = finding.verification
        assert proof is not None
        said = proof.evidence.partition("\n")[0]
        end = "ran" if proof.verdict.value == "confirmed" else said.partition(":")[0]
        ends[end] += 1
        if end == "ran":
            ways[said] += 1
        if args.show:
            where = Path(finding.path).relative_to(folder.parent)
            print(f"  {end:24} {where}:{finding.subject}: {said[:300]}")
    total = len(judged)
    constructed = ends["ran"] + ends["forward-failed-elsewhere"]
    print(
        f"{library}: {total} classes, {constructed} constructed ({constructed / total:.0%}), "
        f"{ends['ran']} ran ({ends['ran'] / total:.0%}), {seconds:.0f} s"
    )
    print("   ends:", ", ".join(f"{end} {n}" for end, n in ends.most_common()))
    print("   arguments, inputs of those that ran:", end=" ")
    print("; ".join(f"{way} {n}" for way, n in ways.most_common()), flush=True)


if __name__ == "__main__":
    sys.exit(main())
