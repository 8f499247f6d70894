"""Imports to qualified names: what ``nn.Linear`` means in one file.

Only names whose meaning is certain are resolved: a name that the file binds twice in
different ways at module level is nobody's.
"""

from __future__ import annotations

import ast
from dataclasses import dataclass, field
from functools import lru_cache

from lint_params.trees import walk

Binding = ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef | ast.expr | str

#: Modules of torch in which public names are defined, and where these belong.
HOMES = {
    "torch.functional": "torch",
    "torch.autograd.grad_mode": "torch",
    "torch.autograd.variable": "torch.autograd",
    "torch.nn.parameter": "torch.nn",
    "torch.nn.parallel.data_parallel": "torch.nn.parallel",
    "torch.nn.parallel.distributed": "torch.nn.parallel",
    "torch.nn.utils.clip_grad": "torch.nn.utils",
    "torch.nn.utils.convert_parameters": "torch.nn.utils",
    "torch.nn.utils.spectral_norm": "torch.nn.utils",
    "torch.nn.utils.weight_norm": "torch.nn.utils",
    "torch.utils.data.dataloader": "torch.utils.data",
    "torch.utils.data.dataset": "torch.utils.data",
    "torch.utils.data.sampler": "torch.utils.data",
}
#: Other public names of the same objects.
ALIASES = {
    "torch.nn.parallel.DataParallel": "torch.nn.DataParallel",
    "torch.autograd.no_grad": "torch.no_grad",
    "torch.autograd.enable_grad": "torch.enable_grad",
    "torch.autograd.set_grad_enabled": "torch.set_grad_enabled",
    "torch.autograd.inference_mode": "torch.inference_mode",
}
#: Metaclasses that make what a class says, and answer no call in its place.
PLAIN_METACLASSES = frozenset({"abc.ABCMeta", "enum.EnumMeta", "enum.EnumType", "builtins.type"})


@lru_cache(maxsize=4096)
def canonical(qualified: str) -> str:
    """The public name of a torch object: ``torch.nn.modules.linear.Linear`` is ``torch.nn.Linear``."""
    home, _, last = qualified.rpartition(".")
    if home in HOMES:
        qualified = f"{HOMES[home]}.{last}"
    elif qualified.startswith("torch.nn.modules."):
        if home.count(".") >= 3 or last[:1].isupper():
            return f"torch.nn.{last}"
    elif qualified.startswith("torch.optim."):
        # torch.optim.adam.Adam, but not torch.optim.lr_scheduler.StepLR
        if home.count(".") == 2 and last[:1].isupper() and not home.endswith(("lr_scheduler", "swa_utils")):
            return f"torch.optim.{last}"
    elif qualified.startswith("pytorch_lightning."):
        return "lightning.pytorch." + qualified.removeprefix("pytorch_lightning.")
    return ALIASES.get(qualified, qualified)


def dotted(node: ast.expr) -> str | None:
    """``a.b.c`` as text, or None for anything but a chain of names."""
    if isinstance(node, ast.Name):
        return node.id
    parts: list[str] = []
    while isinstance(node, ast.Attribute):
        parts.append(node.attr)
        node = node.value
    if not isinstance(node, ast.Name):
        return None
    parts.append(node.id)
    return ".".join(reversed(parts))


@dataclass
class Names:
    """The module-level names of one file.

    ``bindings`` maps a name to its qualified target (a string, for imports) or to the node
    that defines it; ``stars`` are the modules imported with ``*``.
    """

    module: str = ""
    bindings: dict[str, Binding] = field(default_factory=dict)
    stars: list[str] = field(default_factory=list)
    ambiguous: set[str] = field(default_factory=set)

    def qualify(self, node: ast.expr | str) -> str | None:
        """The canonical qualified name of an expression, through imports and aliases.

        Names of the file itself come back as ``<module>.<name>``; locals of functions are
        the caller's affair (see ``facts``), builtins and unknown names are None.
        """
        text = node if isinstance(node, str) else dotted(node)
        if text is None:
            return None
        head, _, rest = text.partition(".")
        base = self._base(head, 0)
        if base is None:
            return None
        return canonical(f"{base}.{rest}" if rest else base)

    def _base(self, head: str, depth: int) -> str | None:
        bound = self.bindings.get(head)
        if bound is None or head in self.ambiguous or depth > 5:
            return None
        if isinstance(bound, str):
            return bound
        if isinstance(bound, (ast.Name, ast.Attribute)):  # Linear = nn.Linear
            text = dotted(bound)
            if text is None or text.partition(".")[0] == head:
                return None
            inner, _, rest = text.partition(".")
            base = self._base(inner, depth + 1)
            return None if base is None else (f"{base}.{rest}" if rest else base)
        return f"{self.module}.{head}" if self.module else head


