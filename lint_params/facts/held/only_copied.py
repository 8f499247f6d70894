"""Parameters that a class reads outside of the graph only: ``self.w.data @ x`` trains nothing."""

from __future__ import annotations

import ast
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from lint_params.facts.held.unused import beside, iterates, prepares
from lint_params.facts.training.frozen import is_frozen, switches_off

if TYPE_CHECKING:
    from collections.abc import Iterator

    from lint_params.facts.classes import ClassFacts
    from lint_params.facts.file import FileFacts
    from lint_params.facts.members import Member

_COPIES = ("torch.tensor", "torch.Tensor", "torch.FloatTensor", "torch.autograd.Variable")


@dataclass(frozen=True, eq=False)
class OnlyCopied:
    """``read`` is the first place in forward, ``how`` what takes the value out of the graph there."""

    cls: ClassFacts
    name: str
    member: Member
    read: ast.expr
    how: str


def only_copied(facts: FileFacts) -> list[OnlyCopied]:
    return [one for cls in facts.module_classes for one in _of_class(facts, cls)]


def _of_class(facts: FileFacts, cls: ClassFacts) -> Iterator[OnlyCopied]:
    if not cls.bases_complete or "forward" not in cls.methods or cls.is_lazy:
        return
    for name, members in cls.members.items():
        given = [m for m in members if not m.is_declaration]
        if not given or any(m.method != "__init__" for m in given) or not all(map(_is_trained, given)):
            continue
        named = [node for node in facts.nodes(ast.Attribute) if node.attr == name and not _is_given(given, node)]
        reads = [node for node in named if not prepares(facts, node)]
        copied = [(node, how) for node in reads if (how := _how(facts, node))]
        if not copied or len(copied) < len(reads) or any(switches_off(one, [name]) for one in cls.mro):
            continue
        running = {scope for _, scope in cls.called_from("forward")}
        first = next((one for one in copied if facts.scope_of(one[0]) in running), None)
        if first is None:
            continue
        if any(one.dynamic_members or iterates(one) for one in (*cls.mro, *cls.subclasses)):
            continue
        if not _is_used_elsewhere(facts, cls, name):
            yield OnlyCopied(cls, name, given[0], *first)


def _is_trained(member: Member) -> bool:
    kind = member.kind
    plain = kind.is_parameter and kind.torch == "torch.nn.Parameter" and not kind.annotated and not kind.optional
    return plain and not is_frozen(kind)


def _is_given(given: list[Member], node: ast.Attribute) -> bool:
    return any(member.target is node for member in given)


def _how(facts: FileFacts, node: ast.Attribute) -> str:
    """What makes a copy of the numbers where the attribute is read, and of nothing else; "" for other uses."""
    if facts.self_attribute(node) is None or not isinstance(node.ctx, ast.Load) or facts.no_grad(node):
        return ""
    parent = facts.parent(node)
    if isinstance(parent, ast.Call) and parent.args[:1] == [node] and facts.qualify(parent.func) in _COPIES:
        return f"{ast.unparse(parent.func)}()"
    if not isinstance(parent, ast.Attribute) or parent.attr not in ("data", "detach"):
        return ""
    if not isinstance(parent.ctx, ast.Load):
        return ""
    whole: ast.AST | None = parent
    if parent.attr == "detach":
        whole = facts.parent(parent)
        if not isinstance(whole, ast.Call) or whole.func is not parent:
            return ""
    above = facts.parent(whole) if whole is not None else None
    computed = isinstance(above, ast.BinOp) or (
        isinstance(above, ast.Call) and whole in above.args and facts.is_pure_function(facts.qualify(above.func) or "")
    )
    return f".{parent.attr}" + ("()" if parent.attr == "detach" else "") if computed else ""


def _is_used_elsewhere(facts: FileFacts, cls: ClassFacts, name: str) -> bool:
    """Whether a text, or another file, may mean the attribute: there by a class below, or of an object."""
    word = re.escape(name)
    if any(isinstance(one.value, str) and re.search(rf"\b{word}\b", one.value) for one in facts.nodes(ast.Constant)):
        return True
    of_object = re.compile(rf"(?<!\bself)\.{word}\b|[\"']{word}[\"']".encode())
    own, heir = re.compile(rf"\b{word}\b".encode()), re.compile(rf"\b{re.escape(cls.name)}\b".encode())
    return any(of_object.search(text) or heir.search(text) and own.search(text) for text in beside(facts))
