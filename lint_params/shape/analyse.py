"""What is checked in one file: its Module classes in several ways, and its own calls.

Each class is built and called with symbolic arguments, again with nothing taken for granted,
and, where its defaults suffice, with these; then the functions and the module's own code run
as far as they can be followed, so that ``Net(784, 10)(torch.randn(2, 28))`` is checked too.
"""

from __future__ import annotations

import ast
import itertools
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from lint_params.names import dotted
from lint_params.project import Project, SourceFile
from lint_params.shape import interpreter
from lint_params.shape.arguments import (
    IMAGE_NAMES,
    Mode,
    constructor_arguments,
    forward_arguments,
    free_tensor,
    nominal_image,
    parameters,
)
from lint_params.shape.check import Obligation, Verdict
from lint_params.shape.classes import definition, is_module_class, mro
from lint_params.shape.count import parameter_count
from lint_params.shape.dim import Size, symbol
from lint_params.shape.interpreter import Interpreter, OutOfBudget
from lint_params.shape.overrides import judge_overrides
from lint_params.shape.scope import Scope
from lint_params.shape.value import (
    OPEN,
    ClassRef,
    Function,
    Instance,
    Layer,
    Shape,
    Tensor,
    Unknown,
    Value,
)


#: For all functions of a file together: files with a hundred constructors of one model exist.
MAX_SCRIPT_STEPS = 80_000


@dataclass
class Checked:
    """The obligations of one run. ``how`` tells a reader which arguments it took."""

    subject: str
    how: str
    obligations: list[Obligation]
    root: ast.AST | None = None
    exhausted: bool = False
    instance: Value = None
    outputs: list[tuple[str, Value]] = field(default_factory=list)
    arguments: dict[str, Value] = field(default_factory=dict)
    parameters: Size | None = None
    steps: int = 0
    open_inputs: int = 0  # arguments of forward of which not even the rank was learned
    inputs: dict[str, Value] = field(default_factory=dict)
    mark: int = 0  # the state of the path when the constructor was done


