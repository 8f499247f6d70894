"""The text of a file: places, lines, the words under a node."""

from __future__ import annotations

import ast
from functools import cached_property

from lint_params.facts.scope import Scope
from lint_params.names import Names
from lint_params.project import Project, SourceFile
from lint_params.rule import Place


class SourceView:
    """The part of FileFacts that knows the text."""

    path: str
    text: str
    tree: ast.Module
    project: Project
    source: SourceFile

    @property
    def names(self) -> Names:
        """The module-level names (imports, definitions) of this file."""
        return self.source.names

    @cached_property
    def lines(self) -> list[str]:
        return self.text.splitlines(keepends=True)

    def place(self, node: ast.AST) -> Place:
        """The source range of a node, in characters from 1 (ast counts utf-8 bytes from 0)."""
        line, end = node.lineno, node.end_lineno or node.lineno  # type: ignore[attr-defined]
        start, stop = node.col_offset, node.end_col_offset or 0  # type: ignore[attr-defined]
        return Place(line, self._column(line, start), end, self._column(end, stop))

    def _column(self, line: int, offset: int) -> int:
        text = self.ast_lines[line - 1] if line <= len(self.ast_lines) else ""
        if text.isascii():
            return offset + 1
        return len(text.encode()[:offset].decode(errors="replace")) + 1

    @cached_property
    def ast_lines(self) -> list[str]:
        """Lines as Python's tokenizer counts them (form feeds and \\x1c end no line)."""
        return self.text.replace("\r\n", "\n").replace("\r", "\n").split("\n")

    def line(self, number: int) -> str:
        """A line of the source, from 1; "" beyond the end."""
        return self.ast_lines[number - 1] if 0 < number <= len(self.ast_lines) else ""

    def source_of(self, node: ast.AST) -> str:
        """The text of a node; ``ast.unparse`` where the source is not at hand."""
        if self.text:
            place = self.place(node)
            if place.line == place.end_line:
                return self.line(place.line)[place.column - 1 : place.end_column - 1]
        return ast.unparse(node)

    @staticmethod
    def line_of(scope: Scope) -> int:
        """The line of a function's or class's ``def``; 1 for the module."""
        return 1 if isinstance(scope.node, ast.Module) else scope.node.lineno

    def header(self, scope: Scope) -> ast.AST:
        """A node over the name of a function: where a finding about all of it stands."""
        node = scope.node
        assert isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef))
        text = self.line(node.lineno)
        start = len(text[: text.find(scope.name)].encode()) if scope.name in text else 0
        stop = start + len(scope.name.encode())
        return ast.Name(
            scope.name,
            lineno=node.lineno,
            col_offset=start,
            end_lineno=node.lineno,
            end_col_offset=stop,
        )

    @property
    def is_template(self) -> bool:
        """A source from which other files are generated (``modular_*.py`` of transformers):
        its classes are not the ones that run."""
        return self.path.replace("\\", "/").rpartition("/")[2].startswith("modular_")
