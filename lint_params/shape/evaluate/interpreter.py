"""The interpreter's core: evaluation, calls, forks and joins, within a budget."""

from __future__ import annotations

import ast
import builtins
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from lint_params.project import Project, SourceFile
from lint_params.shape.check import Verdict
from lint_params.shape.context import ABSENT, Context, Whole
from lint_params.shape.evaluate.join import join_all
from lint_params.shape.evaluate.memo import CallMemo
from lint_params.shape.evaluate.plain import CHANGEABLE, Answer, contents
from lint_params.shape.evaluate.scope import MISSING, FileScope, Scope, qualified_value
from lint_params.shape.sizes.poly import OPERATIONS, Atom
from lint_params.shape.value import PERHAPS, Choice, ClassRef, Dict, Items, Seq, Shape, Unknown, Value, is_refuted

if TYPE_CHECKING:
    from lint_params.shape.evaluate.instances import Built

#: Bounds for one run of one class or script, so that no input makes it hang.
MAX_STEPS = 45_000
ASIDE_STEPS = 5_000


class OutOfBudget(Exception):
    """The run took too many steps: what it was checking is unknown."""


#: Among the keys of a mapping, which may be any: all of it.
_ALL = object()


class Interpreter:
    """Evaluates the source of functions and classes over symbolic values.

    Nothing is imported or run. One interpreter serves one linted file; ``ctx`` holds the
    state of the current path.
    """

    def __init__(self, project: Project | None = None) -> None:
        # Expressions and calls need the interpreter and it needs them.
        from lint_params.shape.evaluate import attempts, comprehensions, loops  # noqa: F401  (they register)
        from lint_params.shape.evaluate.calls import call
        from lint_params.shape.evaluate.expr import EVAL

        OPERATIONS.clear()  # those of another file, over symbols that nobody has any more
        self._evaluators = EVAL
        self._call = call
        self.project = project
        self.ctx = Context()
        self.steps = self.budget = MAX_STEPS
        self.ctx.clock = lambda: self.budget - self.steps
        self._files: dict[int, FileScope] = {}
        self.orders: dict[Any, list[Value]] = {}  # method resolution orders by class
        self.descriptors: dict[Any, tuple[ClassRef, ast.AST] | None] = {}  # which attributes a class answers for itself
        self.current: SourceFile | None = None  # the file whose code is being evaluated
        self.active: list[ast.AST] = []  # functions being called, against endless recursion
        self.handed: list[Any] = []  # what each of them was called with
        self.entered: set[int] = set()  # functions called at least once in this run
        self.frames: list[Any] = []  # the same as values: what each is bound to
        self.instances = self.ctx.instances
        self.made: list[Any] = []  # layers and instances built so far, in order
        self.built: dict[Any, Built] = {}  # finished constructors by class and arguments
        self.built_inside = 0  # steps of the constructors that the one that runs has called
        self.repeated: set[int] = set()  # classes that a run has built twice with the same arguments
        self.tokens: dict[Any, int] = {}  # numbers for the same keys
        self.last_token = 0  # a file's own modules keep theirs from one run to the next
        self.calls = CallMemo()
        #: What an argument finds in a table, by both of them, which it keeps.
        self.found: dict[tuple[int, int, int], tuple[Value, Value, Choice]] = {}
        self.answers: dict[Any, Answer] = {}  # of functions, by what they were asked
        self.reads: list[tuple[Value, Any]] | None = None  # see ``read``
        self.rebound = False  # whether a function of this run has set a global name
        self.epoch = 0  # counts changes to modules outside constructors
        self.changed = 0  # and these to what somebody else made, a configuration
        self.constructing = 0
        self.overrides: list[Any] = []  # parameters replaced in the functions that are running
        self.adapted: set[int] = set()  # layers whose own sizes were changed by hand
        self.count = 2  # what an unknown number of repetitions is taken to be
        self.log: list[Any] | None = None  # (name, module, output shape) of each call, if asked for
        self.watch: tuple[str, int] | None = None  # a line whose calls are noted
        self.watched: list[str] = []
        self.arms = 0  # of how many alternatives the present one is part
        self.guessed = False  # whether this run took one so
        self.guessed_list = False  # and not only for the steps through a tensor
        self.numbered = False  # an argument that may as well be a list was taken apart

    # -- names --------------------------------------------------------------------------

    def file_scope(self, file: SourceFile) -> FileScope:
        scope = self._files.get(id(file))
        if scope is None:
            scope = self._files[id(file)] = FileScope(file)
        return scope

    def files(self) -> Iterable[FileScope]:
        return self._files.values()

    def read(self, value: Value) -> Value:
        """What a module or a class holds: what is worked out with it may hang on what is in it."""
        if self.reads is not None and value.__class__ in CHANGEABLE:
            self.reads.append((value, contents(value)))
        return value

    def qualified(self, name: str, file: SourceFile, known_only: bool = False) -> Any:
        return qualified_value(self, name, file, known_only)

    def known_external(self, name: str) -> bool:
        from lint_params.shape.ops import function_spec, layer_spec
        from lint_params.shape.python import EXTERNALS

        return (
            name in EXTERNALS
            or layer_spec(name) is not None
            or function_spec(name) is not None
            or (name.startswith("torch.nn.") and not hasattr(builtins, name.rpartition(".")[2]))
        )

    def builtin(self, name: str) -> Value:
        from lint_params.shape.python import builtin

        return builtin(name)

    # -- evaluation ---------------------------------------------------------------------

    def eval(self, node: ast.expr, scope: Scope) -> Value:
        self.steps -= 1
        if self.steps < 0:
            raise OutOfBudget
        kind = node.__class__
        if kind is ast.Name:  # half of all expressions
            name, names = node.id, scope.vars  # type: ignore[attr-defined]
            return names[name] if name in names else scope.lookup(self, name)
        if kind is ast.Constant:  # and many of the others
            return node.value  # type: ignore[attr-defined]
        how = self._evaluators.get(kind)
        return how(self, node, scope) if how is not None else Unknown("expression")

    def take(self, steps: int) -> None:
        """Count steps that are taken at once."""
        if self.steps < steps:
            self.steps = -1
            raise OutOfBudget
        self.steps -= steps

    def call(
        self,
        callee: Value,
        args: list[Value],
        kwargs: dict[str, Value],
        node: ast.AST,
        text: str = "",
    ) -> Value:
        return self._call(self, callee, args, kwargs, node, text)

    def aside(self, thunk: Callable[[], Value], path: str = "") -> Value:
        """Evaluate something that belongs to no path: its learning and findings are dropped."""
        ctx = self.ctx
        kept = (
            ctx.node,
            ctx.path,
            ctx.callee,
            ctx.built,
            ctx.stack,
            ctx.obligations,
            ctx.trail,
            ctx.bound,
        )
        ctx.obligations, ctx.trail, ctx.bound = [], [], {}
        ctx.path = path or ctx.path
        steps, self.steps = self.steps, ASIDE_STEPS
        try:
            return thunk()
        except OutOfBudget:
            return Unknown("budget")
        finally:
            self.steps = steps
            (ctx.node, ctx.path, ctx.callee, ctx.built, ctx.stack,
             ctx.obligations, ctx.trail, ctx.bound) = kept  # fmt: skip

    @contextmanager
    def unlogged(self) -> Iterator[None]:
        """Calls that are no part of what a reader is shown."""
        log, self.log = self.log, None
        try:
            yield
        finally:
            self.log = log

    # -- paths --------------------------------------------------------------------------

    def fork(
        self, thunks: list[Callable[[], Any]], *, every: bool = False, among: Sequence[Value] = ()
    ) -> list[tuple[Any, dict[Any, Any]]]:
        """Run each alternative from the present state; returns (result, writes) of each.

        With ``every``, a refutation counts only where every alternative is refuted: the
        alternatives belong to conditions that may go together with others unseen. What does not
        fit inside one of the modules ``among`` which is chosen counts by itself, as does what no
        condition has led to, of a layer that is there or left out.
        """
        ctx = self.ctx
        outcomes: list[tuple[Any, dict[Any, Any]]] = []
        spans: list[tuple[int, int]] = []
        for thunk in thunks:
            mark, start, epoch = ctx.mark(), len(ctx.obligations), self.epoch
            self.arms += 1
            try:
                result = thunk()
            finally:
                self.arms -= 1
            writes: dict[Any, Any] = {}
            for target, key, _ in ctx.trail[mark:]:
                kind = target.__class__
                if kind is dict or kind is Items:
                    writes[id(target), key] = (target, key, target.get(key, MISSING))
                elif kind is Shape:
                    writes[id(target), _ALL] = (target, None, (target.dims, target.lead))
                elif kind is list:
                    writes[id(target), _ALL] = (target, None, list(target))
                elif kind is Whole:
                    writes[id(target.table), _ALL] = (target, None, dict(target.table))
                elif not issubclass(kind, Atom):  # its bound follows from what is bound
                    writes[id(target), key] = (target, key, target.get(key, MISSING))
            if self.epoch != epoch:
                self.epoch += 1  # the change is taken back, which is another change
            ctx.undo(mark)
            outcomes.append((result, writes))
            spans.append((start, len(ctx.obligations)))
        if every and len(spans) > 1:
            self._only_if_every(spans, among)
        return outcomes

    def _only_if_every(self, spans: list[tuple[int, int]], among: Sequence[Value]) -> None:
        obligations = self.ctx.obligations
        refuted = [any(o.verdict is Verdict.REFUTED for o in obligations[a:b]) for a, b in spans]
        if any(refuted) and not all(refuted):
            from lint_params.shape.evaluate.every import fits_never, inside, is_identity

            start = spans[0][0]
            sound = [one for one, failed in zip(among, refuted) if not failed]
            own = [o for (a, b), one in zip(spans, among) for o in inside(obligations[a:b], one, sound)]
            if sound and not self.arms and all(is_identity(one) for one in sound):
                own += [o for o in obligations[start:] if fits_never(o)]
            obligations[start:] = [
                o for o in obligations[start:] if o.verdict is not Verdict.REFUTED or o in own
            ]

    def merge(self, branches: list[dict[Any, Any]]) -> None:
        """Continue with what the live alternatives have in common."""
        if not branches:
            return
        ctx = self.ctx
        keys: dict[Any, tuple[Any, Any]] = {}
        for writes in branches:
            for where, (target, key, _) in writes.items():
                keys.setdefault(where, (target, key))
        for where, (target, key) in keys.items():
            values = [w[where][2] if where in w else self._present(target, key) for w in branches]
            if isinstance(target, Shape):
                if all(v == values[0] for v in values):
                    ctx.refine(target, *values[0])
                elif any(_differs(target.dims, target.lead, *v) for v in values):
                    ctx.refine(target, (), True)  # `.data` was given on one way: its shape is open
            elif target is ctx.bound:
                if all(v is not MISSING and v == values[0] for v in values):
                    ctx.bind(key, values[0])
            elif isinstance(target, Whole):
                same_keys = all(list(v) == list(values[0]) for v in values)
                gone = {"?": Unknown("items of unknown number")}
                if isinstance(target.table, Items):
                    joined = join_all(self, [Dict(value) for value in values])
                    gone = dict(joined.items) if isinstance(joined, Dict) else gone
                ctx.rewrite_dict(target.table, values[0] if same_keys else gone)
            elif isinstance(target, list):
                joined = join_all(self, [Seq(v) for v in values])
                ctx.rewrite(
                    target, joined.items if isinstance(joined, Seq) else [Unknown("list join")]
                )
            else:
                there = [v for v in values if v is not MISSING]
                if isinstance(target, Items) and len(there) < len(values):
                    ctx.write(target, key, PERHAPS)
                elif there:
                    ctx.write(target, key, join_all(self, there))

    def merge_exits(self, exits: list[dict[Any, Any]], start: int, own: dict[str, Value]) -> None:
        """Continue behind a function that may have returned earlier: what it changed outside of
        its ``own`` names has one of the values that it had since the ``start``."""
        ctx = self.ctx

        def lasts(target: Any) -> bool:
            return target is not own and target is not ctx.bound and not isinstance(target, Shape)

        shapes = [(one, *value) for writes in exits for one, _, value in writes.values() if isinstance(one, Shape)]
        shapes += [one for one in ctx.trail[start:] if exits and isinstance(one[0], Shape)]
        ways = [{w: one for w, one in writes.items() if lasts(one[0])} for writes in exits]
        for shape, dims, lead in shapes:
            if _differs(shape.dims, shape.lead, dims, lead) and _differs(dims, lead, shape.dims, shape.lead):
                ctx.refine(shape, (), True)
        earlier: list[dict[Any, Any]] = []  # what each was, change by change
        for target, key, old in ctx.trail[start:]:
            if not isinstance(target, (dict, list, Whole)) or not lasts(target):
                continue
            whole = target if isinstance(target, list) else getattr(target, "table", None)
            where = (id(target), key) if whole is None else (id(whole), _ALL)
            before = next((way for way in earlier if where not in way), None)
            if before is None:
                earlier.append(before := {})
            before[where] = (target, key, MISSING if old is ABSENT else old)
        if any(ways) or earlier:
            self.merge([{}, *ways, *earlier])

    @staticmethod
    def _present(target: Any, key: Any) -> Any:
        if isinstance(target, Shape):
            return (target.dims, target.lead)
        if isinstance(target, list):
            return list(target)
        if isinstance(target, Whole):
            return dict(target.table)
        return target.get(key, MISSING)

    def each(self, value: Value, use: Callable[[Value], Value]) -> Value:
        """Apply ``use`` to a value, or to each of its alternatives and join the results."""
        if not isinstance(value, Choice):
            return use(value)
        outcomes = self.fork([lambda o=option: use(o) for option in value.options], every=True, among=value.options)  # type: ignore[misc]
        alive = [o for o in outcomes if not is_refuted(o[0])]
        if not alive:
            return Unknown("refuted")
        self.merge([writes for _, writes in alive])
        return join_all(self, [result for result, _ in alive])


def _differs(dims: tuple[Any, ...], lead: bool, new: tuple[Any, ...], new_lead: bool) -> bool:
    """Whether a shape was given other sizes (`p.data = ...`): what is only learned adds some in front."""
    more = len(new) - len(dims)
    return new_lead > lead or more < 0 or (more > 0 and not lead) or new[more:] != dims