def check_file(
    file: SourceFile, project: Project | None = None, it: Interpreter | None = None
) -> Iterator[Checked]:
    """Every run over one file, by ``it`` where the caller wants to watch."""
    it = it if it is not None else Interpreter(project)
    classes = [(name, node) for name, node in _classes(file.tree)]
    scope = it.file_scope(file)
    it.current = file
    sites, mentioned = _uses(file.tree)
    for name, node in classes:
        value = scope.lookup(it, node.name) if name == node.name else None
        cls = value if isinstance(value, ClassRef) and value.node is node else ClassRef(node, file)
        if not is_module_class(it, cls):
            continue
        yield from check_class(it, cls, name, sites.get(node.name, []), node.name not in mentioned)
    yield from check_scripts(it, file)


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
    calling them without arguments: a class that is handed to a factory is built with arguments
    that are not in sight."""
    calls: dict[str, list[ast.Call]] = {}
    loads: list[ast.Name] = []
    bare: set[int] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Name):
            if isinstance(node.ctx, ast.Load):
                loads.append(node)
        elif isinstance(node, ast.Call):
            if not node.args and not node.keywords:
                bare.add(id(node.func))
            if isinstance(node.func, ast.Name):
                calls.setdefault(node.func.id, []).append(node)
                if node.func.id == "super":
                    bare.update(id(arg) for arg in node.args)
    return calls, {n.id for n in loads if id(n) not in bare}


def _always_given(init: ast.FunctionDef, calls: list[ast.Call]) -> frozenset[str]:
    """Parameters that every one of the calls sets, by position or keyword (or may, by **)."""
    names = [arg.arg for arg, _ in parameters(init.args)[1:]]
    given: set[str] | None = None
    for call in calls:
        here = {k.arg for k in call.keywords if k.arg}
        if any(k.arg is None for k in call.keywords) or any(isinstance(a, ast.Starred) for a in call.args):
            here = set(names)
        here |= set(names[: len(call.args)])
        given = here if given is None else given & here
    return frozenset(given or ())


def _defaults(init: ast.FunctionDef | None, forward: tuple[ClassRef, ast.FunctionDef] | None) -> set[type]:
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
    it: Interpreter, cls: ClassRef, name: str, calls: list[ast.Call], by_default: bool = True
) -> Iterator[Checked]:
    init = _method(it, cls, "__init__")
    given = _always_given(init[1], calls) if init is not None else frozenset()
    # A decorated constructor takes its arguments from a file or a registry.
    configured = init is not None and bool(init[1].decorator_list)
    defaults = _defaults(init[1] if init is not None else None, _method(it, cls, "forward"))
    large = False
    for mode in (Mode.SIZES, Mode.OPEN, Mode.DEFAULTS):
        if mode is Mode.DEFAULTS and (not by_default or int not in defaults or configured):
            continue  # it is built otherwise, or this would be the first run again
        if mode is Mode.OPEN and (large or not defaults & {bool, type(None), str}):
            continue  # the parts of a large model are classes of their own, with their own flags
        def again(m: Mode = mode, ranks: tuple[int, ...] = ()) -> Checked | None:
            return _run_class(it, cls, name, init, m, given, ranks)

        checked = again()
        if checked is not None:
            large = large or checked.steps > LARGE
            steady = _steady(it, checked, again)
            yield steady
            if mode is Mode.SIZES and _open_question(it, steady):
                by_rank = _by_rank(it, steady, lambda r: again(Mode.SIZES, r))
                if by_rank is not None:
                    yield by_rank


#: A class whose first run takes more steps than this is run in one way only.
LARGE = 3_000

#: Ranks of inputs, the usual ones first: most classes are sound with one of these.
RANKS = (3, 2, 4, 1, 5)


def _open_question(it: Interpreter, checked: Checked) -> bool:
    """Whether something was left unknown only because any number of dimensions may come in."""
    verdicts = {o.verdict for o in checked.obligations}
    return (
        Verdict.UNKNOWN in verdicts
        and Verdict.REFUTED not in verdicts
        and not checked.exhausted
        and not it.guessed
        and 0 < checked.open_inputs <= 2
        and checked.steps * len(RANKS) ** checked.open_inputs < interpreter.MAX_STEPS
    )


def _by_rank(
    it: Interpreter, checked: Checked, again: Callable[[tuple[int, ...]], Checked | None]
) -> Checked | None:
    """The mistake that the class shows whatever the ranks of its inputs are; None if it runs
    with some. Of the ranks the one that gets furthest is the one that the author had in mind."""
    best: Checked | None = None
    for ranks in itertools.product(RANKS, repeat=checked.open_inputs):
        other = again(ranks)
        if other is None or other.exhausted or it.guessed:
            return None
        refuted = [i for i, o in enumerate(other.obligations) if o.verdict is Verdict.REFUTED]
        if not refuted:
            return None
        other.obligations = other.obligations[: refuted[0] + 1]
        if best is None or other.obligations[-1].at > best.obligations[-1].at:
            best = other
    if best is not None:
        best.how = "ranks"
    return best


#: Other numbers of repetitions that must refute what the first guess refuted.
OTHER_COUNTS = (3, 4)


def _steady(it: Interpreter, checked: Checked, again: Callable[[], Checked | None]) -> Checked:
    """Keep only what is refuted whatever an unknown number of repetitions is."""
    guessed = it.guessed
    if not guessed or not any(o.verdict is Verdict.REFUTED for o in checked.obligations):
        return checked
    for count in OTHER_COUNTS:
        it.count = count
        try:
            other = again()
        finally:
            it.count = 2
        spots = {
            id(o.node) for o in (other.obligations if other else ()) if o.verdict is Verdict.REFUTED
        }
        checked.obligations = [
            o for o in checked.obligations if o.verdict is not Verdict.REFUTED or id(o.node) in spots
        ]
    return checked


def _run_class(
    it: Interpreter,
    cls: ClassRef,
    name: str,
    init: tuple[ClassRef, ast.FunctionDef] | None,
    mode: Mode,
    given: frozenset[str],
    ranks: tuple[int, ...] = (),
) -> Checked | None:
    run = Checked(name, mode.value, [], cls.node)
    with _fresh(it, name) as obligations:
        run.obligations = obligations
        try:
            kwargs = constructor_arguments(it, init[1], init[0], mode, given) if init is not None else {}
            if kwargs is None:
                return None
            run.arguments = kwargs
            instance = it.call(cls, [], kwargs, cls.node, name)
            if not isinstance(instance, Instance):
                return run
            run.instance = instance
            if it.log is not None:
                run.parameters = parameter_count(it.ctx, instance, set())
            run.mark = it.ctx.mark()
            _call_methods(it, instance, mode, run, ranks)
            run.steps = interpreter.MAX_STEPS - it.steps
            run.open_inputs = sum(1 for x in run.inputs.values() if isinstance(x, Tensor) and x.shape.lead)
            if mode is Mode.SIZES and not ranks:
                _call_nominal(it, instance, kwargs, run)
        except (OutOfBudget, RecursionError):
            run.exhausted = True
    return run


def _call_methods(
    it: Interpreter, instance: Instance, mode: Mode, run: Checked, ranks: tuple[int, ...] = ()
) -> None:
    forward = _method(it, instance.cls, "forward")
    if forward is None:
        if not instance.called and (instance.items is not None or "__layer__" in instance.attrs):
            value = it.call(instance, [free_tensor("input")], {}, instance.cls.node, instance.cls.node.name)
            run.outputs.append(("forward", value))
        return
    owner, node = forward
    scope = Scope(it.file_scope(owner.file), owner.scope)
    kwargs = run.inputs = forward_arguments(it, node, scope, mode)
    free = [x for x in kwargs.values() if isinstance(x, Tensor) and x.shape.lead]
    for x, rank in zip(free, ranks):
        x.shape = Shape(tuple(symbol(f"size({i - rank})", "input") for i in range(rank)))
    it.instances.append(instance)
    instance.called = True
    try:
        value = it.call(Function(node, owner.file, owner.scope, instance, owner), [], kwargs, node, "forward")
    finally:
        it.instances.pop()
    run.outputs.append(("forward", value))


def _call_nominal(it: Interpreter, instance: Instance, ctor: dict[str, Value], run: Checked) -> None:
    """A vision model once more, on the image size that it is built for."""
    image = nominal_image(it, ctor)
    forward = _method(it, instance.cls, "forward")
    if image is None or forward is None or len(parameters(forward[1].args)) < 2:
        return
    owner, node = forward
    name = parameters(node.args)[1][0].arg
    seen = run.inputs.get(name)
    if not IMAGE_NAMES.match(name) or not isinstance(seen, Tensor) or not _may_be_image(seen):
        return
    it.ctx.undo(run.mark)
    log, it.log = it.log, None
    it.instances.append(instance)
    try:
        rest = parameters(node.args)[2:]
        if all(default is not None for _, default in rest):
            call = Function(node, owner.file, owner.scope, instance, owner)
            it.call(call, [image], {}, node, "forward")
    finally:
        it.log = log
        it.instances.pop()


def _may_be_image(x: Tensor) -> bool:
    """Whether what forward did with its input leaves it four dimensions."""
    count = len(x.shape.dims)
    return count <= 4 if x.shape.lead else count == 4


def _method(it: Interpreter, cls: ClassRef, name: str) -> tuple[ClassRef, ast.FunctionDef] | None:
    for base in mro(it, cls):
        if not isinstance(base, ClassRef):
            return None
        node = definition(base, name)
        if isinstance(node, ast.FunctionDef):
            return base, node
    return None


class _fresh:
    """A clean state for one run; all that it learns and writes is taken back at its end."""

    def __init__(self, it: Interpreter, subject: str) -> None:
        self.it = it
        self.subject = subject

    def __enter__(self) -> list[Obligation]:
        ctx = self.it.ctx
        self.mark = ctx.mark()
        ctx.obligations = []
        ctx.stack, ctx.subject, ctx.built = (), self.subject, None
        self.it.steps = interpreter.MAX_STEPS
        self.it.active.clear()
        self.it.instances.clear()
        self.it.made.clear()
        self.it.overrides.clear()
        self.it.adapted.clear()
        self.it.guessed = False
        self.it.built.clear()
        self.it.tokens.clear()
        self.it.calls.results.clear()
        self.it.epoch += 1
        self.file = self.it.current
        ctx.path = self.file.path if self.file is not None else ""
        return ctx.obligations

    def __exit__(self, *exc: object) -> None:
        self.it.ctx.undo(self.mark)
        self.it.current = self.file


def check_scripts(it: Interpreter, file: SourceFile) -> Iterator[Checked]:
    """The module's own statements and its functions: the modules that they build and call."""
    from lint_params.shape.stmt import run as run_block

    scope = it.file_scope(file)
    body = [s for s in file.tree.body if not isinstance(s, (ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef))]
    builders = _builders(file)
    if any(_may_matter(file, s, builders) for s in body):
        run = Checked("", "module code", [], file.tree)
        with _fresh(it, "") as obligations:
            run.obligations = obligations
            try:
                run_block(it, body, Scope(scope))
                judge_overrides(it, 0)
                _call_uncalled(it)
            except (OutOfBudget, RecursionError):
                run.exhausted = True
        yield run
    left = MAX_SCRIPT_STEPS
    for node in file.tree.body:
        if isinstance(node, ast.FunctionDef) and left > 0 and node.name in builders:
            run = _run_function(it, node, file)
            yield _steady(it, run, lambda n=node: _run_function(it, n, file))  # type: ignore[misc]
            left -= interpreter.MAX_STEPS - it.steps


