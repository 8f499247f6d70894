"""Who builds a class, here and in the files beside, and the sizes that they give it."""

from __future__ import annotations

import ast
import builtins
import re
from collections.abc import Iterator, Mapping

from lint_params.project import Project, SourceFile
from lint_params.shape.runs.arguments import parameters
from lint_params.shape.runs.bindings import Bindings, Place
from lint_params.shape.runs.callers import argument
from lint_params.shape.runs.unlike import PICTURES, are_unlike, is_configured_otherwise
from lint_params.shape.runs.uses import Handed, beside, bound_to, settings, uses
from lint_params.shape.sizes.dim import MAYBE, NO, YES, Answer, Atom, Poly, Size, Symbol, cancel, same, substitute
from lint_params.trees import last_name, walk

#: How far back who builds a class is looked for where each hands on what it was given itself.
_DEPTH = 3
_BUILTINS = frozenset(dir(builtins))
#: Flags that change no width, whoever sets them.
_NO_WIDTH = re.compile("bias|norm|drop|checkpoint|causal|inplace")


def nobody_agrees(
    project: Project | None, file: SourceFile, cls: ast.ClassDef, one: Size, other: Size, flags: bool = False
) -> bool:
    """Whether all code in sight that builds a class gives it two sizes that are not one. A call that
    sets one of its ``flags`` says nothing of sizes that were found without.

    So it is where all give other numbers, or two names. Where nobody builds it, what its callers
    agree on is not known; but that all of them would give an argument one certain number, of which
    its default says nothing, is not what an argument is for, and no width is a number of classes.
    """
    users = beside(project, file, cls.name) if project is not None else ()
    init = _constructor(cls)
    if init is None:
        return False  # who builds its base counts too
    configured = is_configured_otherwise(project, file, one, other)
    if configured is not None:
        return configured
    built = are_unlike(one, other) or any(isinstance(size, int) and size > PICTURES for size in (one, other))
    judged = skipped = False
    for user in (file, *users):
        if user is None:
            return False
        given: Bindings | None = None  # most files that have the name mean another class
        for use in uses(project, user, cls):
            if use is None:
                return False
            if isinstance(use, Handed):
                apart = _is_apart_by_name(project, user, use, init, one, other)
            else:
                given = given or Bindings(user.tree)
                apart = _is_apart(project, user, use, init, given, one, other)
            if not apart:
                return False
            if flags and isinstance(use, ast.Call) and _chooses_otherwise(use, init):
                skipped = True
                continue
            judged = True
    return judged or built and not skipped


def somebody_agrees(
    project: Project | None, file: SourceFile, cls: ast.ClassDef, one: Size, other: Size
) -> bool:
    """Whether code in sight builds a class so that two sizes are one: with a single head."""
    init = _constructor(cls)
    calls = _calls(project, file, cls) if init is not None else ()
    return any(_sizes_at(call, init, given, one, other)[0] is YES for _, given, call in calls if init is not None)


def _calls(
    project: Project | None, file: SourceFile, cls: ast.ClassDef
) -> Iterator[tuple[SourceFile, Bindings, ast.Call]]:
    """The calls in sight that build a class, each with its file and what the names there stand for."""
    for user in (file, *(beside(project, file, cls.name) if project is not None else ())):
        given: Bindings | None = None  # most files that have the name mean another class
        for use in uses(project, user, cls) if user is not None else ():
            if isinstance(use, ast.Call) and user is not None:
                given = given or Bindings(user.tree)
                yield user, given, use


def calls_beside(project: Project | None, file: SourceFile, cls: ast.ClassDef) -> list[ast.Call]:
    """The calls in the files beside that build a class, as far as anybody can see them."""
    users = beside(project, file, cls.name) if project is not None else ()
    found = (use for user in users if user is not None for use in uses(project, user, cls))
    return [use for use in found if isinstance(use, ast.Call)]


def _chooses_otherwise(call: ast.Call, init: ast.FunctionDef) -> bool:
    """Whether a call sets a flag that is off or on by default: the sizes were found without that."""
    flags = [
        (argument(call, init, arg.arg), default.value)
        for arg, default in parameters(init.args)
        if isinstance(default, ast.Constant) and type(default.value) is bool and not _NO_WIDTH.search(arg.arg)
    ]
    set_here = [(given, default) for given, default in flags if given is not None]
    return any(not (isinstance(given, ast.Constant) and given.value is default) for given, default in set_here)


