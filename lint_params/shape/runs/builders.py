"""Who builds a class, here and in the files beside, and the sizes that they give it."""

from __future__ import annotations

import ast
import builtins
from collections.abc import Iterator

from lint_params.folders import MANY, mentioning
from lint_params.project import Project, SourceFile, source_file
from lint_params.shape.runs.arguments import parameters
from lint_params.shape.runs.bindings import Bindings, Place
from lint_params.shape.runs.callers import argument
from lint_params.shape.sizes.dim import MAYBE, YES, Answer, Atom, Poly, Size, Symbol, same, substitute
from lint_params.trees import last_name, parsed, walk

#: Numbers of channels that pictures have: what takes an argument of them is often meant for these.
PICTURES = 4
_BUILTINS = frozenset(dir(builtins))


def nobody_agrees(
    project: Project | None, file: SourceFile, cls: ast.ClassDef, one: Size, other: Size
) -> bool:
    """Whether all code in sight that builds a class gives it two sizes that are not one.

    So it is where all give other numbers, or two names. Where nobody builds it, what its callers
    agree on is not known; but that all of them would give an argument one certain number, of which
    its default says nothing, is not what an argument is for.
    """
    beside = _beside(project, file, cls.name) if project is not None else ()
    init = next((n for n in cls.body if isinstance(n, ast.FunctionDef) and n.name == "__init__"), None)
    if init is None:
        return False  # who builds its base counts too
    built = any(isinstance(size, int) and size > PICTURES for size in (one, other))
    for user in (file, *beside):
        if user is None:
            return False
        given: Bindings | None = None  # most files that have the name mean another class
        for call in _uses(project, user, cls):
            given = given or Bindings(user.tree)
            if call is None or not _apart(call, init, given, one, other):
                return False
            built = True
    return built


def somebody_agrees(
    project: Project | None, file: SourceFile, cls: ast.ClassDef, one: Size, other: Size
) -> bool:
    """Whether code in sight builds a class so that two sizes are one: with a single head."""
    init = next((n for n in cls.body if isinstance(n, ast.FunctionDef) and n.name == "__init__"), None)
    for user in (file, *(_beside(project, file, cls.name) if project is not None else ())) if init else ():
        calls = [call for call in _uses(project, user, cls) if call is not None] if user is not None else []
        given = Bindings(user.tree) if calls and user is not None else None
        for call in calls:
            if given is not None and init is not None and _sizes_at(call, init, given, one, other)[0] is YES:
                return True
    return False


def calls_beside(project: Project | None, file: SourceFile, cls: ast.ClassDef) -> list[ast.Call]:
    """The calls in the files beside that build a class, as far as anybody can see them."""
    users = _beside(project, file, cls.name) if project is not None else ()
    return [call for user in users if user is not None for call in _uses(project, user, cls) if call is not None]


def _beside(project: Project, file: SourceFile, name: str) -> Iterator[SourceFile | None]:
    """The other files that have the name, of the folder and, inside a package, of the one above;
    None: unknown."""
    folders = project.around(file)
    if any(len(folder.files) > MANY for folder in folders):
        yield None
        return
    files = ((folder, path) for folder in folders for path in folder.files)
    for path, text in mentioning(files, file.path, name):
        tree = None if text is None else parsed(text)
        yield None if tree is None else source_file(path, tree)


def _uses(project: Project | None, user: SourceFile, cls: ast.ClassDef) -> Iterator[ast.Call | None]:
    """The calls of the class, by the names too under which it is handed on in the file; None where
    nobody sees what becomes of it, or where it is a base of others."""
    another = _is_another(project, user, cls)
    asked: set[int] = set()
    names: dict[int, str] = {}
    handed: set[str] = set()
    for node in walk(user.tree):  # what is around a name comes before it
        for part in _only_asks(node):
            asked.update(id(name) for name in walk(part))
        names.update(_names_given(node))
        if another and isinstance(node, ast.Name):
            continue
        if isinstance(node, ast.Call) and last_name(node.func) == cls.name:
            asked.add(id(node.func))
            if not (another and isinstance(node.func, ast.Name)):
                yield node
        elif last_name(node) == cls.name and id(node) not in asked and not _is_inside(node, cls):
            if id(node) not in names:
                yield None
            handed.add(names.get(id(node), ""))
    for name in handed:
        calls = [n for n in walk(user.tree) if isinstance(n, ast.Call) and getattr(n.func, "id", "") == name]
        yield from calls
        if not calls:
            yield None


