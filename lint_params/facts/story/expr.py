"""What expressions give, in the story of a script, and what happens while they are worked out."""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING, Any

from lint_params.facts.asked import asked_type
from lint_params.facts.story.happenings import Happenings
from lint_params.facts.story.things import MISSING, NOTHING, OTHER, Hold, Thing, Value, union
from lint_params.facts.value.infer import annotated, attribute_of
from lint_params.facts.value.kinds import Kind
from lint_params.trees import last_name

if TYPE_CHECKING:
    from collections.abc import Callable

    from lint_params.facts.file import FileFacts

_WEIGHTS = ("weight", "bias")
_COMPREHENSIONS = {ast.GeneratorExp: "stream", ast.DictComp: "dict"}
_NO_PARTS = ("constant", "stream", "function", "parameter")

_ITERATORS = frozenset(["Generator", "GeneratorType", "Iterator", "Iterable"])
_NO_ITERATORS = frozenset("list tuple dict set str Sequence Sized Collection Tensor Parameter Module ndarray".split())


class Expressions(Happenings):
    """The part of a Story that reads expressions."""

    def value(self, node: ast.expr) -> Value:
        handler = _HANDLERS.get(node.__class__)
        if handler is not None:
            return handler(self, node)
        for child in ast.iter_child_nodes(node):
            if isinstance(child, ast.expr):
                self.value(child)
        return NOTHING

    # -- names and attributes ----------------------------------------------------------
    def _name(self, node: ast.Name) -> Value:
        found = self.s.env.get(node.id)
        if found is not None:
            return found
        for env in self.outer:
            if node.id in env:
                return env[node.id]
        if self.module_env is not None and self.active and node.id in self.module_env:
            return self.module_env[node.id]
        return (self._global(node),)

    def _global(self, node: ast.Name) -> Thing:
        cls = self.facts.class_of(node)
        if cls is not None:
            return Thing("class", Kind("class", node, self.facts, cls=cls))
        if self.facts.qualify(node) is not None:
            return OTHER
        value = self.facts.module_value(node.id)
        if isinstance(value, ast.Constant):
            return Thing("constant", constant=value.value)
        key = (self.facts.path, node.id)
        if key not in self.globals:
            kind = self.facts.kind_of(node)
            self.globals[key] = Thing(_what(kind), kind, name=node.id)
        return self.globals[key]

    def _attribute(self, node: ast.Attribute) -> Value:
        if self.facts.qualify(node) is not None:
            cls = self.facts.class_of(node)
            return (Thing("class", Kind("class", node, self.facts, cls=cls)),) if cls else NOTHING
        value: Value = ()
        owners = self.value(node.value)
        if node.attr in ("shape", "mT", "H"):
            self.operated(owners, node, f".{node.attr}")
        for owner in owners:
            value = union(value, self.attribute(owner, node.attr, node))
        return value or NOTHING

    def attribute(self, owner: Thing, name: str, node: ast.AST) -> Value:
        """``owner.name``: what was stored there, or a part that the story now knows of."""
        stored = self.s.fields.get((owner, name))
        if stored is not None:
            return stored
        if owner is OTHER and name == "param_groups":
            return (Thing("unknown", attr=name),)
        if owner is OTHER or owner.what in ("constant", "stream", "function"):
            return NOTHING
        if owner.what == "parameter" or owner.lazy_of is not None:
            return NOTHING
        if name == "module" and owner.what == "module" and owner.kind.cls is None:
            return (owner,)  # what DataParallel and its like wrap
        return (self.child(owner, name),)

    def child(self, owner: Thing, name: str) -> Thing:
        known = owner.children.get(name)
        if known is None:
            kind = attribute_of(owner.kind, name)
            known = Thing(_what(kind), kind, parent=owner, attr=name)
            if owner.narrowed is not None and owner.parent is not None and name in _WEIGHTS:
                # Some layer of a model, of classes that isinstance named.
                narrowed = owner.narrowed
                if any(part.is_a(narrowed) for part in self.lazy(owner.parent)):
                    known.what, known.lazy_of, known.made = "parameter", owner.parent, owner.made
            owner.children[name] = known
        return known

    def argument(self, facts: FileFacts, arg: ast.arg) -> Thing:
        """An argument of which nothing is known but its annotation."""
        kind = _annotation(facts, arg)
        return Thing(_what(kind), kind, name=arg.arg)

    def _subscript(self, node: ast.Subscript) -> Value:
        owners = self.value(node.value)
        self.value(node.slice)
        self.operated(owners, node, "indexing")
        index: Any = None
        try:
            index = ast.literal_eval(node.slice)
        except (ValueError, TypeError, SyntaxError, MemoryError, RecursionError):
            pass
        value: Value = ()
        for owner in owners:
            if isinstance(node.slice, ast.Slice):
                value = union(value, (self._sliced(owner),))
            elif isinstance(index, int) and owner.what in ("list", "tuple"):
                value = union(value, self.item((owner,), index))
            elif owner.what in ("list", "tuple", "dict", "group"):
                value = union(value, owner.element or _all(owner.items))
            elif owner is not OTHER and owner.what not in _NO_PARTS:
                key = f"[{index!r}]" if index is not None else "[...]"
                if isinstance(index, int) and 0 <= index < len(owner.items):
                    value = union(value, owner.items[index])
                else:
                    value = union(value, self.attribute(owner, key, node))
        return value or NOTHING

    def _sliced(self, owner: Thing) -> Thing:
        if owner.what not in ("list", "tuple"):
            return OTHER
        part = Thing("list", complete=False)
        part.element = owner.element or _all(owner.items)
        return part

    def item(self, value: Value, place: int) -> Value:
        """The part of an unpacked value."""
        found: Value = ()
        for one in value:
            if one.what in ("list", "tuple") and -len(one.items) <= place < len(one.items):
                found = union(found, one.items[place])
            elif one.element:
                found = union(found, one.element)
        return found or NOTHING

    # -- displays ----------------------------------------------------------------------
    def _display(self, node: ast.List | ast.Tuple | ast.Set) -> Value:
        what = "tuple" if isinstance(node, ast.Tuple) else "list"
        made = Thing(what, made=self.moment(node))
        for part in node.elts:
            if isinstance(part, ast.Starred):
                value = self.value(part.value)
                self.consume(value, part.value, "the unpacking *")
                for one in value:
                    made.holds += one.holds
                    made.complete = made.complete and one.complete and one is not OTHER
                    made.element = union(made.element, one.element or _all(one.items))
            else:
                made.items.append(self.value(part))
        if made.holds:
            self.hold(made)
        return (made,)

    def _dict(self, node: ast.Dict) -> Value:
        group = any(isinstance(k, ast.Constant) and k.value == "params" for k in node.keys)
        made = Thing("group" if group else "dict", made=self.moment(node))
        for key, part in zip(node.keys, node.values):
            value = self.value(part)
            wanted = isinstance(key, ast.Constant) and key.value == "params"
            if wanted or not group:
                made.items.append(value)
            if key is not None:
                self.value(key)
        return (made,)

    def _comprehension(self, node: Any) -> Value:
        """Comprehensions and generator expressions; the items are looked at once."""
        kept = self.s.env
        self.s.env = dict(kept)
        made = Thing(_COMPREHENSIONS.get(type(node), "list"), made=self.moment(node))
        around = self.branches
        sources: tuple[Value, ...] = ()
        for place, generator in enumerate(node.generators):
            iterated = self.value(generator.iter)
            if isinstance(node, ast.GeneratorExp) and place == 0:
                sources = (tuple(one for one in iterated if one.what == "stream"),)
            else:
                self.consume(iterated, generator.iter, "the comprehension")
            element = self.element_of(iterated, generator.iter)
            self.store(generator.target, element, generator.iter)
            for test in generator.ifs:
                self.value(test)
                if not self.asks_gradient(test):
                    self.branches = (*self.branches, self.branch(generator, "if"))
                self.narrow(test, True)
        if isinstance(node, ast.DictComp):
            self.value(node.key)
            element = self.value(node.value)
        else:
            element = self.value(node.elt)
        filtered = any(b not in around for b in self.branches)
        made.holds, made.complete = self.held_in(element, filtered)
        if any(self.asks_gradient(test) for one in node.generators for test in one.ifs):
            made.holds = [Hold(held.owner, held.how, True) for held in made.holds]
        made.element, made.sources = _some(element) if filtered else element, sources
        self.branches = around
        self.s.env = dict(kept)
        if made.what != "stream" and made.holds:
            self.hold(made)
        return (made,)

    # -- the rest ----------------------------------------------------------------------
    def _constant(self, node: ast.Constant) -> Value:
        return (Thing("constant", constant=node.value),)

    def _ifexp(self, node: ast.IfExp) -> Value:
        self.value(node.test)
        known = self.truth(node.test)
        if known is not None:
            return self.value(node.body if known else node.orelse)
        around = self.branches
        self.branches = (*around, self.branch(node, "if"))
        one = self.value(node.body)
        self.branches = (*around, self.branch(node, "else"))
        other = self.value(node.orelse)
        self.branches = around
        return union(one, other)

    def _boolop(self, node: ast.BoolOp) -> Value:
        value: Value = ()
        around = self.branches
        for place, part in enumerate(node.values):
            if place:
                self.branches = (*around, self.branch(node, "if"))
            value = union(value, self.value(part))
        self.branches = around
        return value

    def _binop(self, node: ast.BinOp) -> Value:
        left, right = self.value(node.left), self.value(node.right)
        self.operated(left, node, "arithmetic")
        self.operated(right, node, "arithmetic")
        if isinstance(node.op, ast.Add) and any(one.what == "list" for one in left):
            made = Thing("list", made=self.moment(node))
            for one in (*left, *right):
                made.holds += one.holds
                made.items += one.items
                made.element = union(made.element, one.element)
                made.complete = made.complete and one.complete and one.what == "list"
            if made.holds:
                self.hold(made)
            return (made,)
        return NOTHING

    def _compare(self, node: ast.Compare) -> Value:
        identity = all(isinstance(op, (ast.Is, ast.IsNot, ast.In, ast.NotIn)) for op in node.ops)
        for part in (node.left, *node.comparators):
            value = self.value(part)
            if not identity:
                self.operated(value, node, "comparison")
        return NOTHING

    def _named(self, node: ast.NamedExpr) -> Value:
        value = self.value(node.value)
        self.store(node.target, value, node)
        return value

    def _lambda(self, node: ast.Lambda) -> Value:
        return (Thing("function", function=(self.facts, node), env=self.s.env),)

    # -- what a test says ----------------------------------------------------------------
    def truth(self, test: ast.expr) -> bool | None:
        """The outcome of a test that is certain here: constants and ``is None``."""
        if isinstance(test, ast.UnaryOp) and isinstance(test.op, ast.Not):
            inner = self.truth(test.operand)
            return None if inner is None else not inner
        if isinstance(test, ast.Constant):
            return bool(test.value)
        if isinstance(test, ast.Name):
            found = self.s.env.get(test.id)
            if found and len(found) == 1 and found[0].constant is not MISSING:
                return bool(found[0].constant)
            return None
        if isinstance(test, ast.Call):
            return self._is_stream(test)
        if (
            isinstance(test, ast.Compare)
            and len(test.ops) == 1
            and isinstance(test.ops[0], (ast.Is, ast.IsNot))
            and isinstance(test.comparators[0], ast.Constant)
            and test.comparators[0].value is None
            and isinstance(test.left, ast.Name)
        ):
            found = self.s.env.get(test.left.id)
            if not found or len(found) != 1:
                return None
            one = found[0]
            if one.constant is MISSING and not one.fresh and one.what not in ("optimizer", "list"):
                return None
            return (one.constant is None) == isinstance(test.ops[0], ast.Is)
        return None

    def _is_stream(self, test: ast.Call) -> bool | None:
        """``isinstance(params, GeneratorType)``, ``hasattr(params, "__len__")`` of what surely is an iterator."""
        name = test.args[0].id if test.args and isinstance(test.args[0], ast.Name) else ""
        found = self.s.env.get(name)
        if not found or any(one.what != "stream" for one in found):
            return None
        asked = self.facts.qualify(test.func) or ""
        if asked == "inspect.isgenerator":
            return True
        if asked == "builtins.hasattr" and len(test.args) == 2 and isinstance(test.args[1], ast.Constant):
            return test.args[1].value in ("__iter__", "__next__")
        types = asked_type(test)[1] if asked == "builtins.isinstance" else []
        words = {last_name(one) for one in types}
        if words & _ITERATORS:
            return True
        return False if words and words <= _NO_ITERATORS else None

    def doubt(self, test: ast.expr) -> None:
        """``if is_generator(params): params = list(params)``: what an unknown question finds an
        iterator to be decides what it is from there on."""
        call = test.operand if isinstance(test, ast.UnaryOp) else test
        if isinstance(call, ast.Call) and self.facts.qualify(call.func) not in ("builtins.isinstance", "builtins.any"):
            for arg in call.args:
                name = arg.id if isinstance(arg, ast.Name) else ""
                if any(one.what == "stream" for one in self.s.env.get(name, ())):
                    self.s.env[name] = NOTHING

    def asks_gradient(self, test: ast.expr) -> bool:
        """``p.requires_grad``: what it leaves out is not trained anyway."""
        return isinstance(test, ast.Attribute) and test.attr == "requires_grad"

    def _asked_layers(self, test: ast.expr) -> list[str]:
        exactly = "=" if isinstance(test, ast.Compare) else ""
        return [exactly + (self.facts.qualify(one) or "").rpartition(".")[2] for one in asked_type(test)[1]]

    def narrow(self, test: ast.expr, held: bool, alone: bool = True) -> None:
        """``isinstance(m, nn.Linear)``, ``type(m) == nn.Linear`` in the arm where it holds (``alone``: nothing else
        decides whether that arm is taken)."""
        if isinstance(test, ast.BoolOp) and isinstance(test.op, ast.And) and held:
            for value in test.values:
                self.narrow(value, held, alone=False)
        name = asked_type(test)[0] if held else None
        if name is None or "." in name:
            return
        tests = test.values if isinstance(test, ast.BoolOp) else [test]
        layers = frozenset(layer for part in tests for layer in self._asked_layers(part))
        narrowed: Value = ()
        for known in self.s.env.get(name, ()):
            if known.what == "module" and known.parent is not None and known.attr == "*":
                made = self.moment(test) if alone else known.made
                part = Thing("module", known.kind, made, known.parent, "*")
                part.narrowed = layers
                narrowed = (*narrowed, part)
            else:
                narrowed = (*narrowed, known)
        if narrowed:
            self.s.env[name] = narrowed