def _constructor(cls: ast.ClassDef) -> ast.FunctionDef | None:
    return next((n for n in cls.body if isinstance(n, ast.FunctionDef) and n.name == "__init__"), None)


def _is_apart_by_name(
    project: Project | None, user: SourceFile, handed: Handed, init: ast.FunctionDef, one: Size, other: Size
) -> bool:
    """Whether what a file sets by name, for whom it hands a class to, gives it two sizes that are
    not one; as long as it says nothing of them nobody knows."""
    defaults = {arg.arg: default for arg, default in parameters(init.args)}
    places = dict.fromkeys(item_of(atom.name) for atom in _symbols(one, other))
    names, lists = {name for name, _ in places}, {name for name, place in places if place is not None}
    if lists and _may_be_rewritten(project, user, handed, lists):
        return False
    told = False
    for by_name in settings(user.tree, handed):
        if by_name is None:
            return False
        if not names & by_name.keys():
            continue

        def value(atom: Atom) -> Size | None:
            name, place = item_of(atom.name) if isinstance(atom, Symbol) else ("", None)
            node = _item(by_name.get(name, defaults.get(name)), place)
            return node.value if isinstance(node, ast.Constant) and type(node.value) is int else None

        if same(substitute(one, value), substitute(other, value)) is not NO:
            return False
        told = True
    return told


def _symbols(*sizes: Size) -> set[Symbol]:
    return {atom for size in sizes if isinstance(size, Poly) for atom in size.deep if isinstance(atom, Symbol)}


def _may_be_rewritten(project: Project | None, user: SourceFile, handed: Handed, lists: set[str]) -> bool:
    """Whether the function that a class is handed to speaks of one of the settings, or goes over all."""
    bound = bound_to(project, user, last_name(handed.call.func))
    return isinstance(bound, ast.FunctionDef) and any(
        isinstance(node, ast.Constant) and node.value in lists
        or isinstance(node, ast.Attribute) and node.attr in ("items", "update")
        for node in walk(bound)
    )


def item_of(name: str) -> tuple[str, int | None]:
    """``("channels", 0)`` for ``channels[0]``: an argument, and which item of it."""
    argument, bracket, index = name.partition("[")
    return (argument, int(index[:-1])) if bracket and index[:-1].isdigit() else (name, None)


def _item(node: ast.expr | None, place: int | None) -> ast.expr | None:
    """An item of a list that is written out; the node itself where no item is asked for."""
    if place is None:
        return node
    items = node.elts if isinstance(node, (ast.List, ast.Tuple)) else []
    starred = any(isinstance(one, ast.Starred) for one in items[: place + 1])
    return items[place] if place < len(items) and not starred else None


def _is_apart(
    project: Project | None,
    user: SourceFile,
    call: ast.Call,
    init: ast.FunctionDef,
    given: Bindings,
    one: Size,
    other: Size,
) -> bool:
    """Whether the call surely gives two sizes: two numbers, or what two names stand for."""
    reckoned = all(isinstance(size, Poly) for size in (one, other)) and any(
        not set(size.terms.values()) <= {1, -1} for size in (one, other) if isinstance(size, Poly)
    )
    product = any(_is_product(size) for size in cancel(one, other))
    items = any(item_of(atom.name)[1] is not None for atom in _symbols(one, other))
    answer, one, other = _sizes_at(call, init, given, one, other)
    if answer is None or answer is YES or items and answer is MAYBE:
        return False
    place = given.place(call)
    if answer is not MAYBE:
        return True
    if product and not _is_free_to_choose(place, one, other):
        return False
    if is_configured_otherwise(project, user, one, other) is False:
        return False
    if _may_be(given, one, other, place) or _may_be(given, other, one, place) or _related(given, one, other):
        return False
    return not _was_meant(project, user, place, one, other, reckoned)


def _is_product(size: Size) -> bool:
    """``heads * head_dim``."""
    return isinstance(size, Poly) and any(sum(power for _, power in monomial) > 1 for monomial in size.terms)


