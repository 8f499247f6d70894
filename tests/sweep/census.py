"""The layer calls of one library, each with the best that a run says of it."""

from __future__ import annotations

import ast
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from watching import ORDER, LayerCall, Watching, watched

from lint_params.project import Project, SourceFile
from lint_params.shape.check import Verdict
from lint_params.shape.evaluate.classes import mro
from lint_params.shape.ops import layer_spec
from lint_params.shape.runs.one_class import Checked
from lint_params.shape.value import ClassRef, Instance

Place = tuple[str, int, int]
#: By the place of the call: the worst of each run that came to it, with the reason.
Verdicts = dict[Place, list[tuple[Verdict, str, str]]]


@dataclass(frozen=True)
class Answer:
    place: str
    kind: Verdict
    why: str = ""
    how: str = ""


#: Why nothing is known of a layer whose class is no Module.
NOT_RUN = "never built: its class was not run"


@dataclass
class Site:
    """A layer that a class builds."""

    cls: ast.ClassDef
    attribute: str
    why: str = NOT_RUN
    own: Verdicts = field(default_factory=lambda: defaultdict(list))
    inherited: Verdicts = field(default_factory=lambda: defaultdict(list))
    nodes: set[ast.AST | None] = field(default_factory=set)  # the call that builds it


class Library:
    """Read file by file; ``answers`` once all are read."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.project = Project()
        self.sites: dict[Place, Site] = {}
        self.callees: dict[Place, tuple[ast.AST, str]] = {}
        self.calls: dict[ast.AST, tuple[Place, ast.ClassDef, str]] = {}
        #: By the call that builds a layer: what the runs say in which others use its class.
        self.used: dict[ast.AST, Verdicts] = defaultdict(lambda: defaultdict(list))
        self.known: set[ast.AST] = set()
        self.asides: dict[ast.ClassDef, set[ast.AST]] = {}
        self.late: list[str] = []

    def read(self, path: Path) -> None:
        file = self.project.load(path)
        if file is None:
            return
        for node in ast.walk(file.tree):
            if isinstance(node, ast.ClassDef):
                self._declared(file, node)
        for run, it in watched(file, self.project):
            if isinstance(run.root, ast.ClassDef):
                self._take(file, run, it, run.root)
            self._use(it)

    def _declared(self, file: SourceFile, cls: ast.ClassDef) -> None:
        """Layers that the text of a class builds by name."""
        for attribute, call in _calls(cls):
            self.calls[call] = _place(file.path, call), cls, attribute
            name = file.names.qualify(call.func)
            spec = layer_spec(name) if name else None
            if spec is not None and spec.params is not None:
                site = self.sites.setdefault(_place(file.path, call), Site(cls, attribute))
                site.nodes.add(call)

    def _use(self, it: Watching) -> None:
        """Layer by layer, the worst that one run says of it, whoever builds it there."""
        worst: dict[tuple[ast.AST, Place], LayerCall] = {}
        for call in it.calls_seen:
            if call.layer.node is not None:
                key = call.layer.node, _place("", call.node)
                old = worst.get(key)
                if old is None or ORDER.index(call.verdict) > ORDER.index(old.verdict):
                    worst[key] = call
        for (built, at), call in worst.items():
            self.used[built][at].append((call.verdict, call.reason, USED))
        self.known |= it.known

    def _take(self, file: SourceFile, run: Checked, it: Watching, root: ast.ClassDef) -> None:
        inside = {id(node): attribute for attribute, node in _calls(root)}
        line = mro(it, run.instance.cls) if isinstance(run.instance, Instance) else []
        family = {id(n) for b in line if isinstance(b, ClassRef) for _, n in _calls(b.node)}
        worst: dict[tuple[Place, Place, bool], LayerCall] = {}
        for call in it.calls_seen:
            built = call.layer.node
            if built is None or id(built) not in (inside if id(built) in inside else family):
                continue
            path = call.layer.origin.path if call.layer.origin is not None else file.path
            own = id(built) in inside
            if run.how == "open" and call.reason == "arguments do not fit":
                continue  # a layer of one flag in the branch of another: Python would refuse it
            key = _place(file.path if own else path, built), _place("", call.node), own
            if own:
                self.sites.setdefault(key[0], Site(root, inside[id(built)]))
            old = worst.get(key)
            if old is None or ORDER.index(call.verdict) > ORDER.index(old.verdict):
                worst[key] = call
        for (where, at, own), call in worst.items():
            site = self.sites.get(where)
            if site is not None:
                site.nodes.add(call.layer.node)
                verdicts = site.own if own else site.inherited
                verdicts[at].append((call.verdict, call.reason, run.how))
        self._unreached(file, run, it, root)

    def _unreached(self, file: SourceFile, run: Checked, it: Watching, root: ast.ClassDef) -> None:
        """Why layers of the class were not called, and callees that may be layers."""
        made = {id(m.node) for m in it.made}
        blocked = {
            ast.unparse(node.func): why
            for node, why in it.unknown.items()
            if isinstance(node, ast.Call)
        }
        for attribute, call in _calls(root):
            site = self.sites.get(_place(file.path, call))
            if site is None or site.own or site.why.startswith(("built", "never called: callee")):
                continue
            if run.exhausted:
                site.why = "budget"
            elif not run.outputs:
                site.why = "never called: the class has no forward"
            else:
                of = [w for text, w in blocked.items() if attribute and f".{attribute}" in f".{text}."]
                if of:
                    site.why = f"never called: callee is unknown ({of[0]})"
                elif id(call) in made:
                    site.why = "built, never called"
                elif call in self._aside(it, run, root):
                    site.why = ASIDE
                else:
                    site.why = "never built: another way is taken"
        assigned = {a for a, _ in _calls(root) if a}
        for node, why in it.unknown.items() if run.how == "sizes" else ():
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
                owner = node.func.value
                own = isinstance(owner, ast.Name) and owner.id == "self"
                if own and node.func.attr in assigned and not _foreign(why):
                    self.callees[_place(file.path, node)] = node, why

    def _aside(self, it: Watching, run: Checked, root: ast.ClassDef) -> set[ast.AST]:
        """The calls in methods of a class that neither its constructor nor its forward leads to."""
        if root not in self.asides:
            line = mro(it, run.instance.cls) if isinstance(run.instance, Instance) else []
            family = [b.node for b in line if isinstance(b, ClassRef)] or [root]
            methods = [m for c in family for m in c.body if isinstance(m, (ast.FunctionDef, ast.AsyncFunctionDef))]
            reached, grown = {"__init__", "forward", "__call__", "__new__"}, True
            while grown:
                before = len(reached)
                for method in methods:
                    if method.name in reached or id(method) in it.entered:
                        reached.add(method.name)
                        reached |= {n.attr for n in ast.walk(method) if isinstance(n, ast.Attribute)}
                grown = len(reached) > before
            own = [m for m in methods if m in root.body and m.name not in reached]
            self.asides[root] = {n for m in own for n in ast.walk(m)}
        return self.asides[root]

    def answers(self) -> list[Answer]:
        return sorted(self._answers(), key=lambda a: a.place)

    def _answers(self) -> Iterator[Answer]:
        for built in self.used:  # layers of a class that is chosen by whoever uses this one
            if built in self.calls:
                place, cls, attribute = self.calls[built]
                self.sites.setdefault(place, Site(cls, attribute)).nodes.add(built)
        for place, site in self.sites.items():
            text = f"{self._shown(place)} {site.cls.name}.{site.attribute}"
            verdicts = site.own or site.inherited
            used: Verdicts = defaultdict(list)
            for node in site.nodes:
                for at, runs in self.used.get(node, {}).items() if node is not None else ():
                    used[at] += runs
            if not verdicts and not used:
                mixin = site.why == NOT_RUN and _is_mixin(site.cls)
                yield Answer(text, Verdict.UNKNOWN, ASIDE if mixin else site.why)
            for at in verdicts or used:
                kind, why, how = _best(verdicts[at]) if at in verdicts else (Verdict.UNKNOWN, "", "")
                if kind is Verdict.UNKNOWN and at in used:
                    other = _best(used[at])
                    kind, why, how = other if other[0] is not Verdict.UNKNOWN or not why else (kind, why, how)
                yield Answer(f"{text} called at {at[1]}", kind, why, how)
        for place, (node, why) in self.callees.items():
            if node not in self.known:
                yield Answer(f"{self._shown(place)}", Verdict.UNKNOWN, f"callee is unknown: {why}")

    def _shown(self, place: Place) -> str:
        path = Path(place[0])
        name = path.relative_to(self.folder) if path.is_relative_to(self.folder) else path
        return f"{name.as_posix()}:{place[1]}"


#: Why a layer is no part of a model as it is built: its class changes itself when it is told to.
ASIDE = "built only by a method that neither the constructor nor forward leads to"
#: How a verdict was come to: in the run of another class or of a function.
USED = "used"
SUPPOSED = "supposed"


def _is_mixin(cls: ast.ClassDef) -> bool:
    """Whether a class has nothing but methods that its heirs may be told to run."""
    return not {"__init__", "forward", "__call__", "__new__"} & {getattr(one, "name", "") for one in cls.body}


def _best(runs: list[tuple[Verdict, str, str]]) -> tuple[Verdict, str, str]:
    """What is chosen otherwise than the defaults only counts where these leave a call open."""
    plain = [r for r in runs if r[2] != SUPPOSED]
    best = _of(plain) if plain else _of(runs)
    return best if best[0] is not Verdict.UNKNOWN else _of([best, *runs])


def _of(runs: list[tuple[Verdict, str, str]]) -> tuple[Verdict, str, str]:
    refuted = [r for r in runs if r[0] is Verdict.REFUTED]
    return min(refuted or runs, key=lambda r: ORDER.index(r[0]))


def _foreign(why: str) -> bool:
    """Whether a callee is an argument itself, or comes from a function of another library than
    torch: no layer of ours."""
    if why == "an argument of unknown type":
        return True
    name = why.removeprefix("unknown function ")
    return name != why and not name.startswith("torch.nn.")


def _place(path: str, node: ast.AST) -> Place:
    return path, getattr(node, "lineno", 0), getattr(node, "col_offset", 0)


def _calls(cls: ast.ClassDef) -> list[tuple[str, ast.Call]]:
    """The calls in the text of a class, each with the attribute of ``self`` that it is part of."""
    found: list[tuple[str, ast.Call]] = []
    for statement in ast.walk(cls):
        if not isinstance(statement, (ast.Assign, ast.AnnAssign, ast.AugAssign, ast.Expr, ast.Return)):
            continue
        targets = statement.targets if isinstance(statement, ast.Assign) else [getattr(statement, "target", None)]
        names = [
            t.attr
            for t in targets
            if isinstance(t, ast.Attribute) and isinstance(t.value, ast.Name) and t.value.id == "self"
        ]
        for node in ast.walk(statement):
            if isinstance(node, ast.Call):
                found.append((names[0] if names else "", node))
    return found
