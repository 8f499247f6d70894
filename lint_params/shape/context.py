"""What an op may ask and learn: sizes on this path, obligations, new tensors.

Knowledge is gained along a path ("after this call the last size of x is 16") and is taken
back when the path ends: every change goes through the trail.
"""

from __future__ import annotations

import ast
from collections.abc import Callable, Sequence
from typing import Any

from lint_params.shape.check import Obligation, Refuted, Verdict
from lint_params.shape.provenance import Step, steps
from lint_params.shape.sizes.dim import (
    MAYBE,
    NO,
    YES,
    Answer,
    Atom,
    Operation,
    Poly,
    Size,
    Symbol,
    cancel,
    floordiv,
    lower,
    modulo,
    mul,
    neg,
    of_atom,
    same,
    sub,
    substitute,
    symbol,
)
from lint_params.shape.sizes.unlikely import apart_without_rest, leaves_one, only_if_one
from lint_params.shape.value import Items, Origin, Seq, Shape, Tensor, Unknown, Value, as_size

ABSENT = object()
#: Rules of layers, whose sizes nobody chooses by what a division leaves.
LAYER_RULES = ("linear-input-mismatch", "conv-channel-mismatch", "norm-feature-mismatch")


class Whole:
    """In the trail: a dict that was replaced as a whole."""

    __slots__ = ("table",)

    def __init__(self, table: dict[Any, Any]) -> None:
        self.table = table


