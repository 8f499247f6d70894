"""Code with a mistake beside the same code without it, and what counts as catching the mistake.

A tool has caught a mistake when it says something on a right line of the buggy file which it
does not say of the twin. Right lines are those that an author marked, those that the twin mends
and those at which torch stops; in the short example of a rule's page all are.
"""

from __future__ import annotations

import json
import re
import traceback
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from functools import cache
from pathlib import Path

from compare.outputs import Said
from support import FIXTURES, ROOT, STEMS, execute, rule_of, section

from lint_params import registry
from lint_params.rule import Level, Status

#: Example cases that lie beside a checkout, or nowhere.
CASES = ROOT.parent / "shared" / "cases"
_WANT = re.compile(r"\s*#\s*(want|known-miss|known-noise):.*")


@dataclass(frozen=True)
class Pair:
    """``lines``: where a finding is right; None: anywhere. ``package``: a library that it needs."""

    group: str
    name: str
    buggy: str
    fixed: str
    lines: frozenset[int] | None
    original: str = ""
    package: Path | None = None

    @property
    def files(self) -> dict[str, str]:
        """The buggy one and the fixed one, by their paths in a common folder."""
        fixed = self.original or f"{self.name}_fixed.py"
        return {f"{self.name}_buggy.py": self.buggy, fixed: self.fixed}


def twins() -> Iterator[Pair]:
    """fixtures/shapes, marked by comments, which no tool is to see."""
    for path in sorted((FIXTURES / "shapes").glob("*_buggy.py")):
        name = path.stem.removesuffix("_buggy")
        marked = path.read_text(encoding="utf-8").splitlines()
        lines = {n for n, line in enumerate(marked, 1) if _WANT.search(line)} | stops(path)
        buggy = "\n".join(_WANT.sub("", line) for line in marked) + "\n"
        fixed = path.with_name(f"{name}_fixed.py").read_text(encoding="utf-8")
        yield Pair("twins", name, buggy, fixed, frozenset(lines | mended(buggy, fixed)))


def pages() -> Iterator[Pair]:
    """Bad and Good of the rules that are on by default."""
    for stem in STEMS:
        rule = rule_of(stem)
        if rule.status is Status.STABLE and rule.level is not Level.ADVICE:
            page = registry.page(rule)
            bad = "\n".join(_WANT.sub("", line) for line in section(page, "Bad").splitlines())
            yield Pair("pages", stem, bad + "\n", section(page, "Good"), None)


def cases(folder: Path, group: str) -> Iterator[Pair]:
    """Folders with ``buggy.py``, ``fixed.py`` and ``case.json``, which names the ``bad_lines``."""
    for path in sorted(folder.glob("*/case.json")):
        about = json.loads(path.read_text(encoding="utf-8"))
        buggy = (path.parent / "buggy.py").read_text(encoding="utf-8")
        fixed = (path.parent / "fixed.py").read_text(encoding="utf-8")
        kind = f"{group}-silent" if about.get("where") == "silent" else group
        name = "case_" + re.sub(r"\W", "_", path.parent.name)
        yield Pair(kind, name, buggy, fixed, frozenset(about["bad_lines"]) | mended(buggy, fixed))


def clean(folders: Iterable[Path]) -> dict[str, str]:
    """Sound files by a name of their own."""
    paths = [path for folder in folders for path in sorted(folder.glob("*.py"))]
    return {f"clean_{n}_{path.name}": path.read_text(encoding="utf-8") for n, path in enumerate(paths)}


def mended(buggy: str, fixed: str) -> set[int]:
    """The lines of ``buggy`` that are others, or are gone, in ``fixed``."""
    return {a + 1 for tag, a1, a2, _, _ in _blocks(buggy, fixed) if tag != "equal" for a in range(a1, a2)}


def stops(path: Path) -> set[int]:
    """The lines of a fixture that are running when torch refuses it."""
    try:
        execute(path)
    except Exception as error:
        frames = traceback.extract_tb(error.__traceback__)
        return {f.lineno for f in frames if f.filename == str(path) and f.lineno}
    return set()


@cache
def _blocks(buggy: str, fixed: str) -> list[tuple[str, int, int, int, int]]:
    """How one becomes the other; what both begin and end with is not searched, files are long."""
    a, b = buggy.splitlines(), fixed.splitlines()
    most = min(len(a), len(b))
    head = next((n for n in range(most) if a[n] != b[n]), most)
    tail = next((n for n in range(most - head) if a[-1 - n] != b[-1 - n]), most - head)
    middle = SequenceMatcher(None, a[head : len(a) - tail], b[head : len(b) - tail], autojunk=False)
    blocks = [("equal", 0, head, 0, head)]
    blocks += [(tag, head + a1, head + a2, head + b1, head + b2) for tag, a1, a2, b1, b2 in middle.get_opcodes()]
    return [*blocks, ("equal", len(a) - tail, len(a), len(b) - tail, len(b))]


def news(pair: Pair, of_buggy: Sequence[Said], of_fixed: Sequence[Said]) -> list[Said]:
    """What is said of the buggy file alone.

    On lines that both have, the twin's finding is the same when its code is; where the files
    differ, when its words are too.
    """
    there = Counter((said.line, said.code) for said in of_fixed)
    words = {(said.line, said.code, said.text) for said in of_fixed}
    left = []
    for said in of_buggy:
        for tag, a1, a2, b1, b2 in _blocks(pair.buggy, pair.fixed):
            if not a1 < said.line <= a2:
                continue
            if tag == "equal":
                key = (said.line - a1 + b1, said.code)
                if there[key]:
                    there[key] -= 1
                    break
            elif any((line + 1, said.code, said.text) in words for line in range(b1, b2)):
                break
        else:
            left.append(said)
    return left


def caught(pair: Pair, of_buggy: Sequence[Said], of_fixed: Sequence[Said]) -> bool:
    found = news(pair, of_buggy, of_fixed)
    return any(pair.lines is None or said.line in pair.lines for said in found)
