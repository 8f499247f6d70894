"""Sources of any size, to see how the cost grows when the size doubles.

    python compare/growth.py 16 32 64    CPU seconds of each series at these sizes, as JSON
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable

HEAD = "import torch\nimport torch.nn.functional as F\nfrom torch import nn\n\n"
BLOCK = '''
class Block{0}(nn.Module):
    def __init__(self, dim, heads=4, hidden={1}):
        super().__init__()
        self.heads = heads
        self.norm = nn.LayerNorm(dim)
        self.qkv = nn.Linear(dim, 3 * dim)
        self.proj = nn.Linear(dim, dim)
        self.mlp = nn.Sequential(nn.Linear(dim, hidden), nn.GELU(), nn.Linear(hidden, dim))
        self.scale = nn.Parameter(torch.ones(dim))

    def forward(self, x):
        n, length, dim = x.shape
        qkv = self.qkv(self.norm(x)).reshape(n, length, 3, self.heads, dim // self.heads)
        q, k, v = qkv.permute(2, 0, 3, 1, 4).unbind(0)
        x = x + self.proj((q @ k.transpose(-2, -1)).softmax(-1).matmul(v).transpose(1, 2).reshape(n, length, dim))
        return x + self.scale * self.mlp(x)
'''


def classes(size: int) -> str:
    """So many classes, one after the other."""
    return HEAD + "".join(BLOCK.format(n, 32 + n) for n in range(size))


def _net(init: list[str], forward: list[str], more: str = "") -> str:
    lines = [f"class Net{more}(nn.Module):", "    def __init__(self, flag=None):"]
    lines += ["        super().__init__()", "        self.flag = flag", *(f"        {line}" for line in init)]
    lines += ["", "    def forward(self, x):", *(f"        {line}" for line in forward), "        return x", "", ""]
    return "\n".join(lines)


def layers(size: int) -> str:
    """A class with so many layers, called one after the other."""
    init = [f"self.fc{n} = nn.Linear({16 + n}, {17 + n})" for n in range(size)]
    return HEAD + _net(init, [f"x = torch.relu(self.fc{n}(x))" for n in range(size)])


def branches(size: int) -> str:
    """A forward with so many branches, each of which changes what comes after it."""
    init = [f"self.fc{n} = nn.Linear(16, 16)" for n in range(size)]
    forward = [line for n in range(size) for line in (f"if self.flag == {n}:", f"    x = self.fc{n}(x)")]
    return HEAD + _net(init, forward)


def nesting(size: int) -> str:
    """Modules in modules, so many deep."""
    inner = _net(["self.fc = nn.Linear(16, 16)"], ["x = self.fc(x)"], "0")
    for n in range(1, size):
        inner += _net([f"self.inner = Net{n - 1}()", "self.fc = nn.Linear(16, 16)"], ["x = self.fc(self.inner(x))"], str(n))
    return HEAD + inner


SERIES: dict[str, Callable[[int], str]] = {
    "classes in a file": classes,
    "layers in a class": layers,
    "branches in a forward": branches,
    "modules in modules": nesting,
}


def cost(text: str, tries: int = 3) -> float:
    """CPU seconds to lint a text: the least of some tries."""
    from lint_params.config import Config
    from lint_params.runner import Linter

    spent = []
    for _ in range(tries):
        began = time.process_time()
        result = Linter(Config()).lint("grown.py", text.encode())
        spent.append(time.process_time() - began)
        if result.crashes or result.notes or result.findings:
            raise SystemExit(f"not linted, or not sound: {result}")
    return min(spent)


def main(sizes: list[int]) -> None:
    cost(classes(2))  # imports what the others need
    for name, series in SERIES.items():
        texts = [series(size) for size in sizes]
        points = [{"size": n, "lines": t.count("\n"), "cpu": cost(t)} for n, t in zip(sizes, texts)]
        print(json.dumps({"series": name, "points": points}), flush=True)


if __name__ == "__main__":
    main([int(size) for size in sys.argv[1:]])
