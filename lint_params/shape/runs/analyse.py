"""What is checked in one file: its Module classes in several ways, and its own calls.

Each class is built and called with symbolic arguments, again with nothing taken for granted,
and, where its defaults suffice, with these; then the functions and the module's own code run
as far as they can be followed, so that ``Net(784, 10)(torch.randn(2, 28))`` is checked too.
"""

from __future__ import annotations

import ast
from collections.abc import Generator, Iterable, Iterator, Mapping

from lint_params.project import Project, SourceFile
from lint_params.shape.check import Obligation
from lint_params.shape.evaluate.classes import is_module_class
from lint_params.shape.evaluate.hooks import is_made_over
from lint_params.shape.evaluate.interpreter import Interpreter
from lint_params.shape.evaluate.scope import Scope
from lint_params.shape.ops import layer_spec
from lint_params.shape.runs.arguments import (
    Mode,
    parameters,
)
from lint_params.shape.runs.builders import calls_beside
from lint_params.shape.runs.built import check_built, check_entries, configured_doubts, doubts, undecided
from lint_params.shape.runs.callers import Callers
from lint_params.shape.runs.chosen import Key
from lint_params.shape.runs.narrow import takes_defaults, whatever_is_chosen, whatever_is_given
from lint_params.shape.runs.one_class import NOTHING, Checked, find_method, only_at, refutes, run_class, run_ranks
from lint_params.shape.runs.optional_inputs import with_all_inputs, with_all_parts
from lint_params.shape.runs.scripts import check_scripts, plainly_called
from lint_params.shape.runs.steady import WithRanks, by_rank, open_question, steady
from lint_params.shape.runs.supposed import chosen_by_default, lacks, supposed
from lint_params.shape.value import (
    ClassRef,
    Value,
)
from lint_params.trees import walk


def check_file(
    file: SourceFile, project: Project | None = None, it: Interpreter | None = None, suppose: bool = False
) -> Iterator[Checked]:
    """Every run over one file, by ``it`` where the caller wants to watch. ``suppose``: with runs
    that only prove, of what the defaults leave out."""
    it = it if it is not None else Interpreter(project)
    classes = [(name, node) for name, node in _classes(file.tree)]
    scope = it.file_scope(file)
    it.current = file
    sites, mentioned = _uses(file.tree)
    callers = Callers(it, file, sites)
    doubtful: list[ast.ClassDef] = []
    left_open: list[ast.ClassDef] = []
    lacking: list[ast.ClassDef] = []
    for name, node in classes:
        value = scope.lookup(it, node.name) if name == node.name else None
        cls = value if isinstance(value, ClassRef) and value.node is node else ClassRef(node, file)
        if not is_module_class(it, cls) or is_made_over(it, node, Scope(scope)):
            continue
        runs: list[Checked] = []
        for run in check_class(it, cls, name, callers, node.name not in mentioned, suppose):
            runs.append(run)
            if run.how == Mode.SIZES.value and doubts(run):
                doubtful.append(node)
            elif run.how == Mode.SIZES.value and undecided(run):
                left_open.append(node)
            yield run
        if suppose and lacks(cls, runs):
            lacking.append(node)
    ran: set[str] = set()
    yield from check_scripts(it, file, sites, ran)
    yield from check_built(it, file, doubtful, left_open, ran)
    yield from check_entries(it, file, lacking, ran)


def _classes(tree: ast.Module) -> Iterator[tuple[str, ast.ClassDef]]:
    """The classes of the file that stand at module level, also under ``if`` and ``try``."""
    pending: list[ast.stmt] = list(tree.body)
    while pending:
        node = pending.pop(0)
        if isinstance(node, ast.ClassDef):
            yield node.name, node
        elif isinstance(node, ast.If):
            pending[:0] = [*node.body, *node.orelse]
        elif isinstance(node, ast.Try):
            pending[:0] = [*node.body, *node.orelse]


