"""One run of one class: built and called with values for the arguments that nobody has given."""

from __future__ import annotations

import ast
from collections.abc import Generator, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from lint_params.shape.check import Obligation, Verdict
from lint_params.shape.evaluate.classes import definition, mro
from lint_params.shape.evaluate.interpreter import Interpreter, OutOfBudget
from lint_params.shape.evaluate.scope import Scope
from lint_params.shape.runs.arguments import Handed, Mode, constructor_arguments, free_tensor, parameters
from lint_params.shape.runs.chosen import Key, choose
from lint_params.shape.runs.entries import call_entries
from lint_params.shape.runs.excluding import content
from lint_params.shape.runs.forward_inputs import IMAGE_NAMES, forward_arguments, nominal_image
from lint_params.shape.runs.states import with_first_state
from lint_params.shape.runs.switched import open_switches
from lint_params.shape.sizes.dim import symbol
from lint_params.shape.value import (
    Choice,
    ClassRef,
    Function,
    Instance,
    Shape,
    Tensor,
    Value,
)

if TYPE_CHECKING:
    from lint_params.shape.output.tables import ClassTable


#: No ranks are tried, and nothing is chosen.
NONE: Mapping[str, int] = {}
NOTHING: Mapping[Key, Value] = {}


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
    table: ClassTable | None = None  # where the interpreter keeps a log
    steps: int = 0
    forward_steps: int = 0  # those of them that forward took
    open_inputs: tuple[str, ...] = ()  # arguments of forward of which no rank was learned
    guessed: bool = False  # an unknown number of repetitions was taken to be 2
    chosen: Mapping[Key, Value] = field(default_factory=dict)  # otherwise than the defaults
    numbered: bool = False  # one of them may be a list: a forward inside numbers its items
    inputs: dict[str, Value] = field(default_factory=dict)
    forward: ast.AST | None = None
    #: What was refuted only for a guessed number of repetitions.
    doubted: list[Obligation] = field(default_factory=list)
    #: What was refuted only as long as an input was left out that is None by default.
    left_out: list[Obligation] = field(default_factory=list)
    mark: int = 0  # the state of the path when the constructor was done

    @contextmanager
    def bounded(self) -> Iterator[None]:
        """What runs out of steps, or too deep, ends here: the run is exhausted."""
        try:
            yield
        except (OutOfBudget, RecursionError):
            self.exhausted = True


def refutes(run: Checked) -> bool:
    return any(o.verdict is Verdict.REFUTED for o in run.obligations)


def only_at(run: Checked, found: Iterable[Obligation]) -> Checked:
    """The run without what is refuted anywhere else."""
    nodes = {id(o.node) for o in found}
    run.obligations = [
        o for o in run.obligations if o.verdict is not Verdict.REFUTED or id(o.node) in nodes
    ]
    return run


def run_class(
    it: Interpreter,
    cls: ClassRef,
    name: str,
    init: tuple[ClassRef, ast.FunctionDef] | None,
    mode: Mode,
    given: frozenset[str],
    handed: Handed = lambda name: None,
    chosen: Mapping[Key, Value] = NOTHING,
) -> Checked:
    run = Checked(name, mode.value, [], cls.node)
    with Fresh(it, name) as obligations:
        run.obligations = obligations
        with run.bounded():
            instance = _construct(it, cls, init, mode, given, handed, run, chosen)
            if instance is None:
                return run
            logged = len(it.log) if it.log is not None else 0
            run.mark, built = it.ctx.mark(), it.steps
            call_methods(it, instance, mode, run, chosen=chosen)
            run.numbered, run.guessed = it.numbered, it.guessed
            if it.log is not None:
                from lint_params.shape.output.tables import class_table

                run.table = class_table(it, run, instance, it.log[logged:])
            run.steps, run.forward_steps = it.budget - it.steps, built - it.steps
            tensors = {n: _given_tensor(x) for n, x in run.inputs.items()}
            run.open_inputs = tuple(n for n, x in tensors.items() if x is not None and x.shape.lead)
            if mode is Mode.SIZES:
                _call_nominal(it, instance, run.arguments, run)
            if mode is not Mode.OPEN:
                with it.unlogged():
                    call_entries(it, instance, run.mark)
    return run


def run_ranks(
    it: Interpreter,
    cls: ClassRef,
    name: str,
    init: tuple[ClassRef, ast.FunctionDef] | None,
    given: frozenset[str],
    handed: Handed,
    ranks: Iterable[Mapping[str, int]],
    chosen: Mapping[Key, Value] = NOTHING,
) -> Generator[Checked, None, None]:
    """The class built once, and called with inputs of one set of ranks after the other."""
    with Fresh(it, name) as obligations:
        start = Checked(name, Mode.SIZES.value, obligations, cls.node)
        instance = None
        with start.bounded():
            instance = _construct(it, cls, init, Mode.SIZES, given, handed, start, chosen)
        mark, steps, made, adapted = it.ctx.mark(), it.steps, list(it.made), set(it.adapted)
        for one in ranks:
            it.ctx.undo(mark)
            it.steps, it.made[:], it.adapted = steps, made, set(adapted)
            it.calls.results.clear()  # what is known from there is not checked again
            run = replace(start, obligations=list(obligations), outputs=[], inputs={})
            it.ctx.obligations = run.obligations
            if instance is not None:
                with run.bounded(), it.unlogged():
                    call_methods(it, instance, Mode.SIZES, run, one, chosen)
            yield run


