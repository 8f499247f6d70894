"""What the files next to a file of a package mention: others may use its classes."""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from lint_params.folders import ALL, MANY, Folder, mentioning, of_package, of_project
from lint_params.project import module_name
from lint_params.trees import is_self, last_name, parsed, switched_off

if TYPE_CHECKING:
    from lint_params.facts.file import FileFacts

_DEFINITIONS = (ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)
#: More users of a class than that are not read.
_USERS = 60
#: Folders of a package that are looked through.
_FOLDERS = 60


def users(facts: FileFacts, name: str) -> Iterator[ast.Module | None]:
    """The other files of the package that may use this file's class of that name, or what uses it;
    None for one that nobody can read, or where there are too many.

    None at all for a file that stands in no package: nobody imports it.
    """
    folders = _package(facts)
    if sum(len(folder.files) for folder in folders) > MANY:
        folders = _around(facts)
    # More files than that: somebody surely uses it, nobody has to look.
    if sum(len(folder.files) for folder in folders) > MANY:
        yield None
        return
    stems, here = _stems(folders), Path(facts.path).stem
    waiting = [(one, here) for one in sorted(_made_with(facts.source.tree, {name}))]
    read = {Path(facts.path).resolve()}
    asked = set(waiting)
    while waiting:
        wanted, home = waiting.pop()
        for path, text in _files_mentioning(facts, folders, wanted):
            tree = _parsed(text) if path not in read else None
            if path in read or not _may_mean(tree, wanted, stems - {home}):
                continue
            read.add(path)
            tree = tree if len(read) <= _USERS else None
            yield tree
            if tree is not None:
                new = {(one, path.stem) for one in _made_with(tree, {wanted})} - asked
                asked |= new
                waiting += sorted(new)


def _made_with(tree: ast.Module, names: set[str]) -> set[str]:
    """The names, and those of the functions, classes and values of a file that speak of them."""
    found, before = set(names), set[str]()
    while found != before:
        before = set(found)
        for node in tree.body:
            made = {node.name} if isinstance(node, _DEFINITIONS) else _assigned(node)
            if made and not made <= found and _speaks_of(node, found):
                found |= made
    return found


def _assigned(node: ast.stmt) -> set[str]:
    targets = node.targets if isinstance(node, ast.Assign) else [getattr(node, "target", None)]
    return {target.id for target in targets if isinstance(target, ast.Name) and target.id != "__all__"}


def _speaks_of(node: ast.stmt, names: set[str]) -> bool:
    return any(
        (part.value if isinstance(part, ast.Constant) else last_name(part)) in names
        for part in ast.walk(node)
        if isinstance(part, (ast.Name, ast.Attribute, ast.Constant))
    )


def importers(facts: FileFacts) -> Iterator[ast.Module]:
    """The scripts that import a file and speak of a class of it, and those that import them: beside it
    or, if it stands in a package, beside that."""
    folder, wanted = Path(facts.path).resolve().parent, Path(facts.path).stem
    if "." in facts.source.module:
        wanted = facts.source.module.partition(".")[0]
        folder = module_name(Path(facts.path).resolve())[0]
    names = {cls.name for cls in facts.classes}
    around = [facts.project.folder(place, facts.source) for place in _script_folders(folder)]
    waiting, read = [wanted], {Path(facts.path).resolve()}
    while waiting and len(read) <= _USERS:
        asked = waiting.pop(0)
        for path, source in _files_mentioning(facts, around, asked):
            tree = _parsed(source) if path not in read else None
            if tree is None or not any(asked in _imported(node) for node in tree.body):
                continue
            if asked != wanted or any(map(names.__contains__, _spoken(tree))):
                read.add(path)
                waiting.append(path.stem)
                yield tree


def _script_folders(folder: Path) -> list[Path]:
    """That one and, where it is a folder of modules without an ``__init__.py``, the one above."""
    above = [] if (folder / "__init__.py").exists() else [folder.parent]
    return [folder, *(one for one in above if any(one.glob(ALL)))]


def _spoken(tree: ast.Module) -> Iterator[str]:
    """The names that a file uses, also as others: ``from net import Net as Network``."""
    for node in ast.walk(tree):
        if isinstance(node, (ast.Name, ast.Attribute)):
            yield last_name(node)
        elif isinstance(node, ast.alias):
            yield node.name.rpartition(".")[2]


def _imported(node: ast.stmt) -> list[str]:
    """The parts of the names of the modules that a statement imports."""
    if isinstance(node, ast.ImportFrom):
        return (node.module or "").split(".")
    return [part for alias in node.names for part in alias.name.split(".")] if isinstance(node, ast.Import) else []


def _may_mean(tree: ast.Module | None, name: str, others: set[str]) -> bool:
    """Whether a file may use a class that it neither makes itself nor gets from ``others``."""
    if tree is None:
        return True
    torch = _torch_names(tree)
    own = used = False
    for node in ast.walk(tree):
        if isinstance(node, ast.ClassDef) and node.name == name:
            own = True
        elif isinstance(node, ast.ImportFrom):
            home = (node.module or "").rpartition(".")[2]
            if any(alias.name == name for alias in node.names):
                if home not in others:
                    return True
                own = True
        elif isinstance(node, ast.Attribute) and node.attr == name:
            if last_name(node.value) not in torch:
                return True
        elif isinstance(node, ast.Constant) and node.value == name:
            return True
        elif isinstance(node, ast.Name) and node.id == name:
            used = True
    return used and not own