def _is_free_to_choose(place: Place, one: Size, other: Size) -> bool:
    """Whether somebody hands on three numbers of which one should be the product of the others, and
    does not know it: a constructor that does not compare them. In a test, a loop over cases or a
    function of three arguments they are what they have to be."""
    if place.fn is None or place.fn.name != "__init__":
        return False
    sides = [{atom.name.rpartition(".")[2] for atom in _symbols(size)} for size in (one, other)]
    compared = (
        {last_name(part) for part in walk(node)} for node in walk(place.fn)
        if isinstance(node, ast.Compare) and isinstance(node.ops[0], (ast.Eq, ast.NotEq))
    )  # fmt: skip
    return not any(all(side & names for side in sides) for names in compared)


def _was_meant(
    project: Project | None,
    file: SourceFile,
    place: Place,
    one: Size,
    other: Size,
    reckoned: bool,
    depth: int = _DEPTH,
) -> bool:
    """Whether code in sight may build the class whose constructor hands a size on so that the size is
    just the number that it is to be or, where it is ``reckoned`` (``32 * num_heads``), so many times another."""
    cls = place.cls if reckoned or isinstance(one, int) or isinstance(other, int) else None
    init = _constructor(cls) if cls is not None else None
    if cls is None or init is None or place.fn is not init:
        return False
    defaults = {arg.arg: default for arg, default in parameters(init.args)}
    if same(*(substitute(size, lambda atom: _number_of(defaults, atom)) for size in (one, other))) is YES:
        return True
    if reckoned:
        atoms = {atom for size in (one, other) if isinstance(size, Poly) for atom in size.deep}
        if any(isinstance(atom, Symbol) and not _is_of(defaults, atom) for atom in atoms):
            return True  # an item of a list: the others may be the numbers that are meant
    for user, given, call in _calls(project, file, cls):
        answer, a, b = _sizes_at(call, init, given, one, other)
        around = given.place(call)
        if answer is None or answer is YES:
            return True
        if answer is not MAYBE:
            continue
        if _may_be(given, a, b, around) or _may_be(given, b, a, around):
            return True
        if not depth or _was_meant(project, user, around, a, b, reckoned, depth - 1):
            return True
    return False


def _is_of(arguments: Mapping[str, ast.expr | None], atom: Symbol) -> bool:
    """Whether it is an argument as it stands: its name, or that with the place where it was bound."""
    return any(atom.name == name or atom.name.endswith(f", {name!r})") for name in arguments)


def _number_of(defaults: Mapping[str, ast.expr | None], atom: Atom) -> Size | None:
    """What an argument is by default."""
    default = defaults.get(atom.name) if isinstance(atom, Symbol) else None
    return default.value if isinstance(default, ast.Constant) and type(default.value) is int else None


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
        name, index = item_of(atom.name)
        node, where = argument(call, init, name), place
        if node is None and not more:
            node, where = defaults.get(name), Place()
        node = _item(node, index)
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
    if number > PICTURES and place.fn is not None and place.fn.name == "__init__":
        if _was_given(given, place.fn, size, number):
            return False
    if len(size.terms) == 1 and next(iter(size.terms.values())) == number:
        return False
    return not any("." in getattr(atom, "name", "") for atom in size.atoms)


def _was_given(given: Bindings, init: ast.FunctionDef | ast.AsyncFunctionDef, size: Poly, number: int) -> bool:
    """Whether the size is reckoned from nothing but arguments, and their items, whose defaults are not that number."""
    required = {arg.arg for arg, default in parameters(init.args) if default is None or _is_without(default, number)}
    required |= {str((id(init), name)) for name in required}
    symbols = [atom for atom in size.deep if isinstance(atom, Symbol)]
    names = frozenset[str]().union(*(given.made_of.get(atom, frozenset({""})) for atom in symbols))
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


def _is_without(default: ast.expr, number: int) -> bool:
    """``None``, another number, a list of others."""
    if isinstance(default, (ast.Tuple, ast.List)):
        return all(_is_without(item, number) for item in default.elts)
    return isinstance(default, ast.Constant) and (
        default.value is None or type(default.value) is int and default.value != number
    )