def _uses(tree: ast.Module) -> tuple[dict[str, list[ast.Call]], set[str]]:
    """The calls of plain names in the file, and the names that it reads otherwise than by
    calling them with arguments in sight: a class that is handed to a factory is built there."""
    calls: dict[str, list[ast.Call]] = {}
    loads: list[ast.Name] = []
    bare: set[int] = set()
    called: set[int] = set()
    for node in walk(tree):
        if isinstance(node, ast.Name):
            if isinstance(node.ctx, ast.Load):
                loads.append(node)
        elif isinstance(node, ast.Attribute):
            if id(node) not in called:
                bare.add(id(node.value))  # Net.width, but not Net.of(config)
        elif isinstance(node, ast.Call):
            starred = any(isinstance(a, ast.Starred) for a in node.args)
            if not starred and all(k.arg for k in node.keywords):
                bare.add(id(node.func))
            called.add(id(node.func))
            if isinstance(node.func, ast.Name):
                calls.setdefault(node.func.id, []).append(node)
                if node.func.id == "super":
                    bare.update(id(arg) for arg in node.args)
    return calls, {n.id for n in loads if id(n) not in bare}


def _given(init: ast.FunctionDef, calls: list[ast.Call]) -> tuple[frozenset[str], frozenset[str]]:
    """Parameters that every one of the calls sets, by position or keyword (or may, by **), and
    those that any of them does."""
    names = [arg.arg for arg, _ in parameters(init.args)[1:]]
    given: set[str] | None = None
    ever: set[str] = set()
    for call in calls:
        here = {k.arg for k in call.keywords if k.arg}
        if any(k.arg is None for k in call.keywords) or any(
            isinstance(a, ast.Starred) for a in call.args
        ):
            here = set(names)
        here |= set(names[: len(call.args)])
        given = here if given is None else given & here
        ever |= here
    return frozenset(given or ()), frozenset(ever)


def _defaults(
    init: ast.FunctionDef | None, forward: tuple[ClassRef, ast.FunctionDef] | None
) -> set[type]:
    """The types of the constant defaults of a class's arguments; anything else counts as int."""
    nodes = [init] if init is not None else []
    if forward is not None:
        nodes.append(forward[1])
    found: set[type] = set()
    for node in nodes:
        for arg, default in parameters(node.args):
            if isinstance(default, ast.Constant):
                found.add(type(default.value))
            elif default is not None or (node is init and arg.annotation is not None):
                found.add(int)  # a configuration may hold anything
                if not isinstance(default, (ast.UnaryOp, ast.BinOp, ast.Tuple)) and default is None:
                    kind = ast.unparse(arg.annotation) if arg.annotation is not None else ""
                    if kind not in ("int", "float"):
                        found.add(bool)
    return found


