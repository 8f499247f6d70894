"""Files of which no sizes are reported: those from which others are generated, which are read by a generator
and never run as they stand, and those that give torch's own names another meaning."""

from __future__ import annotations

import ast
from pathlib import Path

from lint_params.project import Project, SourceFile
from lint_params.trees import every

#: How such a file is called in transformers: ``modular_gemma.py`` beside ``modeling_gemma.py``.
PREFIX = "modular_"
#: So many bytes of a file are its head.
_HEAD = 2_000


def is_template(file: SourceFile, project: Project | None) -> bool:
    """Whether a file beside says at its head that it was generated from this one.

    In a template ``super().__init__()`` stands for the text of another class, and ``del self.x`` for
    a line that is to be left out: what it does as Python tells nothing of what will run.
    """
    path = Path(file.path)
    if project is None or not path.name.startswith(PREFIX):
        return False
    folder = project.folder(path.resolve().parent, file)
    heads = ((folder.text(one) or b"")[:_HEAD] for one in folder.files if one.name != path.name)
    return any(path.name.encode() in head and b"generated from" in head for head in heads)


def changes_torch(file: SourceFile) -> bool:
    """``F.relu = fast_relu``, ``nn.Linear = Linear``: from there on torch's names mean something else."""
    if "torch" not in map(_root, file.names.bindings.values()):
        return False
    targets = (
        target
        for node in every(file.tree, ast.Assign)
        for target in node.targets if isinstance(target, ast.Attribute)
    )
    return any(_is_of_torch(file.names.qualify(target) or "") for target in targets)


def _root(bound: object) -> str:
    return bound.partition(".")[0] if isinstance(bound, str) else ""


def _is_of_torch(name: str) -> bool:
    """A class or function of torch, or a method of one; ``torch.backends.cudnn.benchmark`` is a switch."""
    *_, before, last = ("", "", *name.split("."))
    if name.startswith(("torch.nn.", "torch.Tensor.")):
        return before[:1].isupper() or last[:1].isupper() or before in ("functional", "init")
    return before == "torch" and name == f"torch.{last}"