def _all(items: list[Value]) -> Value:
    value: Value = ()
    for item in items:
        value = union(value, item)
    return value


def _some(element: Value) -> Value:
    """Of all parameters those that a test has let through: nobody knows whether a lazy one is among them."""
    found: Value = ()
    for one in element:
        if one.lazy_of is not None:
            one = Thing(one.what, one.kind, one.made, one.parent, one.attr)
        elif one.what == "tuple":
            one = Thing("tuple", one.kind, one.made, items=[_some(part) for part in one.items])
        found = (*found, one)
    return found


def _what(kind: Kind) -> str:
    if kind.what in ("module", "parameter", "optimizer", "class"):
        return kind.what
    return "unknown"


def _annotation(facts: FileFacts, arg: ast.arg) -> Kind:
    return annotated(facts, arg.annotation) if arg.annotation is not None else Kind()


_HANDLERS: dict[type, Callable[[Any, Any], Value]] = {
    ast.Name: Expressions._name,
    ast.Attribute: Expressions._attribute,
    ast.Subscript: Expressions._subscript,
    ast.List: Expressions._display,
    ast.Tuple: Expressions._display,
    ast.Set: Expressions._display,
    ast.Dict: Expressions._dict,
    ast.ListComp: Expressions._comprehension,
    ast.SetComp: Expressions._comprehension,
    ast.GeneratorExp: Expressions._comprehension,
    ast.DictComp: Expressions._comprehension,
    ast.Constant: Expressions._constant,
    ast.IfExp: Expressions._ifexp,
    ast.BoolOp: Expressions._boolop,
    ast.BinOp: Expressions._binop,
    ast.Compare: Expressions._compare,
    ast.NamedExpr: Expressions._named,
    ast.Lambda: Expressions._lambda,
    ast.Call: lambda story, node: story.call(node),
}