class Context:
    """The state of one path through one piece of code, and the record of what was checked."""

    def __init__(self) -> None:
        self.bound: dict[Atom, Size] = {}
        self.flags: dict[Any, bool] = {}
        self.trail: list[tuple[Any, Any, Any]] = []
        self.obligations: list[Obligation] = []
        # Set by the interpreter before each call:
        self.node: ast.AST = ast.Pass()
        self.path = ""
        self.callee = ""  # "self.fc1" or "torch.cat"
        self.built: Origin | None = None
        self.operands: list[Tensor] = []  # the tensors among the arguments of the running op
        self.stack: tuple[tuple[str, ast.AST, str], ...] = ()
        self.subject = ""
        self.clock: Callable[[], int] = int  # how many steps the run has taken
        self.instances: list[Any] = []  # modules whose forward is being evaluated
        self.rewritten = 0  # counts changes to lists and mappings while none of them runs
        #: Where somebody asks: tensors that number the rows of tables, and how many rows.
        self.looked_up: list[tuple[Tensor, Size | None]] | None = None

    # -- sizes --------------------------------------------------------------------------

    def resolve(self, size: Size) -> Size:
        """The size with all that this path has learned put in."""
        bound = self.bound
        if size.__class__ is int or not bound:
            return size
        for _ in range(8):
            if isinstance(size, int) or bound.keys().isdisjoint(size._deep or size.deep):
                return size
            new = substitute(size, self.bound.get)
            if new is size or new == size:
                return size
            size = new
        return size

    def compare(self, a: Size, b: Size) -> Answer:
        return same(self.resolve(a), self.resolve(b))

    def fresh(self, name: str = "?", kind: str = "opaque", low: int | None = 0) -> Poly:
        """A size of which nothing is known but its lower bound."""
        return symbol(name, kind, low)

    def size(self, value: Value) -> Size | None:
        """A Python value as a size on this path, or None."""
        if value.__class__ is int:
            return int(value)
        size = as_size(value)
        return None if size is None else self.resolve(size)

    def sizes(self, value: Value) -> tuple[Size, ...] | None:
        """A list or tuple of whole numbers as sizes, or None."""
        if not isinstance(value, Seq):
            return None
        out = [self.size(item) for item in value.items]
        return None if any(s is None for s in out) else tuple(s for s in out if s is not None)

    # -- shapes -------------------------------------------------------------------------

    def dims(self, x: Tensor) -> tuple[Size, ...] | None:
        """All sizes of x, or None where its rank is not known."""
        return None if x.shape.lead else tuple(self.resolve(d) for d in x.shape.dims)

    def rank(self, x: Tensor) -> int | None:
        return None if x.shape.lead else len(x.shape.dims)

    def last(self, x: Tensor, count: int) -> tuple[Size, ...] | None:
        """The last ``count`` sizes of x; None where x has fewer.

        Where the rank is open the missing sizes are learned as fresh symbols: the call that
        asks fails unless they exist.
        """
        shape = x.shape
        missing = count - len(shape.dims)
        if missing > 0:
            if not shape.lead:
                return None
            kind = "input" if x.free else "opaque"
            new = tuple(symbol(f"size({i - count})", kind) for i in range(missing))
            self.refine(shape, new + shape.dims, True)
        return tuple(self.resolve(d) for d in shape.dims[-count:]) if count else ()

    def of_rank(self, x: Tensor, rank: int) -> tuple[Size, ...] | None:
        """All sizes of x once a use has shown that it has ``rank`` of them; None if it has not."""
        if x.shape.lead:
            if len(x.shape.dims) > rank:
                return None
            self.last(x, rank)
            self.refine(x.shape, x.shape.dims, False)
        dims = self.dims(x)
        return dims if dims is not None and len(dims) == rank else None

    def refine(self, shape: Shape, dims: tuple[Size, ...], lead: bool) -> None:
        """Learn more of a shape, for the rest of this path."""
        self.trail.append((shape, shape.dims, shape.lead))
        more = len(dims) - len(shape.dims)
        if shape.lead and more >= 0 and len(shape.family) > 1:
            ahead = len(shape.dims) - shape.known
            for one in shape.family:  # what comes in front of one comes in front of all
                if one is not shape and one.lead and len(one.dims) - one.known == ahead:
                    self.trail.append((one, one.dims, one.lead))
                    one.dims, one.lead = dims[:more] + one.dims, lead
        shape.dims = dims
        shape.lead = lead
        if shape.front and not lead:  # sizes asked for before the rank was known
            for index, size in shape.front.items():
                if index < len(dims) - (shape.own if shape.family else 0):
                    self.learn_equal(size, dims[index])

    def tensor(
        self,
        dims: Sequence[Size],
        *,
        lead: bool | Shape = False,
        dtype: str | None = None,
        like: Tensor | None = None,
        text: str = "",
    ) -> Tensor:
        """A new tensor made by the current call; dtype is that of ``like`` unless given.

        ``lead``: whether further sizes may come in front, or the shape whose they are.
        """
        if dtype is None and like is not None:
            dtype = like.dtype
        origin = Origin(
            getattr(self.node, "lineno", 0), text or f"the output of {self.callee}", self.path, self.built
        )
        shape = lead.behind(tuple(dims)) if isinstance(lead, Shape) else Shape(tuple(dims), lead)
        return Tensor(shape, dtype, origin)

    def same_shape(self, x: Tensor, dtype: str | None = None) -> Tensor:
        """The result of an elementwise op: what is learned of one is learned of the other."""
        return Tensor(x.shape, dtype or x.dtype, x.origin, None, x.free)

    def replace_last(self, x: Tensor, count: int, new: Sequence[Size]) -> Tensor:
        """x with its last ``count`` sizes replaced by ``new``; open leading sizes stay open."""
        self.last(x, count)
        keep = x.shape.dims[: len(x.shape.dims) - count]
        return self.tensor((*keep, *new), lead=x.shape, like=x)

    def unknown_tensor(self, dtype: str | None = None) -> Tensor:
        return self.tensor((), lead=True, dtype=dtype)

    def unknown(self, why: str) -> Unknown:
        return Unknown(why)

    # -- obligations --------------------------------------------------------------------

    def forgive(self, start: int, rule: str = "") -> None:
        """Forget the mismatches that were met since, or those of one rule: what fails there may be
        meant to, or is told elsewhere."""
        kept = self.obligations
        kept[start:] = [o for o in kept[start:] if o.verdict is not Verdict.REFUTED or rule not in ("", o.rule)]

    def need(
        self,
        rule: str,
        expected: Size,
        got: Size,
        text: str | Callable[[], str],
        *,
        tensor: Tensor | None = None,
        learn: bool = True,
    ) -> None:
        """``expected`` and ``got`` must be one number; raises Refuted where they cannot be.

        ``text`` may use {name}, {expected}, {got}, {built} (" (line 8)", where the layer was
        made) and {source} (", the output of fc1 (line 7)", where the tensor came from). A text
        that takes work is given as a function: it is needed only where the need is refuted.
        """
        expected, got = self.resolve(expected), self.resolve(got)
        answer = same(expected, got)
        if answer is MAYBE and only_if_one(expected, got):
            answer = NO
        elif answer is MAYBE and rule in LAYER_RULES and apart_without_rest(expected, got):
            answer = NO
        if answer is YES:
            self._record(rule, Verdict.PROVED, text, expected, got, tensor)
        elif answer is NO:
            self._record(rule, Verdict.REFUTED, text, expected, got, tensor)
            raise Refuted
        else:
            free = self._is_free(got) or self._is_free(expected)
            why = "" if free else "sizes not comparable"
            verdict = Verdict.FREE if free else Verdict.UNKNOWN
            self._record(rule, verdict, text, expected, got, tensor, why)
            if learn:
                self.learn_equal(expected, got)

    def refute(
        self,
        rule: str,
        text: str | Callable[[], str],
        expected: Size | None = None,
        got: Size | None = None,
        tensor: Tensor | None = None,
    ) -> None:
        """A condition that cannot hold; raises Refuted."""
        self._record(rule, Verdict.REFUTED, text, expected, got, tensor)
        raise Refuted

    def divisible(self, rule: str, whole: Size, by: Size, text: str) -> None:
        """``whole`` must be a multiple of ``by``; raises Refuted where it cannot be."""
        whole, by = self.resolve(whole), self.resolve(by)
        if by == 0:
            return
        rest = modulo(whole, by)
        answer = same(rest, 0)
        if answer is NO or (_divided(by) and leaves_one(modulo(*cancel(whole, by, positive=True)))):
            self.refute(rule, text, by, whole)
        verdict = Verdict.PROVED if answer is YES else Verdict.UNKNOWN
        self._record(rule, verdict, text, by, whole, None, "" if answer is YES else "divisibility")
        if answer is MAYBE:
            self.learn_equal(rest, 0)

    def unproved(self, rule: str, why: str, text: str = "") -> None:
        """Record that a layer call could not be judged."""
        self._record(rule, Verdict.UNKNOWN, text, None, None, None, why)

    def _is_free(self, size: Size | None) -> bool:
        return isinstance(size, Poly) and any(
            isinstance(a, Symbol) and a.kind == "input" for a in size.atoms
        )

    @staticmethod
    def _of_batch(x: Tensor | None, size: Size | None) -> bool:
        if x is None or x.free or x.shape.lead or len(x.shape.dims) != 1:
            return False
        return isinstance(size, Poly) and all(
            isinstance(a, Symbol) and a.kind == "input" for a in size.atoms
        )

    def _record(
        self,
        rule: str,
        verdict: Verdict,
        text: str | Callable[[], str],
        expected: Size | None,
        got: Size | None,
        tensor: Tensor | None,
        why: str = "",
    ) -> None:
        if not isinstance(text, str):
            text = text() if verdict is Verdict.REFUTED else ""
        self.obligations.append(
            Obligation(
                rule, verdict, self.node, self.path, text, expected, got, why, self.callee,
                self.built, tensor.origin if tensor is not None else None, self.stack, self.subject,
                tuple(self.instances[1:]), self._of_batch(tensor, got) and not self._is_free(expected), self.clock(),
                verdict is Verdict.REFUTED and self._turned(expected, got),
                self._sources(expected, got, tensor) if self._disagree(verdict, why, text) else (),
            )
        )  # fmt: skip

    def _disagree(self, verdict: Verdict, why: str, text: str) -> bool:
        """Whether two sizes are, or may be, a mistake that somebody is told of: what is open
        inside another module is its own class's to tell."""
        if "dimensions" in text:
            return False  # how many there are
        here = why == "sizes not comparable" and len(self.instances) < 2
        return here or verdict is Verdict.REFUTED

    def _sources(
        self, expected: Size | None, got: Size | None, tensor: Tensor | None
    ) -> tuple[Step, ...]:
        """Where a mismatch's sizes come from; what a layer expects is its own."""
        first = [] if tensor is None else [tensor]
        found = steps(self, (got,), [*first, *self.operands])
        if self.built is None:
            others = [x for x in self.operands if x is not tensor]
            found += steps(self, (expected,), [*others, *first])
        return tuple(dict.fromkeys(found))

    def _turned(self, expected: Size | None, got: Size | None) -> bool:
        """Whether a Parameter of the running module has both sizes along its axes."""
        if expected is None or got is None or len(self.instances) < 2:
            return False
        values = self.instances[-1].attrs.values()
        shapes = [v.shape.dims for v in values if isinstance(v, Tensor) and v.param is not None]
        return any(expected in dims and got in dims for dims in shapes)

    # -- learning -----------------------------------------------------------------------

    def learn_equal(self, a: Size, b: Size) -> None:
        """From here on the two sizes are one number: solve for a symbol where that is possible."""
        a, b = self.resolve(a), self.resolve(b)
        if isinstance(a, Poly) and isinstance(b, Poly):
            a, b = cancel(a, b, positive=True)  # c * p * p = channels * p * p
        difference = sub(a, b)
        if isinstance(difference, int):
            return
        best: tuple[int, Atom, int] | None = None
        for monomial, factor in difference.terms.items():
            if abs(factor) != 1 or len(monomial) != 1 or monomial[0][1] != 1:
                continue
            atom = monomial[0][0]
            others = [m for m in difference.terms if m != monomial]
            if any(_mentions(m, atom) for m in others):
                continue
            rank = _solve_order(atom)
            if best is None or rank < best[0]:
                best = (rank, atom, factor)
        if best is None:
            return
        _, atom, factor = best
        rest = sub(difference, mul(factor, Poly({((atom, 1),): 1})))
        self.bind(atom, neg(rest) if factor == 1 else rest)

    def bind(self, atom: Atom, value: Size) -> None:
        self.trail.append((self.bound, atom, self.bound.get(atom, ABSENT)))
        self.bound[atom] = value
        if value == 0 and isinstance(atom, Operation) and atom.name == "%":
            self._whole_times(*atom.args)

    def _whole_times(self, size: Size, by: Size) -> None:
        """What a positive size is a multiple of goes into it once or more."""
        times = floordiv(size, by)
        if isinstance(times, int) or len(times.atoms) != 1 or (lower(size) or 0) < 1:
            return
        (atom,) = times.atoms
        if isinstance(atom, Operation) and atom.name == "//" and atom.low == 0 and times == of_atom(atom):
            self.raise_low(atom)

    def raise_low(self, atom: Atom) -> None:
        """From here on the number is 1 or more."""
        self.trail.append((atom, None, atom.low))
        atom.raise_low(1)

    # -- paths --------------------------------------------------------------------------

    def mark(self) -> int:
        return len(self.trail)

    def undo(self, mark: int) -> None:
        """Forget everything learned or written since ``mark``."""
        self.rewritten += not self.instances and len(self.trail) > mark
        while len(self.trail) > mark:
            target, key, old = self.trail.pop()
            if target.__class__ is Shape:
                target.dims, target.lead = key, old
            elif isinstance(target, dict):
                if old is ABSENT:
                    target.pop(key, None)
                else:
                    target[key] = old
            elif isinstance(target, list):
                target[:] = old
            elif isinstance(target, Atom):
                target.raise_low(old)
            elif isinstance(target, Whole):
                target.table.clear()
                target.table.update(old)

    def write(self, table: dict[Any, Any], key: Any, value: Value) -> None:
        """Set an item of a dict so that ``undo`` takes it back."""
        self.trail.append((table, key, table.get(key, ABSENT)))
        table[key] = value
        if table.__class__ is Items and not self.instances:
            self.rewritten += 1

    def rewrite_dict(self, table: dict[Any, Any], new: dict[Any, Any]) -> None:
        """Replace the contents of a dict so that ``undo`` takes it back."""
        self.rewritten += not self.instances
        self.trail.append((Whole(table), None, dict(table)))
        table.clear()
        table.update(new)

    def rewrite(self, items: list[Value], new: list[Value]) -> None:
        """Replace the contents of a list so that ``undo`` takes it back."""
        self.rewritten += not self.instances
        self.trail.append((items, None, list(items)))
        items[:] = new


def _divided(size: Size) -> bool:
    """Whether a size is what is left of others, as heads are: that is no 1, as groups may be."""
    return isinstance(size, Poly) and all(isinstance(a, Operation) for a in size.atoms)


def _mentions(monomial: tuple[tuple[Atom, int], ...], atom: Atom) -> bool:
    return any(a == atom or _inside(a, atom) for a, _ in monomial)


def _inside(outer: Atom, atom: Atom) -> bool:
    args: tuple[Size, ...] = getattr(outer, "args", ())
    return any(
        isinstance(arg, Poly) and any(a == atom or _inside(a, atom) for a in arg.atoms)
        for arg in args
    )


def _solve_order(atom: Atom) -> int:
    """Which symbol to solve for: free inputs first, arguments last."""
    if isinstance(atom, Symbol):
        return {"opaque": 0, "input": 1, "count": 3, "pieces": 3}.get(atom.kind, 4)
    return 2
