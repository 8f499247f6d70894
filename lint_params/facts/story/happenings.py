"""What happens to things in a story: streams are used up, optimizers get out of date."""

from __future__ import annotations

import ast

from lint_params.facts.held.owners import kind_owns
from lint_params.facts.story.base import Spent, Stale
from lint_params.facts.story.groups import overlap
from lint_params.facts.story.lazy import LazyHappenings
from lint_params.facts.story.moments import conditional_since, possible
from lint_params.facts.story.things import (
    MISSING,
    NOTHING,
    OTHER,
    Change,
    Hold,
    Thing,
    Use,
    Value,
    union,
)

#: Attributes whose assignment changes no registration.
_PLAIN = ("data", "grad", "training", "requires_grad", "lr", "param_groups")
#: Names of modules that are kept out of an optimizer on purpose.
_APART = ("target", "teacher", "ema", "momentum", "frozen", "reference", "ref_", "old", "shadow")


class Happenings(LazyHappenings):
    """Streams and holders."""

    # -- streams ---------------------------------------------------------------------------
    def element_of(self, value: Value, node: ast.AST) -> Value:
        """What a loop over it gives."""
        return self.parts_of(tuple(one for one in value if one.what != "dict"), node)  # its keys

    def parts_of(self, value: Value, node: ast.AST) -> Value:
        """What it consists of: of a dict the values."""
        found: Value = ()
        for one in value:
            if one.element:
                found = union(found, one.element)
            elif one.items:
                for item in one.items:
                    found = union(found, item)
            elif one.what == "module":
                found = union(found, (self.anything_in(one, "module"),))
            elif one.attr == "param_groups":
                found = union(found, (self.child(one, "[...]"),))
        return found or NOTHING

    def anything_in(self, owner: Thing, what: str) -> Thing:
        """Some parameter or submodule of a module."""
        from lint_params.facts.value.kinds import Kind

        made = Thing(what, Kind(what, annotated=True), parent=owner, attr="*")
        if what == "parameter":
            made.lazy_of = owner
        return made

    def consume(
        self, value: Value, node: ast.AST, by: str, whole: bool = True, choice: bool = False
    ) -> None:
        """All (or, not ``whole``, some) items are taken from the streams in ``value``
        (``choice``: they came with one of several values that a name can hold)."""
        when = self.moment(node)
        choice = choice or len(value) > 1
        for one in value:
            if one.what == "group":
                for item in one.items:
                    self.consume(item, node, by, whole, choice)
                # An optimizer puts a list in the generator's place, in the very dict.
                one.items = [tuple(part.listed() for part in item) for item in one.items]
            elif one.what == "stream":
                self._spend(one, Use(when, by, whole), choice)

    def _spend(self, stream: Thing, use: Use, choice: bool, told: bool = False) -> None:
        before = self.s.spent.get(stream, ())
        made = stream.made
        for first in before:
            if told or not first.whole or made is None:
                continue
            if choice and first.when is use.when:
                continue  # of the streams that a name can hold, one is used
            if choice and any(conditional_since(w, made) for w in (first.when, use.when)):
                continue  # what decided about the name may decide about the use
            if possible(made, first.when, use.when):
                self.spent.append(Spent(stream, first, use))
                told = True
                break
        self.s.spent[stream] = (*before, use) if len(before) < 8 else before
        for source, among in [(one, either) for either in stream.sources for one in either]:
            self._spend(source, use, choice or len(among) > 1, told)

    # -- holders ---------------------------------------------------------------------------
    def hold(self, holder: Thing) -> None:
        """From now on, what is put into its modules is missing in it."""
        self.s.holders = union(self.s.holders, (holder,))

    def held_in(self, element: Value, filtered: bool) -> tuple[list[Hold], bool]:
        """What a list of such elements holds (an element of a loop over parameters: all)."""
        holds: list[Hold] = []
        complete = True
        for one in element:
            parts = _all(one.items) if one.what in ("tuple", "group") else (one,)
            for part in parts:
                if part.what == "parameter" and part.attr == "*" and part.parent is not None:
                    how = "part" if filtered else "all"
                    holds.append(Hold(part.parent, how))
                elif part.what == "parameter":
                    holds.append(Hold(part, "one"))
                elif part.what in ("stream", "list"):
                    holds += part.holds
                elif part.what not in ("constant",) and part is not OTHER:
                    complete = False
        return holds, complete and bool(holds)

    def covers(self, holder: Thing, into: Thing, attr: str) -> bool:
        """Whether the holder has what stands (or stood) at ``into.attr``."""
        anywhere = attr == "[...]"  # under a key that is not known nothing has to stand there
        old = None if anywhere else into.children.get(attr)
        stored = () if anywhere else self.s.fields.get((into, attr), ())
        parts: dict[Thing, int] = {}
        for held in holder.holds:
            owner = held.owner
            if held.how == "part":
                parts[owner] = parts.get(owner, 0) + 1
                if parts[owner] < 2:
                    continue  # split over two groups it is whole again
            if held.how == "one":
                if owner is old or any(owner is one for one in stored):
                    return True
                continue
            if into.lies_in(owner):
                return True
            if old is not None and old.lies_in(owner) and old is owner:
                return True
            if any(one is owner for one in stored):
                return True
        return False

    def holds_thing(self, holder: Thing, thing: Thing) -> bool:
        return any(
            thing.lies_in(held.owner) or held.owner is thing or held.owner.lies_in(thing)
            for held in holder.holds
        )

    def trainable(self, new: Thing, holder: Thing) -> bool:
        """Whether it surely brings parameters that the holder does not have."""
        if new is OTHER or new.frozen:
            return False
        if new.items:
            return any(self.trainable(part, holder) for value in new.items for part in value)
        if self.holds_thing(holder, new):
            return False
        if new.what == "parameter":
            return new.fresh
        if new.copied is not None and self.holds_thing(holder, new.copied):
            return True
        if new.what != "module":
            return False
        return new.fresh and kind_owns(new.kind, 0) is True

    def put(self, into: Thing, attr: str, value: Value, node: ast.AST) -> None:
        """Something is stored at ``into.attr``: who holds ``into`` lacks it from now on."""
        added = (into, attr) not in self.s.fields and attr not in into.children
        apart = any(word in attr.lower() for word in _APART)
        if apart and (added or any(one is not OTHER and one.copied is not None for one in value)):
            return
        for holder in self.s.holders:
            if not self.covers(holder, into, attr):
                continue
            for new in value:
                if self.trainable(new, holder):
                    self._outdate(holder, Change(self.moment(node), into, attr, new))

    def _outdate(self, holder: Thing, change: Change) -> None:
        known = self.s.stale.get(holder, ())
        for other in known:
            same = other.into is change.into or other.into is change.new
            if same and other.when.node is change.when.node:
                return
        if len(known) < 8:
            self.s.stale[holder] = (*known, change)

    def rebound(self, name: str, old: Value, value: Value, node: ast.AST) -> None:
        """``model = Other()``: the optimizer holds the parameters of the old one."""
        if not old or len(value) != 1 or isinstance(node, (ast.For, ast.AsyncFor)):
            return
        new = value[0]
        for holder in self.s.holders:
            if holder.what != "optimizer" or new in old:
                continue
            held = [hold for hold in holder.holds if hold.how == "all" and hold.owner in old]
            if any(held[0].owner in known for other, known in self.s.env.items() if held and other != name):
                continue  # the old one has another name, by which it is trained: `_ = model.train()`
            if held and self.trainable(new, holder):
                change = Change(self.moment(node), held[0].owner, name, new, rebound=True)
                self._outdate(holder, change)

    def set_attribute(self, owner: Thing, attr: str, value: Value, node: ast.AST) -> None:
        if attr == "param_groups":
            self.mend(owner)
        if owner is OTHER or owner.what in ("constant", "stream", "function"):
            return
        if attr == "requires_grad":
            if not any(one.constant is True for one in value):
                self.freeze(owner, node, surely=all(one.constant is False for one in value))
            elif len(value) == 1:
                self.unfreeze(owner, node)
            return
        if attr in _PLAIN or self.regrouped(owner, attr):
            return
        if any(one.parent is owner and one.attr == attr for one in value):
            self._restore(owner, attr)
        else:
            self.put(owner, attr, value, node)
        if owner.what == "module" and not any(self.lazy(one) for one in value):
            self.not_lazy(owner)
        self.s.fields[(owner, attr)] = value
        for one in value:
            if one is OTHER or one.constant is not MISSING:
                continue
            if one.parent is None and not one.name:
                one.parent, one.attr = owner, attr
            elif not any(known is owner for known in one.inside):
                one.inside.append(owner)

    def _restore(self, owner: Thing, attr: str) -> None:
        """``model.fc = old``: what stood there when the optimizer was built stands there again."""
        for changes in self.s.stale.values():
            for change in changes:
                if change.into is owner and change.attr == attr:
                    change.healed = True

    def freeze(self, thing: Thing, node: ast.AST, surely: bool = True) -> None:
        whole = self._whole(thing, node)
        thing.frozen = True
        if thing.attr == "*" and thing.parent is not None:
            thing.parent.frozen = True
        for value in thing.items:
            for part in value:
                part.frozen = True
        if surely and whole is not None:
            self.s.frozen |= {whole}

    def unfreeze(self, thing: Thing, node: ast.AST) -> None:
        """``requires_grad`` is turned on: optimizers that left it out lack it from now on."""
        whole = self._whole(thing, node)
        if whole is None:
            return
        self.s.frozen -= {one for one in self.s.frozen if one.lies_in(whole) or whole.lies_in(one)}
        for holder in self.s.holders:
            if any(whole.lies_in(one) or one.lies_in(whole) for one in holder.left_out):
                change = Change(self.moment(node), whole, "", whole, unfrozen=True)
                self._outdate(holder, change)

    def _whole(self, thing: Thing, node: ast.AST) -> Thing | None:
        """The module all of whose parameters a loop variable runs over, or the thing itself."""
        if thing.attr != "*":
            return thing
        if thing.made is None or conditional_since(self.moment(node), thing.made):
            return None
        return thing.parent

    def grow(self, value: Value, added: Value, node: ast.AST, extend: bool = False) -> None:
        """Items are added to lists (``append``; ``extend`` adds the items of ``added``)."""
        around = self.moment(node)
        for one in value:
            if one.what not in ("list", "dict", "tuple"):
                continue
            if extend:
                for other in added:
                    one.holds += other.holds
                    one.complete = one.complete and other.complete
                    one.element = union(one.element, other.element or _all(other.items))
                    one.items = []
            else:
                for item in added:
                    start = item.parent.made if item.parent is not None else None
                    begun = item.made if item.made is not None else start
                    filtered = begun is None or conditional_since(around, begun)
                    holds, complete = self.held_in((item,), filtered)
                    one.holds += holds
                    one.complete = one.complete and complete
                one.element = union(one.element or _all(one.items), added)
                one.items = []
            if one.holds:
                self.hold(one)

    # -- optimizers ------------------------------------------------------------------------
    def build(self, node: ast.Call, name: str, given: Value) -> Thing:
        """An optimizer is made of ``given``."""
        from lint_params.facts.value.kinds import Kind

        kind = Kind("optimizer", node, self.facts, torch=name)
        made = Thing("optimizer", kind, self.moment(node), fresh=True)
        inherited: tuple[Change, ...] = ()
        for one in given:
            inherited = union(inherited, self._take(made, one))
        if not made.holds:
            made.complete = False
        made.left_out = tuple(
            one
            for one in self.s.frozen
            if any(held.trained and one.lies_in(held.owner) for held in made.holds)
        )
        for changes in self.s.stale.values():
            for change in changes:
                if change in inherited:
                    continue
                if self.covers(made, change.into, change.attr) or self.holds_thing(made, change.new):
                    change.healed = True
        if inherited:
            self.s.stale[made] = inherited
        twice = overlap(self.s, self.moment(node), node, given) if name.startswith("torch.") else None
        self.overlaps += [twice] if twice is not None else []
        self.hold(made)
        return made

    def _take(self, made: Thing, given: Thing) -> tuple[Change, ...]:
        inherited = self.s.stale.get(given, ()) if given.what == "list" else ()
        if given.what in ("stream", "list", "tuple", "group", "dict"):
            made.holds += given.holds
            made.complete = made.complete and given.complete
            for value in [*given.items, given.element]:
                for item in value:
                    if item.what in ("stream", "list", "group", "tuple"):
                        inherited = union(inherited, self._take(made, item))
                    elif item.what == "parameter" and item.attr != "*":
                        made.holds.append(Hold(item, "one"))
                    elif item.what == "unknown":
                        made.complete = False
        else:
            made.complete = False
        return inherited

    def add_group(self, optimizers: Value, group: Value) -> None:
        """What an optimizer is given before the model is must not be missed in it afterwards."""
        for one in optimizers:
            for part in group if one.what == "optimizer" else ():
                self._take(one, part)

    def heal(self, optimizer: Thing | None = None) -> None:
        """Groups were added to an optimizer (None: to any): it may hold everything now."""
        for holder, changes in self.s.stale.items():
            if optimizer is None or holder is optimizer:
                for change in changes:
                    change.healed = True

    def regrouped(self, part: Thing, *key: str) -> bool:
        """Whether something of ``optimizer.param_groups`` is changed at that key (none: as a whole). Where
        it may be the Parameters of a group (``group["params"][0] = new``), the code that runs takes care
        itself of what its optimizer holds."""
        found = part.keys_in_groups()
        if found is None:
            return False
        groups, path = found[0], [*found[1], *key]
        if len(path) < 2 or path[1] in ("['params']", "[...]"):
            self.mend(groups.parent or OTHER)
        return True

    def mend(self, optimizer: Thing) -> None:
        """The optimizer's groups are changed by hand; where it is not known which one's, then any's."""
        for one in (optimizer,) if optimizer.what == "optimizer" else self.s.holders:
            one.mended = True

    def use(self, optimizer: Thing, node: ast.AST, ended: bool = False) -> None:
        """The optimizer is expected to train its model (``ended``: some time after a method ran)."""
        made = optimizer.made
        if optimizer.what != "optimizer" or made is None:
            return
        when = self.moment(node)
        for change in self.s.stale.get(optimizer, ()):
            if change.rebound and change.new not in self.s.called:
                continue
            if ended and change.new.copied is not None and self.holds_thing(optimizer, change.new.copied):
                continue  # the best of a training that is over
            if possible(made, change.when, when):
                self.stale.append(Stale(optimizer, change, when))


def _all(items: list[Value]) -> Value:
    value: Value = ()
    for item in items:
        value = union(value, item)
    return value