def _names_given(node: ast.AST) -> Iterator[tuple[int, str]]:
    """The names under which code knows what stands here: ``block=Basic``, ``block = Basic``."""
    if isinstance(node, ast.arguments):
        yield from ((id(default), arg.arg) for arg, default in parameters(node) if default is not None)
    elif isinstance(node, ast.keyword) and node.arg:
        yield id(node.value), node.arg
    elif isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name):
        yield id(node.value), node.targets[0].id


def _only_asks(node: ast.AST) -> list[ast.expr]:
    """Where a class is named and nothing is built: annotations, isinstance."""
    if isinstance(node, ast.Call) and last_name(node.func) in ("isinstance", "issubclass"):
        return node.args
    if isinstance(node, (ast.arg, ast.AnnAssign)) and node.annotation is not None:
        return [node.annotation]
    if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)) and node.returns is not None:
        return [node.returns]
    return []


def _is_another(project: Project | None, user: SourceFile, cls: ast.ClassDef) -> bool:
    """Whether the plain name is something else in a file: its own, or what it imports."""
    bound: object = user.names.bindings.get(cls.name)
    if isinstance(bound, str) and project is not None:
        hit = project.resolve(bound, user)
        bound = hit[1] if hit is not None else bound
    return isinstance(bound, (ast.ClassDef, ast.FunctionDef)) and bound is not cls


def _is_inside(node: ast.AST, cls: ast.ClassDef) -> bool:
    """``super(Block, self)``."""
    return cls.lineno <= getattr(node, "lineno", 0) <= (cls.end_lineno or cls.lineno)


def _apart(call: ast.Call, init: ast.FunctionDef, given: Bindings, one: Size, other: Size) -> bool:
    """Whether the call surely gives two sizes: two numbers, or what two names stand for."""
    answer, one, other = _sizes_at(call, init, given, one, other)
    if answer is None or answer is YES:
        return False
    place = given.place(call)
    return answer is not MAYBE or not (
        _may_be(given, one, other, place) or _may_be(given, other, one, place) or _related(given, one, other)
    )


def _sizes_at(
    call: ast.Call, init: ast.FunctionDef, given: Bindings, one: Size, other: Size
) -> tuple[Answer | None, Size, Size]:
    """Two sizes as a call gives them, and whether they are one; None where not all is shown."""
    more = any(isinstance(a, ast.Starred) for a in call.args) or any(not k.arg for k in call.keywords)
    defaults = {arg.arg: default for arg, default in parameters(init.args)}
    place = given.place(call)
    unknown = False

    def value(atom: Atom) -> Size | None:
        nonlocal unknown
        if not isinstance(atom, Symbol) or atom.kind != "argument":
            return None
        node, where = argument(call, init, atom.name), place
        if node is None and not more:
            node, where = defaults.get(atom.name), Place()
        if node is None and "." in atom.name:
            return None  # of a configuration, which is one object whoever hands it over
        size = given.size(node, where)
        unknown |= size is None
        return size

    one, other = substitute(one, value), substitute(other, value)
    return None if unknown else same(one, other), one, other


def _may_be(given: Bindings, size: Size, number: Size, place: Place) -> bool:
    """Whether what is handed over may be just that number; nobody hands over a 1, and no
    constructor hands on what it was given itself, or an item of it, that is to be one certain number."""
    if not isinstance(size, Poly) or not isinstance(number, int):
        return False
    if number > PICTURES and place.fn is not None and place.fn.name == "__init__" and _was_given(given, place.fn, size):
        return False
    if len(size.terms) == 1 and next(iter(size.terms.values())) == number:
        return False
    return not any("." in getattr(atom, "name", "") for atom in size.atoms)


def _was_given(given: Bindings, init: ast.FunctionDef | ast.AsyncFunctionDef, size: Poly) -> bool:
    """Whether the size is reckoned from nothing but arguments that have no default, and their items."""
    required = {arg.arg for arg, default in parameters(init.args) if default is None}
    required |= {str((id(init), name)) for name in required}
    names = frozenset[str]().union(*(given.made_of.get(atom, frozenset({""})) for atom in size.deep))
    return bool(names - _BUILTINS) and names <= required | _BUILTINS


def _related(given: Bindings, one: Size, other: Size) -> bool:
    """Whether something that was read only as a text is made of what the other size is made of."""
    made_of = [
        [given.made_of.get(atom, frozenset()) for atom in (size.atoms if isinstance(size, Poly) else ())]
        for size in (one, other)
    ]
    texts = [atom for size in (one, other) if isinstance(size, Poly) for atom in size.atoms]
    if all(str(atom).isidentifier() for atom in texts):
        return False
    return bool(frozenset().union(*made_of[0]) & frozenset().union(*made_of[1]))
