"""``python -m lint_params.new_rule NAME --code LPnnn --level error``: a rule that works, to change.

It writes the rule, whose page and fixtures are true of an example mistake (the generated rule
reports an attribute that is called like the rule), so that
all tests pass before the first line is edited, and fail where an edit breaks something.
"""

from __future__ import annotations

import argparse
import re
import sys
from collections.abc import Sequence
from pathlib import Path

from lint_params import registry

_RULE = '''\
"""{title} is set on a Module, where nothing reads it.

Replace this text: what is wrong, why it costs people time, what torch does about it. Until then
this rule reports assignments to ``self.{stem}``, so that its page and its fixtures are true.

Bad::

    import torch
    from torch import nn


    class Net(nn.Module):
        def __init__(self):
            super().__init__()
            self.fc = nn.Linear(4, 2)
            self.{stem} = True

        def forward(self, x):
            return self.fc(x)

Good::

    import torch
    from torch import nn


    class Net(nn.Module):
        def __init__(self):
            super().__init__()
            self.fc = nn.Linear(4, 2)

        def forward(self, x):
            return self.fc(x)

Run::

    model = Net()
    model(torch.randn(3, 4))
    assert not hasattr(model, "{stem}")

Silent when: the attribute has another name, or the class is no Module.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from lint_params.rule import Finding, Level, Rule{status_import}

if TYPE_CHECKING:
    from lint_params.facts import FileFacts


class {class_name}(Rule):
    code = "{code}"
    level = Level.{level}
{status_line}    words = ("{stem}",)

    def check(self, facts: FileFacts) -> Iterator[Finding]:
        for cls in facts.module_classes:  # lint_params/facts/README.md says what can be asked
            for member in cls.members.get("{stem}", ()):
                message = "self.{stem} is set, and nothing reads it"
                yield self.report(facts, member.node, message, subject=cls.qualname)
'''
_HITS = '''\
"""What {name} reports."""

from torch import nn


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.{stem} = True  # want: {code}
        self.fc = nn.Linear(4, 2)

    def forward(self, x):
        return self.fc(x)
'''
_CLEAN = '''\
"""What looks like {name} and is not."""

from torch import nn


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.no_{stem} = True
        self.fc = nn.Linear(4, 2)

    def forward(self, x):
        return self.fc(x)


class Settings:
    def __init__(self):
        self.{stem} = True
'''


def main(argv: Sequence[str] | None = None) -> int:
    options = _parser().parse_args(argv)
    stem = options.name.replace("-", "_")
    problem = _problem(stem, options.code, options.root)
    if problem:
        print(f"new_rule: {problem}", file=sys.stderr)
        return 2
    for path, text in _files(stem, options.code, options.level, options.preview).items():
        file = options.root / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, encoding="utf-8")
        print(file)
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m lint_params.new_rule", description=__doc__)
    parser.add_argument("name", help="says the mistake: two or more words joined by dashes")
    parser.add_argument("--code", required=True, help="LP and three digits, never used before")
    parser.add_argument("--level", choices=("error", "warning", "advice"), default="error")
    parser.add_argument("--preview", action="store_true", help="off by default for now")
    parser.add_argument(
        "--root", type=Path, default=Path(), help="the repository (default: this folder)"
    )
    return parser


def _problem(stem: str, code: str, root: Path) -> str:
    if not re.fullmatch(r"[a-z][a-z0-9]*(_[a-z0-9]+)+", stem):
        return f"{stem!r} is not two or more lower-case words joined by dashes"
    if not registry.CODE.fullmatch(code):
        return f"{code!r} is not LP and three digits, from LP100"
    if not (root / "rules" / "__init__.py").is_file():
        return f"{root.resolve()} is not the repository of lint-params; use --root"
    if (root / "rules" / f"{stem}.py").exists():
        return f"rules/{stem}.py exists"
    for file in sorted((root / "rules").glob("*.py")):
        if f'code = "{code}"' in file.read_text(encoding="utf-8"):
            return f"{code} is taken by rules/{file.name}"
    return ""


def _files(stem: str, code: str, level: str, preview: bool) -> dict[str, str]:
    words = {
        "stem": stem,
        "name": stem.replace("_", "-"),
        "title": stem.replace("_", " ").capitalize(),
        "class_name": "".join(word.capitalize() for word in stem.split("_")),
        "code": code,
        "level": level.upper(),
        "status_import": ", Status" if preview else "",
        "status_line": "    status = Status.PREVIEW\n" if preview else "",
    }
    return {
        f"rules/{stem}.py": _RULE.format(**words),
        f"fixtures/rules/{stem}/hits.py": _HITS.format(**words),
        f"fixtures/rules/{stem}/clean.py": _CLEAN.format(**words),
    }


if __name__ == "__main__":
    sys.exit(main())