def _builders(file: SourceFile) -> set[str]:
    """Functions of the file that build modules, themselves or through each other."""
    calls: dict[str, set[str]] = {}
    found: set[str] = set()
    for node in file.tree.body:
        if isinstance(node, ast.FunctionDef):
            names = calls[node.name] = set()
            for part in ast.walk(node):
                if isinstance(part, ast.Call):
                    if isinstance(part.func, ast.Name):
                        names.add(part.func.id)
                    if _builds(file, part):
                        found.add(node.name)
    grown = True
    while grown:
        more = {name for name, used in calls.items() if name not in found and used & found}
        grown = bool(more)
        found |= more
    return found


def _builds(file: SourceFile, call: ast.Call) -> bool:
    """Whether a call may build a module: a class of torch.nn, or one by its capital letter."""
    text = dotted(call.func)
    if text is None or not text.rpartition(".")[2][:1].isupper():
        return False
    name = file.names.qualify(text)
    return name is not None and (name.startswith("torch.nn.") or not name.startswith(_LIBRARIES))


_LIBRARIES = ("torch.", "numpy.", "typing.", "collections.", "pathlib.", "PIL.", "builtins.")


def _may_matter(file: SourceFile, statement: ast.stmt, builders: set[str]) -> bool:
    """Whether a statement of the module's own code builds or calls something."""
    for node in ast.walk(statement):
        if isinstance(node, ast.Call):
            if _builds(file, node) or (isinstance(node.func, ast.Name) and node.func.id in builders):
                return True
    return False