def check_class(
    it: Interpreter, cls: ClassRef, name: str, callers: Callers, by_default: bool = True, suppose: bool = False
) -> Iterator[Checked]:
    init = find_method(it, cls, "__init__")
    calls = callers.calls.get(name, [])

    def handed(arg: str) -> Value | None:
        return None if init is None else callers.handed(name, init[1], arg)

    always, ever = _given(init[1], calls) if init is not None else (frozenset(), frozenset())
    # A decorated constructor takes its arguments from a file or a registry.
    configured = init is not None and bool(init[1].decorator_list)
    forward = find_method(it, cls, "forward")
    defaults = _defaults(init[1] if init is not None else None, forward)
    open_pays = True
    doubted: list[Obligation] = []
    runs: list[Checked] = []
    for mode in (Mode.SIZES, Mode.OPEN, Mode.DEFAULTS):
        otherwise = not by_default or configured
        if mode is Mode.DEFAULTS and (int not in defaults or (otherwise and not doubted)):
            continue  # it is built otherwise, or this would be the first run again
        if mode is Mode.OPEN and not (open_pays and defaults & {bool, type(None), str}):
            continue  # the parts of a large model are classes of their own, with their own flags

        def again(chosen: Mapping[Key, Value] = NOTHING, m: Mode = mode) -> Checked:
            given = ever if m is Mode.DEFAULTS else always
            return run_class(it, cls, name, init, m, given, handed, chosen)

        def opened(chosen: Mapping[Key, Value]) -> Checked:
            return run_class(it, cls, name, init, Mode.SIZES, always, handed, chosen)

        def ranked(ranks: Iterable[Mapping[str, int]]) -> Generator[Checked, None, None]:
            return run_ranks(it, cls, name, init, always, handed, ranks)

        checked = again()
        if init is not None and refutes(checked) and takes_defaults(checked, init[1]):
            everywhere, anywhere = _given(init[1], [*calls, *calls_beside(it.project, cls.file, cls.node)])
            if mode is Mode.SIZES:
                checked = whatever_is_chosen(checked, init[1], everywhere, again)
            elif mode is Mode.DEFAULTS and anywhere - ever:  # defaults that nobody in sight builds it with
                ever = anywhere
                checked = again()
        if mode is Mode.SIZES:
            open_pays = _open_pays(it, checked, init)
        checked = whatever_is_given(steady(it, checked, again), cls.node, init and init[1], opened)
        checked = with_all_inputs(checked, forward and forward[1], again)
        checked = with_all_parts(checked, init and init[1], again)
        if mode is Mode.SIZES and init is not None:
            doubted = doubts(checked) if plainly_called(init[1], 1) else configured_doubts(checked)
        runs.append(checked)
        yield only_at(checked, doubted) if mode is Mode.DEFAULTS and otherwise else checked
        if mode is Mode.SIZES and open_question(it, checked):
            other = by_rank(it, checked, ranked)
            if other is not None:
                ranks = {n: len(x.shape.dims) for n, x in other.inputs.items() if n in checked.open_inputs}

                def opened_ranked(chosen: Mapping[Key, Value], ranks: Mapping[str, int] = ranks) -> Checked | None:
                    return next(run_ranks(it, cls, name, init, always, handed, [ranks], chosen), None)

                other = whatever_is_given(other, cls.node, init and init[1], opened_ranked)
                if init is not None and refutes(other) and takes_defaults(other, init[1]):
                    everywhere = _given(init[1], [*calls, *calls_beside(it.project, cls.file, cls.node)])[0]
                    other = whatever_is_chosen(other, init[1], everywhere, opened_ranked)
                other = with_all_inputs(other, forward and forward[1], opened_ranked)
                runs.append(other)
                yield other
    if suppose:
        structure = chosen_by_default(init[1], always) if init is not None else frozenset()

        def otherwise_built(chosen: Mapping[Key, Value], m: Mode) -> Checked:
            return run_class(it, cls, name, init, m, always - structure, handed, chosen)

        def otherwise_ranked(chosen: Mapping[Key, Value]) -> WithRanks:
            return lambda ranks: run_ranks(it, cls, name, init, always - structure, handed, ranks, chosen)

        yield from supposed(it, cls, init, runs, bool(structure), otherwise_built, otherwise_ranked)


def _open_pays(
    it: Interpreter, first: Checked, init: tuple[ClassRef, ast.FunctionDef] | None
) -> bool:
    """Whether the class is run with its flags open, after its first run."""
    if first.exhausted and not first.outputs:
        return False  # that takes longer still
    return first.steps <= LARGE or (init is not None and _leaves_out(it, *init))


def _leaves_out(it: Interpreter, owner: ClassRef, init: ast.FunctionDef) -> bool:
    """Whether the constructor has layers, behind flags, that the last run did not build."""
    built = {id(made.node) for made in it.made}
    for node in walk(init):
        if isinstance(node, ast.Call) and id(node) not in built:
            spec = layer_spec(owner.file.names.qualify(node.func) or "")
            if spec is not None and spec.params is not None:
                return True
    return False


#: A class whose first run takes more steps than this is run with its flags open only where
#: layers were left out.
LARGE = 3_000