def _torch_names(tree: ast.Module) -> set[str]:
    """What torch and its modules are called: ``nn.LayerNorm`` is no class of the project."""
    return {
        alias.asname or alias.name.rpartition(".")[2]
        for node in tree.body
        if isinstance(node, (ast.Import, ast.ImportFrom))
        for alias in node.names
        if (getattr(node, "module", None) or alias.name).partition(".")[0] == "torch"
    }


def is_used_beside(facts: FileFacts, name: str, within: Callable[[ast.AST], bool]) -> bool:
    """Whether one of these files uses the name inside a statement of the asked kind."""
    for source in _mentioning(facts, _around(facts), name):
        tree = _parsed(source)
        for node in ast.walk(tree) if tree is not None else ():
            if within(node) and any(
                last_name(one) == name for one in ast.walk(node)
            ):
                return True
    return False


def is_set_beside(facts: FileFacts, cls: str, name: str) -> bool:
    """Whether a file of the project that knows the class sets an attribute of that name from outside:
    ``net.head = nn.Linear(...)``."""
    return any(
        isinstance(node, ast.Attribute) and node.attr == name and isinstance(node.ctx, ast.Store)
        and not is_self(node.value)
        or isinstance(node, ast.Call) and last_name(node.func) in ("setattr", "add_module", "register_module")
        and any(isinstance(arg, ast.Constant) and arg.value == name for arg in node.args)
        for tree in _knowing(facts, cls, name)
        for node in ast.walk(tree)
    )


def is_mentioned_beside(facts: FileFacts, cls: str, word: str) -> bool:
    """Whether a file of the project that knows the class has the word."""
    return any(True for _ in _knowing(facts, cls, word))


def _knowing(facts: FileFacts, cls: str, word: str) -> Iterator[ast.Module]:
    """The other files of the project that have the word and speak of the class, or of its file."""
    for source in _mentioning(facts, _project(facts), word):
        tree = _parsed(source)
        if tree is not None and {cls, Path(facts.path).stem} & set(_spoken(tree)):
            yield tree


def freezes_beside(facts: FileFacts, cls: str) -> bool:
    """Whether another file of the project builds the class and switches off gradients."""
    for source in _mentioning(facts, _project(facts), cls):
        tree = _parsed(source) if source is None or b"requires_grad" in source else None
        if tree is None or any(isinstance(node, ast.ClassDef) and node.name == cls for node in ast.walk(tree)):
            continue  # or another class of that name
        nodes = list(ast.walk(tree))
        built = any(isinstance(node, ast.Call) and last_name(node.func) == cls for node in nodes)
        if built and any(switched_off(node) is not None for node in nodes):
            return True
    return False


def is_mentioned_anywhere(facts: FileFacts, word: str) -> bool:
    """Whether another file of the project has the word."""
    return any(True for _ in _mentioning(facts, _near(facts), word))


def is_subclassed_beside(facts: FileFacts, name: str) -> bool:
    """Whether a file of the project has a class with this one as its base."""
    folders = _near(facts)
    others = _stems(folders) - {Path(facts.path).stem}
    for source in _mentioning(facts, folders, name):
        tree = _parsed(source)
        if tree is None or not _may_mean(tree, name, others):
            continue
        made = [node for node in ast.walk(tree) if isinstance(node, ast.ClassDef)]
        names = {name, *_other_names(tree, name)}
        if any(_named(base) in names for node in made for base in node.bases):
            return True
    return False


def _named(base: ast.expr) -> str:
    """``Encoder`` of ``net.Encoder[int]``."""
    return last_name(base.value if isinstance(base, ast.Subscript) else base)


def _other_names(tree: ast.Module, name: str) -> Iterator[str]:
    """``from .net import Encoder as _Encoder``"""
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom):
            yield from (alias.asname for alias in node.names if alias.name == name and alias.asname)


def _parsed(source: bytes | None) -> ast.Module | None:
    """The tree of another file; None where it cannot be read or is no Python."""
    return None if source is None else parsed(source)


def _around(facts: FileFacts) -> list[Folder]:
    return facts.project.around(facts.source) if "." in facts.source.module else []


def _project(facts: FileFacts) -> list[Folder]:
    """The folders of the project that a file stands in; of too large ones only those around it."""
    path = Path(facts.path).resolve()
    places = of_project(path.parent, module_name(path)[0], _FOLDERS)
    folders = [facts.project.folder(place, facts.source) for place in places]
    return folders if sum(len(folder.files) for folder in folders) <= MANY else []


def _near(facts: FileFacts) -> list[Folder]:
    """The folders of the project or, where these are too many, those around the file."""
    return _project(facts) or facts.project.around(facts.source)


def _stems(folders: list[Folder]) -> set[str]:
    return {path.stem for folder in folders for path in folder.files} - {"__init__"}


def _package(facts: FileFacts) -> list[Folder]:
    """The folders of the package that a file stands in."""
    path = Path(facts.path).resolve()
    if "." not in facts.source.module:
        return []
    places = of_package(path.parent, module_name(path)[0], _FOLDERS)
    return [facts.project.folder(place, facts.source) for place in places]


def _mentioning(facts: FileFacts, folders: list[Folder], name: str) -> Iterator[bytes | None]:
    return (text for _, text in _files_mentioning(facts, folders, name))


def _files_mentioning(
    facts: FileFacts, folders: list[Folder], name: str
) -> Iterator[tuple[Path, bytes | None]]:
    files = [(folder, path) for folder in folders for path in folder.files]
    return mentioning(files[:MANY], facts.path, name)
