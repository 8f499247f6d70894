"""A class in its source, and changes to it that know which lines they touched."""

from __future__ import annotations

import ast
import bisect
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import cached_property

Method = ast.FunctionDef | ast.AsyncFunctionDef
Edit = tuple[int, int, str]


@dataclass(frozen=True)
class Mutant:
    """A source with one mistake in it.

    ``lines`` are those that were changed, ``related`` those that define or use what was changed.
    ``effects`` are the silent effects (see observe.py) that show the mistake if nothing raises.
    ``script`` names a function of the source that trains, if the mistake lies there.
    """

    mistake: str
    kind: str
    text: str
    lines: tuple[int, ...]
    related: tuple[int, ...]
    effects: tuple[str, ...]
    literal: bool = False
    script: str = ""


@dataclass(frozen=True)
class Change:
    """What an operator proposes: edits, and the nodes that a reader would point at as well."""

    edits: tuple[Edit, ...]
    attribute: str = ""
    nodes: tuple[ast.AST, ...] = ()
    literal: bool = False
    script: str = ""


@dataclass(frozen=True)
class Operator:
    """One kind of mistake."""

    mistake: str
    kind: str
    effects: tuple[str, ...]
    changes: Callable[[Subject], Iterator[Change]]


OPERATORS: list[Operator] = []


def mistake(kind: str, *effects: str) -> Callable[..., Callable[[Subject], Iterator[Change]]]:
    """Registers a function that proposes changes; its name is the mistake's."""

    def register(
        function: Callable[[Subject], Iterator[Change]],
    ) -> Callable[[Subject], Iterator[Change]]:
        name = function.__name__.replace("_", " ").strip()
        OPERATORS.append(Operator(name, kind, effects, function))
        return function

    return register


@dataclass(frozen=True)
class Attribute:
    """``self.name = call`` in the constructor; ``kind`` is what the call resolves to."""

    name: str
    statement: ast.stmt
    call: ast.Call
    kind: str


