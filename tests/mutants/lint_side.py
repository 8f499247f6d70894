"""Lints mutants at the paths of their originals; only what is new is said."""

from __future__ import annotations

import json
import sys
from collections import Counter, defaultdict
from pathlib import Path
from typing import Any

from lint_params import registry
from lint_params.config import Config
from lint_params.rule import Finding, Status
from lint_params.runner import Linter


def main() -> None:
    request = json.loads(Path(sys.argv[1]).read_text(encoding="utf-8"))
    preview = {r.code for r in registry.load_all() if r.status is Status.PREVIEW}
    linter = Linter(Config(preview=True), noqa=False)
    by_path: dict[str, list[Any]] = defaultdict(list)
    for row in request["rows"]:
        by_path[row["path"]].append(row)
    with open(sys.argv[2], "w", encoding="utf-8") as out:
        for path, rows in by_path.items():
            known = Counter(_key(f) for f in linter.lint_file(path).findings)
            for row in rows:
                result = linter.lint(path, row["text"].encode())
                left = Counter(known)
                new = []
                for finding in result.findings:
                    if left[_key(finding)] > 0:
                        left[_key(finding)] -= 1
                    else:
                        new.append(finding)
                said = [
                    {
                        "line": f.place.line,
                        "trace": [step.line for step in f.trace],
                        "code": f.code,
                        "message": f.message,
                        "preview": f.code in preview,
                    }
                    for f in new
                ]
                said += [{"line": 0, "trace": [], "code": "crash", "message": c, "preview": True} for c in result.crashes]
                print(json.dumps({"id": row["id"], "findings": said}), file=out, flush=True)
            linter.lint_file(path)  # who imports this file is to see the original again


def _key(finding: Finding) -> tuple[str, str]:
    """A finding whatever lines it and its sources stand on."""
    text = "".join(c for c in finding.message.partition("(line")[0])
    return finding.code, text


if __name__ == "__main__":
    main()
