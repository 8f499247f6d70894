"""Mistakes of the kind that the sweep found in released libraries, written anew and executed.

Each of them is reported on the marked line, and torch does what the finding says.
"""

from __future__ import annotations

import textwrap
from typing import Any

from lint_params.config import Config
from lint_params.runner import Linter

HEADER = "import torch\nimport torch.nn.functional as F\nfrom torch import nn\n\n"


def found(code: str) -> list[tuple[int, str]]:
    result = Linter(Config()).lint("mistake.py", code.encode())
    assert result.crashes == []
    return [(finding.place.line, finding.code) for finding in result.findings]


def checked(body: str) -> dict[str, Any]:
    """The namespace of a source whose marked lines, and no others, are reported."""
    code = HEADER + textwrap.dedent(body)
    lines = code.splitlines()
    wanted = [(n, line.split("# want ")[1]) for n, line in enumerate(lines, 1) if "# want " in line]
    assert wanted and found(code) == wanted
    names: dict[str, Any] = {}
    exec(compile(code, "mistake.py", "exec"), names)  # noqa: S102
    return names