@dataclass
class Subject:
    """One class of a file, and how to change it."""

    source: str
    tree: ast.Module
    node: ast.ClassDef
    starts: list[int] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.starts = [0]
        for line in self.source.splitlines(keepends=True):
            self.starts.append(self.starts[-1] + len(line.encode()))
        self.data = self.source.encode()

    # -- reading -------------------------------------------------------------------------
    @cached_property
    def names(self) -> dict[str, str]:
        """Names that the file imports, to dotted names."""
        found: dict[str, str] = {}
        for node in ast.walk(self.tree):
            if isinstance(node, ast.Import):
                for alias in node.names:
                    found[alias.asname or alias.name.split(".")[0]] = (
                        alias.name if alias.asname else alias.name.split(".")[0]
                    )
            elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
                for alias in node.names:
                    found[alias.asname or alias.name] = f"{node.module}.{alias.name}"
        return found

    def is_filled_outside(self, name: str) -> bool:
        """Whether an initialiser of the file speaks of that attribute of another object, or goes
        over the parameters of the class: ``module.weight`` in ``_init_weights``, which only the
        whole model runs."""
        inits = [
            node
            for node in ast.walk(self.tree)
            if isinstance(node, ast.FunctionDef) and "init" in node.name and node not in self.node.body
        ]
        return any(
            isinstance(part, ast.Attribute) and part.attr == name and not own(part) and node.name != "__init__"
            or isinstance(part, ast.If) and self._goes_over_parameters(part)
            for node in inits
            for part in ast.walk(node)
        )

    def _goes_over_parameters(self, branch: ast.If) -> bool:
        """``if isinstance(m, Scale): for p in m.parameters(): ...``."""
        names = {node.id for node in ast.walk(branch.test) if isinstance(node, ast.Name)}
        return {"isinstance", self.node.name} <= names and any(
            isinstance(part, ast.Attribute) and part.attr in ("parameters", "named_parameters")
            for statement in branch.body
            for part in ast.walk(statement)
        )

    def dotted(self, node: ast.expr) -> str:
        """The full name of a function or class, the short one of torch.nn's."""
        parts = []
        while isinstance(node, ast.Attribute):
            parts.append(node.attr)
            node = node.value
        if not isinstance(node, ast.Name):
            return ""
        name = ".".join([self.names.get(node.id, node.id), *reversed(parts)])
        for long in ("torch.nn.modules.", "torch.nn.parameter.", "torch.nn."):
            if name.startswith(long) and "functional" not in name and "init" not in name:
                return "nn." + name.rpartition(".")[2]
        return name

    def method(self, name: str) -> Method | None:
        for node in self.node.body:
            if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)) and node.name == name:
                return node
        return None

    @cached_property
    def attributes(self) -> list[Attribute]:
        init = self.method("__init__")
        found = []
        for node in ast.walk(init) if init else ():
            if isinstance(node, ast.Assign) and len(node.targets) == 1:
                name = own(node.targets[0])
                if name and isinstance(node.value, ast.Call):
                    kind = self.dotted(node.value.func)
                    found.append(Attribute(name, node, node.value, kind))
        return found

    @cached_property
    def parameters(self) -> list[Attribute]:
        """``self.name = nn.Parameter(something)``."""
        return [a for a in self.attributes if a.kind == "nn.Parameter" and a.call.args]

    def layers(self, *kinds: str) -> list[Attribute]:
        return [a for a in self.attributes if a.kind.startswith("nn.") and a.kind[3:] in kinds]

    def text(self, node: ast.AST) -> str:
        start, end = self.span(node)
        return self.data[start:end].decode()

    def span(self, node: ast.AST) -> tuple[int, int]:
        assert isinstance(node, (ast.expr, ast.stmt, ast.keyword))
        assert node.end_lineno is not None and node.end_col_offset is not None
        start = self.starts[node.lineno - 1] + node.col_offset
        return start, self.starts[node.end_lineno - 1] + node.end_col_offset

    # -- changing ------------------------------------------------------------------------
    def replace(self, node: ast.AST, text: str) -> Edit:
        return (*self.span(node), text)

    def remove(self, statement: ast.stmt) -> Edit:
        return self.replace(statement, "pass")

    def indent(self, statement: ast.stmt) -> str:
        return " " * statement.col_offset

    def after(self, statement: ast.stmt, text: str) -> Edit:
        """Lines below a statement, at its depth."""
        _, end = self.span(statement)
        return end, end, "".join(f"\n{self.indent(statement)}{line}" for line in text.split("\n"))

    def after_expression(self, node: ast.expr, text: str) -> Edit:
        _, end = self.span(node)
        return end, end, text

    def before(self, statement: ast.stmt, text: str) -> Edit:
        start, _ = self.span(statement)
        lines = text.split("\n")
        return start, start, "".join(f"{line}\n{self.indent(statement)}" for line in lines)

    def at_start(self, method: Method, text: str) -> Edit:
        """Lines at the top of a method, below its docstring."""
        body = [
            s
            for s in method.body
            if not (isinstance(s, ast.Expr) and isinstance(s.value, ast.Constant))
        ]
        return self.before((body or method.body)[0], text)

    def at_end(self, text: str) -> Edit:
        """Lines at the end of the file."""
        size = len(self.data)
        return size, size, "\n\n" + text

    def mentions(self, attribute: str) -> set[int]:
        """Lines of the statements of the class that say ``self.attribute``."""
        found: set[int] = set()
        for statement in ast.walk(self.node):
            if isinstance(statement, ast.stmt) and not hasattr(statement, "body"):
                if any(own(n) == attribute for n in ast.walk(statement)):
                    found.update(lines_of(statement))
        return found

    def mutant(self, operator: Operator, change: Change) -> Mutant | None:
        """The source with the change made; None if it is no Python any more."""
        edits = sorted(change.edits)
        if any(a[1] > b[0] for a, b in zip(edits, edits[1:])):
            return None
        pieces: list[bytes] = []
        at = 0
        lines: set[int] = set()
        moved: list[tuple[int, int]] = []  # (old line, how far what lies behind it moved)
        shift = 0
        for start, end, text in edits:
            pieces.append(self.data[at:start])
            old_first, old_last = self.line(start), self.line(end)
            grown = text.count("\n")
            first = old_first + shift
            skipped = len(text) - len(text.lstrip("\n"))
            trailing = len(text) - len(text.rstrip(" ")) and text.rstrip(" ").endswith("\n")
            lines.update(range(first + skipped, first + grown + (0 if trailing else 1)))
            shift += grown - (old_last - old_first)
            moved.append((old_last, shift))
            pieces.append(text.encode())
            at = end
        pieces.append(self.data[at:])
        made = b"".join(pieces).decode()
        try:
            ast.parse(made)
        except SyntaxError:
            return None
        if made == self.source:
            return None
        around = [self.statement(start) for start, _, _ in edits]
        old = {line for node in (*change.nodes, *filter(None, around)) for line in lines_of(node)}
        if change.attribute:
            old |= self.mentions(change.attribute)

        def now(line: int) -> int:
            return line + next((shift for last, shift in reversed(moved) if last < line), 0)

        related = {now(line) for line in old} - lines
        return Mutant(
            operator.mistake,
            operator.kind,
            made,
            tuple(sorted(lines)),
            tuple(sorted(related)),
            operator.effects,
            change.literal,
            change.script,
        )

    def statement(self, offset: int) -> ast.stmt | None:
        """The innermost statement without a body that an offset lies in."""
        for node in ast.walk(self.node):
            if isinstance(node, ast.stmt) and not hasattr(node, "body"):
                start, end = self.span(node)
                if start <= offset < end:
                    return node
        return None

    def line(self, offset: int) -> int:
        return bisect.bisect_right(self.starts, offset)


def own(node: ast.AST) -> str:
    """The name in ``self.name``."""
    if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
        return node.attr if node.value.id == "self" else ""
    return ""


def lines_of(node: ast.AST) -> range:
    """The lines of a node; of one with a body only its header."""
    assert isinstance(node, (ast.expr, ast.stmt, ast.keyword))
    last = node.end_lineno or node.lineno
    body = getattr(node, "body", None)
    if isinstance(body, list) and body:
        last = max(node.lineno, body[0].lineno - 1)
    return range(node.lineno, last + 1)


def classes(source: str) -> Iterator[Subject]:
    tree = ast.parse(source)
    for node in tree.body:
        if isinstance(node, ast.ClassDef):
            yield Subject(source, tree, node)


@dataclass(frozen=True)
class Proposal:
    """A change that is not made yet: most of them never are."""

    subject: Subject
    operator: Operator
    change: Change

    def mutant(self) -> Mutant | None:
        return self.subject.mutant(self.operator, self.change)


def proposals(subject: Subject) -> Iterator[Proposal]:
    """Everything that the operators propose for a class."""
    for operator in OPERATORS:
        for change in operator.changes(subject):
            yield Proposal(subject, operator, change)


def mutants(subject: Subject) -> Iterator[Mutant]:
    for proposal in proposals(subject):
        made = proposal.mutant()
        if made is not None:
            yield made


def plain(node: ast.AST) -> bool:
    """Whether an expression is made of literals only."""
    return not any(isinstance(n, (ast.Name, ast.Attribute, ast.Call)) for n in ast.walk(node))
