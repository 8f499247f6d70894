"""The stories of a file: its own code, each function, each class from its constructor on."""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING

from lint_params.facts.story.base import Early, Spent, Stale
from lint_params.facts.story.copies import Copies, Paired
from lint_params.facts.story.follow import GaveUp, Story
from lint_params.facts.story.groups import Overlap
from lint_params.facts.story.things import State, Thing, Value
from lint_params.facts.value.kinds import Kind

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from lint_params.facts.classes import ClassFacts
    from lint_params.facts.file import FileFacts
    from lint_params.facts.scope import Scope

#: A file without any of these has no story worth telling.
WORDS = ("optim", "parameters()", "Lazy", "Uninitialized", "Adam", "SGD")
#: Methods that nobody calls only once.
_AGAIN = frozenset("forward __call__ step update training_step train_step soft_update update_target".split())
#: What Lightning calls before training starts, in this order.
_BEFORE = ("prepare_data", "setup", "configure_model", "configure_optimizers")


class Stories:
    """All that the stories of a file found, each thing once."""

    def __init__(self, facts: FileFacts) -> None:
        self.facts = facts
        self.spent: list[Spent] = []
        self.stale: list[Stale] = []
        self.early: list[Early] = []
        self.paired: list[Paired] = []
        self.overlaps: list[Overlap] = []
        if facts.text and not any(word in facts.text for word in WORDS):
            return
        self._module()
        for scope in facts.scopes:
            if scope.is_function and scope.owner is None and scope.parent is facts.index.module:
                self._function(scope)
        for cls in facts.classes:
            self._class(cls)

    def subject(self, node: ast.AST) -> str:
        """What is run to see what happens at a node: its class, its function, "" the file."""
        scope = self.facts.scope_of(node)
        while scope.parent is not None and scope.parent.parent is not None:
            if scope.is_class:
                break
            scope = scope.parent
        return scope.qualname

    def _module(self) -> None:
        story = Story(self.facts)
        story.module_env = story.s.env
        self._tell(story, lambda: story.block(self.facts.tree.body))

    def _function(self, scope: Scope) -> None:
        story = Story(self.facts)
        self._tell(story, lambda: self._run(story, scope, {}))

    def _run(self, story: Story, scope: Scope, known: dict[str, Value]) -> Value:
        node = scope.node
        assert isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef))
        env = story.bind_arguments(self.facts, node, [], dict(known))
        for arg, default in _defaults(node):
            # An entry may be called with anything, not only with its defaults.
            if arg.arg not in known and default is not None:
                env[arg.arg] = (story.argument(self.facts, arg),)
        story.active.clear()
        returned = story.enter(self.facts, scope, env, None)
        for one in _optimizers(returned):
            story.use(one, node)
        return returned

    def _class(self, cls: ClassFacts) -> None:
        """The constructor, then every other method from where the constructor ended."""
        init = cls.method("__init__")
        if init is None or init[0].facts is not self.facts:
            return
        what = "module" if cls.is_module else "object"
        lightning = any("lightning" in base.lower() for base in cls.outside_bases)
        story = Story(self.facts)
        me = Thing(what, Kind(what, cls=cls), name="self", fresh=True)
        ended: list[State] = []

        def begin() -> None:
            scope = init[1]
            name = scope.self_name
            me.made = story.moment(scope.node)
            if name is None:
                return
            self._run(story, scope, {name: (me,)})
            for before in _BEFORE if lightning else ():
                found = cls.methods.get(before)
                if found is not None and found.self_name is not None:
                    returned = self._run(story, found, {found.self_name: (me,)})
                    # Lightning keeps what configure_optimizers returns, and steps it.
                    story.s.fields[(me, f"{before}()")] = tuple(_optimizers(returned))
            ended.append(story.s)
            self._kept(story, me, scope.node)

        self._tell(story, begin)
        if not ended:
            return
        first = cls.reached_from("__init__", *_BEFORE) if lightning else cls.reached_from_init
        rebuilds = not lightning and self._rebuilds()
        for name, scope in cls.methods.items():
            # What the constructor itself runs has been told.
            if name not in first and name != "__init__" and scope.self_name is not None:
                whenever = not lightning and self._may_come_first(cls, name)
                self._later(scope, me, ended[0], rebuilds or whenever, story.copies)

    def _may_come_first(self, cls: ClassFacts, name: str) -> bool:
        """Whether the constructor of a base that nobody here can read may call the method, as
        nobody else does."""
        return not cls.bases_complete and not any(
            node.attr == name for node in self.facts.nodes(ast.Attribute)
        )

    def _rebuilds(self) -> bool:
        """Whether code beyond the constructors stores an optimizer in an attribute: it may
        bring an object up to date after a method has run."""
        return any(
            "." in one.name and one.scope.name != "__init__" for one in self.facts.optimizers
        )

    def _later(self, scope: Scope, me: Thing, state: State, rebuilds: bool, began: Copies) -> None:
        """A method, some time after the constructor ended in ``state``."""
        story = Story(self.facts)
        story.copies.follow(began)
        story.s = state.copy()
        story.s.ran |= {me}

        def run() -> None:
            self._run(story, scope, {scope.self_name or "": (me,)})
            self._kept(story, me, scope.node, ended=True)
            if scope.name in _AGAIN:
                self._used_up(story, me, state)

        self._tell(story, run, stale=not rebuilds)

    def _used_up(self, story: Story, me: Thing, began: State) -> None:
        """Streams of the constructor that a method, called again and again, takes to the end."""
        for (owner, attr), value in began.fields.items():
            if owner is not me or len(value) != 1 or value[0].what != "stream" or value[0] in began.spent:
                continue
            stream = value[0]
            uses = [use for use in story.s.spent.get(stream, ()) if use.whole and not use.when.branches]
            if uses and story.s.fields.get((me, attr)) == value:
                story.spent.append(Spent(stream, uses[0], uses[0]))

    def _kept(self, story: Story, me: Thing, node: ast.AST, ended: bool = False) -> None:
        """Optimizers in attributes are there to be used."""
        for (owner, _), value in list(story.s.fields.items()):
            if owner is me:
                for one in value:
                    story.use(one, node, ended)

    def _tell(self, story: Story, run: Callable[[], object], stale: bool = True) -> None:
        try:
            run()
        except (GaveUp, RecursionError):
            return
        self.spent += story.spent
        self.stale += story.stale if stale else []
        self.early += story.early
        self.paired += story.copies.found
        self.overlaps += story.overlaps


def _optimizers(value: Value, depth: int = 0) -> Iterator[Thing]:
    """Optimizers, also in the tuple, list or dict that a function returns."""
    for one in value:
        if one.what == "optimizer":
            yield one
        elif depth < 3:
            for item in one.items:
                yield from _optimizers(item, depth + 1)


def _defaults(
    node: ast.FunctionDef | ast.AsyncFunctionDef,
) -> list[tuple[ast.arg, ast.expr | None]]:
    args = node.args
    plain = [*args.posonlyargs, *args.args]
    none: list[ast.expr | None] = [None] * (len(plain) - len(args.defaults))
    return [*zip(plain, [*none, *args.defaults]), *zip(args.kwonlyargs, args.kw_defaults)]