def read_names(tree: ast.Module, module: str = "", is_package: bool = False) -> Names:
    """The module-level bindings of a parsed file; both arms of ``try`` and ``if`` count."""
    names = Names(module)
    _read(tree.body, names, module if is_package else module.rpartition(".")[0])
    return names


def _read(body: list[ast.stmt], names: Names, package: str) -> None:
    for statement in body:
        if isinstance(statement, (ast.Import, ast.ImportFrom)):
            for name, target in imported(statement, package):
                if name == "*":
                    names.stars.append(target)
                else:
                    _bind(names, name, target)
        elif isinstance(statement, (ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)):
            _bind(names, statement.name, statement)
        elif isinstance(statement, ast.Assign):
            for left in statement.targets:
                _bind_target(names, left, statement.value)
        elif isinstance(statement, ast.AnnAssign) and isinstance(statement.target, ast.Name):
            if statement.value is not None:
                _bind(names, statement.target.id, statement.value)
        elif isinstance(statement, ast.AugAssign) and isinstance(statement.target, ast.Name):
            names.ambiguous.add(statement.target.id)
        elif isinstance(statement, (ast.For, ast.While)):
            # What a loop binds has another value after each round.
            names.ambiguous.update(
                node.id
                for node in walk(statement, within=True)
                if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store)
            )
        elif isinstance(statement, ast.If):
            _read(statement.body, names, package)
            _read(statement.orelse, names, package)
        elif isinstance(statement, ast.Try):
            # The first arm that binds a name is what the author means by it.
            _read(statement.body, names, package)
            fallback = Names(names.module)
            for handler in statement.handlers:
                _read(handler.body, fallback, package)
            for name, bound in fallback.bindings.items():
                names.bindings.setdefault(name, bound)
            _read(statement.orelse, names, package)
            _read(statement.finalbody, names, package)
        elif isinstance(statement, ast.With):
            _read(statement.body, names, package)


def _bind_target(names: Names, left: ast.expr, value: ast.expr) -> None:
    """The names of an assignment; in ``a, b = 1, 2`` each has an expression of its own."""
    if isinstance(left, ast.Name):
        _bind(names, left.id, value)
    elif isinstance(left, (ast.Tuple, ast.List)):
        parts = value.elts if isinstance(value, (ast.Tuple, ast.List)) else []
        stars = any(isinstance(e, ast.Starred) for e in (*left.elts, *parts))
        for i, part in enumerate(left.elts):
            if len(parts) == len(left.elts) and not stars:
                _bind_target(names, part, parts[i])
            else:
                names.ambiguous.update(n.id for n in ast.walk(part) if isinstance(n, ast.Name))


def _bind(names: Names, name: str, target: Binding) -> None:
    old = names.bindings.get(name)
    if old is not None and old != target:
        # `import torch` and `import torch.nn` agree; anything else does not.
        if not (isinstance(old, str) and isinstance(target, str) and canonical(old) == canonical(target)):
            names.ambiguous.add(name)
    names.bindings[name] = target


def imported(statement: ast.Import | ast.ImportFrom, package: str) -> list[tuple[str, str]]:
    """The (bound name, qualified target) pairs of an import; ``("*", module)`` for a star."""
    pairs: list[tuple[str, str]] = []
    if isinstance(statement, ast.Import):
        for alias in statement.names:
            if alias.asname:
                pairs.append((alias.asname, alias.name))
            else:
                head = alias.name.partition(".")[0]
                pairs.append((head, head))
        return pairs
    base = statement.module or ""
    if statement.level:
        parts = package.split(".") if package else []
        keep = len(parts) - (statement.level - 1)
        prefix = ".".join(parts[:keep]) if keep > 0 else ""
        base = f"{prefix}.{base}".strip(".") if base else prefix
    for alias in statement.names:
        if alias.name == "*":
            pairs.append(("*", base))
        else:
            pairs.append((alias.asname or alias.name, f"{base}.{alias.name}" if base else alias.name))
    return pairs