def _construct(
    it: Interpreter,
    cls: ClassRef,
    init: tuple[ClassRef, ast.FunctionDef] | None,
    mode: Mode,
    given: frozenset[str],
    handed: Handed,
    run: Checked,
    chosen: Mapping[Key, Value] = NOTHING,
) -> Instance | None:
    """The object that ``run`` is about, or None where it cannot be built."""
    if init is not None:
        run.arguments = constructor_arguments(it, init[1], init[0], mode, given, handed)
        choose(it, *init, run.arguments, chosen)

    def make() -> Value:
        return it.call(cls, [], dict(run.arguments), cls.node, run.subject)

    if init is not None and mode is Mode.SIZES:
        made = content(it, *init, run.arguments, make)
    else:
        made = make()
    if not isinstance(made, Instance):
        return None
    run.instance = made
    return made


def call_methods(
    it: Interpreter,
    instance: Instance,
    mode: Mode,
    run: Checked,
    ranks: Mapping[str, int] = NONE,
    chosen: Mapping[Key, Value] = NOTHING,
) -> None:
    forward = find_method(it, instance.cls, "forward") or find_method(it, instance.cls, "__call__")
    if forward is None:
        if not instance.called and (instance.items is not None or "__layer__" in instance.attrs):
            value = it.call(
                instance, [free_tensor("input")], {}, instance.cls.node, instance.cls.node.name
            )
            run.outputs.append(("forward", value))
        return
    owner, node = forward
    scope = Scope(it.file_scope(owner.file), owner.scope)
    kwargs = run.inputs = forward_arguments(it, instance, node, scope, mode)
    choose(it, owner, node, kwargs, chosen)
    with_first_state(it, instance, kwargs)
    run.forward = node
    for name, rank in ranks.items():
        x = kwargs[name] = _given_tensor(kwargs[name]) or free_tensor(name)  # one that had to be given
        x.shape = Shape(tuple(symbol(f"size({i - rank})", "input") for i in range(rank)))
    called = Function(node, owner.file, owner.scope, instance, owner)
    open_switches(it, instance)

    def ask() -> Value:
        return it.call(called, [], dict(kwargs), node, "forward")

    it.instances.append(instance)
    instance.called = True
    try:
        if mode is not Mode.OPEN:
            value = content(it, owner, node, kwargs, ask)
        else:
            value = ask()
    finally:
        it.instances.pop()
    run.outputs.append(("forward", value))


def _given_tensor(value: Value) -> Tensor | None:
    """The tensor that an input is, where it is given."""
    options = [o for o in value.options if o is not None] if isinstance(value, Choice) else [value]
    return options[0] if len(options) == 1 and isinstance(options[0], Tensor) else None


def _call_nominal(
    it: Interpreter, instance: Instance, ctor: dict[str, Value], run: Checked
) -> None:
    """A vision model once more, on the image size that it is built for."""
    image = nominal_image(it, ctor)
    forward = find_method(it, instance.cls, "forward")
    if image is None or forward is None or len(parameters(forward[1].args)) < 2:
        return
    owner, node = forward
    name = parameters(node.args)[1][0].arg
    seen = run.inputs.get(name)
    if not IMAGE_NAMES.match(name) or not isinstance(seen, Tensor) or not _may_be_image(seen):
        return
    it.ctx.undo(run.mark)
    it.instances.append(instance)
    try:
        rest = parameters(node.args)[2:]
        if all(default is not None for _, default in rest):
            call = Function(node, owner.file, owner.scope, instance, owner)
            with it.unlogged():
                it.call(call, [image], {}, node, "forward")
    finally:
        it.instances.pop()


def _may_be_image(x: Tensor) -> bool:
    """Whether what forward did with its input leaves it four dimensions."""
    count = len(x.shape.dims)
    return count <= 4 if x.shape.lead else count == 4


def find_method(
    it: Interpreter, cls: ClassRef, name: str
) -> tuple[ClassRef, ast.FunctionDef] | None:
    for base in mro(it, cls):
        if not isinstance(base, ClassRef):
            return None
        node = definition(base, name)
        if isinstance(node, ast.FunctionDef):
            return base, node
    return None


class Fresh:
    """A clean state for one run; all that it learns and writes is taken back at its end."""

    def __init__(self, it: Interpreter, subject: str) -> None:
        self.it = it
        self.subject = subject

    def __enter__(self) -> list[Obligation]:
        ctx = self.it.ctx
        self.mark = ctx.mark()
        ctx.obligations = []
        ctx.stack, ctx.subject, ctx.built = (), self.subject, None
        self.it.steps = self.it.budget
        self.it.active.clear()
        self.it.handed.clear()
        self.it.entered.clear()
        self.it.instances.clear()
        self.it.made.clear()
        self.it.overrides.clear()
        self.it.adapted.clear()
        self.it.guessed = self.it.guessed_list = self.it.numbered = self.it.rebound = False
        self.it.built.clear()
        self.it.tokens.clear()
        self.it.found.clear()
        self.it.calls.results.clear()
        self.it.epoch += 1
        self.file = self.it.current
        ctx.path = self.file.path if self.file is not None else ""
        return ctx.obligations

    def __exit__(self, *exc: object) -> None:
        self.it.ctx.undo(self.mark)
        self.it.current = self.file
