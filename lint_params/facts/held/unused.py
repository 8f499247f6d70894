"""Parameters and layers that a class makes and that no code of the project mentions again."""

from __future__ import annotations

import ast
import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from lint_params.folders import of_package
from lint_params.project import module_name

if TYPE_CHECKING:
    from collections.abc import Iterator

    from lint_params.facts.classes import ClassFacts
    from lint_params.facts.file import FileFacts
    from lint_params.facts.members import Member

#: Methods of a Module that use everything there is.
_ALL = re.compile(r"\b(?:named_)?(?:children|modules|parameters)\(|_modules\b|_parameters\b|__dict__|vars\(|getattr\(")
#: Files of a folder, and folders of a package, that are read for a mention.
_FILES = 60


@dataclass(frozen=True, eq=False)
class Unused:
    cls: ClassFacts
    name: str
    member: Member


def unused_members(facts: FileFacts) -> list[Unused]:
    return [one for cls in facts.module_classes for one in _of_class(facts, cls)]


def _of_class(facts: FileFacts, cls: ClassFacts) -> Iterator[Unused]:
    if not cls.bases_complete or cls.method("forward") is None or cls.is_lazy:
        return
    if any(base != "Module" for base in cls.torch_bases) or "forward" not in cls.methods:
        return
    if any(one.dynamic_members or iterates(one) for one in (*cls.mro, *cls.subclasses)):
        return
    for name, members in cls.members.items():
        given = [m for m in members if not m.is_declaration]
        if not given or any(m.method != "__init__" for m in given) or cls.is_property(name):
            continue
        if not all(_owns(facts, m) for m in given):
            continue
        own = {id(m.target) for m in given}
        own |= {id(arg) for m in given if isinstance(m.node, ast.Call) for arg in m.node.args}
        if not _mentioned(facts, name, own):
            yield Unused(cls, name, given[0])


def _owns(facts: FileFacts, member: Member) -> bool:
    kind = member.kind
    if kind.optional or kind.what == "choice":
        return False
    if kind.is_parameter:
        return kind.torch == "torch.nn.Parameter" and not kind.annotated
    value = member.value
    fresh = isinstance(value, ast.Call) and kind.is_module and not kind.annotated
    return fresh and value is not None and facts.owns_parameters(value) is True


def iterates(cls: ClassFacts) -> bool:
    """Whether the class goes through its own members without naming them."""
    init = cls.init
    for scope in cls.scope.within():
        if scope is cls.scope or scope is init:
            continue
        if scope.name in ("reset_parameters", "init_weights", "_init_weights", "initialize_weights"):
            continue
        for call in scope.nodes(ast.Call):
            if _ALL.search(ast.unparse(call.func) + "("):
                return True
    return False


def _mentioned(facts: FileFacts, name: str, own: set[int]) -> bool:
    """Whether the name stands anywhere as an attribute, argument, word or string: in this file
    beyond its own assignment, or in a file beside it."""
    for node in facts.nodes(ast.Attribute):
        if node.attr == name and id(node) not in own and not prepares(facts, node):
            return True
    for text in facts.nodes(ast.Constant):
        if id(text) in own or not isinstance(text.value, str):
            continue
        if re.search(rf"\b{re.escape(name)}\b", text.value):
            return True
    word = re.compile(rf"\b{re.escape(name)}\b".encode())
    return any(word.search(data) for data in beside(facts))


def prepares(facts: FileFacts, node: ast.Attribute) -> bool:
    """``nn.init.xavier_uniform_(self.w)``, ``self.fc.weight.data.zero_()``: no use."""
    for above in facts.index.ancestors(node):
        if isinstance(above, ast.Call):
            name = facts.qualify(above.func) or ""
            if name.startswith("torch.nn.init."):
                return True
            func = above.func
            return isinstance(func, ast.Attribute) and func.attr in ("zero_", "fill_", "normal_", "uniform_")
        if isinstance(above, ast.stmt):
            return False
    return False


def beside(facts: FileFacts) -> Iterator[bytes]:
    """The files of the folder and, in a package, of all its folders and the one that it stands in."""
    path = Path(facts.path).resolve()
    home = module_name(path)[0]
    places = of_package(path.parent, home, _FILES)
    for place in places if home == path.parent else [*places, home]:
        folder = facts.project.folder(place, facts.source)
        texts = (folder.text(file) for file in folder.files[:_FILES] if file != path)
        yield from (text for text in texts if text is not None)