def _run_function(it: Interpreter, node: ast.FunctionDef, file: SourceFile) -> Checked:
    run = Checked(node.name, "function", [], node)
    with _fresh(it, node.name) as obligations:
        run.obligations = obligations
        try:
            scope = Scope(it.file_scope(file))
            wrapped = ast.arg("self", None)
            padded = ast.FunctionDef(node.name, _with_first(node.args, wrapped), node.body, [])
            kwargs = forward_like(it, padded, scope)
            if node.args.kwarg is not None:
                kwargs[OPEN] = Unknown("perhaps in **kwargs")
            it.call(Function(node, file), [], kwargs, node, node.name)
            _call_uncalled(it)
        except (OutOfBudget, RecursionError):
            run.exhausted = True
    return run


def _with_first(spec: ast.arguments, first: ast.arg) -> ast.arguments:
    return ast.arguments(
        posonlyargs=[],
        args=[first, *spec.posonlyargs, *spec.args],
        vararg=None,
        kwonlyargs=spec.kwonlyargs,
        kw_defaults=spec.kw_defaults,
        kwarg=None,
        defaults=spec.defaults,
    )


def forward_like(it: Interpreter, node: ast.FunctionDef, scope: Scope) -> dict[str, Value]:
    """Arguments for a plain function: defaults as they stand, else values of unknown type."""
    from lint_params.shape.arguments import constructor_argument

    out: dict[str, Value] = {}
    for arg, default in parameters(node.args)[1:]:
        if default is not None:
            out[arg.arg] = it.eval(default, scope)
        else:
            out[arg.arg] = constructor_argument(it, arg, None, scope, Mode.SIZES)
    return out


def _call_uncalled(it: Interpreter) -> None:
    """Modules that the code builds and does not call are checked on an input of free shape."""
    made = [m for m in it.made if isinstance(m, (Instance, Layer))]
    inner: set[int] = set()
    for module in made:
        for child in _children(module):
            inner.add(id(child))
    for module in made:
        if module.called or id(module) in inner:
            continue
        if isinstance(module, Layer) and module.spec.name != "torch.nn.Sequential":
            continue
        if isinstance(module, Instance):
            if not is_module_class(it, module.cls):
                continue
            run = Checked("", "", [])
            _call_methods(it, module, Mode.SIZES, run)
        elif module.items and len(module.items) > 1:
            node = module.node if module.node is not None else it.ctx.node
            it.call(module, [free_tensor("input")], {}, node, "Sequential")


def _children(module: Instance | Layer) -> Iterator[Value]:
    yield from module.attrs.values()
    if module.items is not None:
        yield from module.items.values()


__all__ = ["Checked", "Unknown", "Verdict", "check_class", "check_file"]
