"""Where wrong files and their sound twins come from, and how each is run."""

from __future__ import annotations

import ast
import json
import re
import textwrap
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent


@dataclass(frozen=True)
class Source:
    """One file: ``module`` is the name it is imported by, ``rule`` is switched on for it."""

    set: str
    name: str
    wrong: bool
    text: str
    module: str
    rule: str = ""
    lines: tuple[int, ...] = ()
    demo: str = ""
    check: str = ""
    run: str | None = None
    others: tuple[tuple[str, str], ...] = ()


def section(page: str, name: str) -> str:
    found = re.search(rf"^{name}::[ ]*\n((?:[ ]*\n|[ \t]+.*\n?)+)", page, re.MULTILINE)
    return textwrap.dedent(found[1]).strip("\n") + "\n" if found else ""


def fixtures() -> Iterator[Source]:
    """The twins, rules' pages and examples, and sound models of this repository."""
    folder = ROOT / "fixtures"
    for path in sorted([*folder.glob("shapes/*.py"), *folder.glob("models/*.py"), *folder.glob("seeds/*.py")]):
        text = path.read_text(encoding="utf-8")
        run = section(ast.get_docstring(ast.parse(text)) or "", "Run")
        wrong = "# want:" in text
        yield Source(path.parent.name, path.stem, wrong, text, path.stem, run=run)
    for path in sorted(ROOT.glob("rules/*.py")):
        page = ast.get_docstring(ast.parse(path.read_text(encoding="utf-8"))) or ""
        for name, wrong in ("Bad", True), ("Good", False):
            text, run = section(page, name), section(page, "Run")
            if text:
                yield Source("pages", f"{path.stem}-{name}", wrong, text, "model", path.stem, run=run)
    for path in sorted(folder.glob("rules/*/*.py")):
        if path.stem in ("hits", "clean"):
            text = path.read_text(encoding="utf-8")
            yield Source("rules", f"{path.parent.name}-{path.stem}", path.stem == "hits", text, path.stem, path.parent.name)


def cases(folder: Path) -> Iterator[Source]:
    """Folders of cases: ``NAME/{buggy,fixed}.py`` with a demo, or ``NAME/{buggy,fixed}/`` with a check."""
    label = "-".join(folder.parts[-2:])
    for path in sorted(folder.glob("*.py")):
        yield Source(label, path.stem, False, path.read_text(encoding="utf-8"), path.stem, run="")
    for case in sorted(p for p in folder.iterdir() if p.is_dir()):
        if (case / "case.json").exists():
            right = tuple(json.loads((case / "case.json").read_text())["bad_lines"])
            demo = (case / "demo.py").read_text(encoding="utf-8")
            for side in "buggy", "fixed":
                text = (case / f"{side}.py").read_text(encoding="utf-8")
                yield Source(label, f"{case.name}-{side}", side == "buggy", text, side, lines=right, demo=demo)
        elif (case / "meta.json").exists():
            meta = json.loads((case / "meta.json").read_text())
            check = (case / "check.py").read_text(encoding="utf-8")
            for side in "buggy", "fixed":
                own = case / side
                if not own.exists() or "/" in meta["main"]:
                    continue
                others = tuple((p.relative_to(own).as_posix(), p.read_text(encoding="utf-8"))
                               for p in sorted(own.rglob("*.py")) if p != own / meta["main"])  # fmt: skip
                yield Source(label, f"{case.name}-{side}", side == "buggy" and "codes" in meta,
                             (own / meta["main"]).read_text(encoding="utf-8"), meta["main"][:-3],
                             lines=tuple(meta.get("lines", {}).get(meta["main"], ())), check=check, others=others)  # fmt: skip
