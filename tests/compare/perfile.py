"""CPU seconds that the plugin adds to flake8, file by file, in a process that runs nothing else.

    python compare/perfile.py PATH...

Prints JSON: for each file that mentions torch the seconds in one run over all files, and those
of the file alone, as at a save in an editor. The parse, which flake8 does anyway, is not counted.
"""

from __future__ import annotations

import ast
import json
import sys
import time
from pathlib import Path

from lint_params import engine
from lint_params.config import Config
from lint_params.runner import Linter


def seconds(linter: Linter, path: str, text: str, tree: ast.Module) -> float:
    began = time.process_time()
    engine.lint_tree(path, text, tree, linter.rules_for(path), linter.project())
    return time.process_time() - began


def main(paths: list[str]) -> None:
    texts = {path: Path(path).read_text(encoding="utf-8") for path in paths}
    texts = {path: text for path, text in texts.items() if "torch" in text}
    trees = {path: ast.parse(text) for path, text in texts.items()}
    first = next(iter(texts))
    seconds(Linter(Config()), first, texts[first], trees[first])  # imports
    shared = Linter(Config())
    together = [seconds(shared, path, text, trees[path]) for path, text in texts.items()]
    alone = [seconds(Linter(Config()), path, text, trees[path]) for path, text in texts.items()]
    print(json.dumps({"together": together, "alone": alone}))


if __name__ == "__main__":
    main(sys.argv[1:])
