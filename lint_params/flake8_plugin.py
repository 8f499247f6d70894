"""The flake8 plugin: flake8's own tree in, the command's findings out."""

from __future__ import annotations

import ast
import os
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Any, ClassVar

from lint_params import __version__, engine
from lint_params import config as configuration
from lint_params.report.text import first_line
from lint_params.runner import Linter

if TYPE_CHECKING:
    from argparse import Namespace

    from flake8.options.manager import OptionManager


class Plugin:
    """One file. flake8 applies its own select, ignore and per-file-ignores afterwards."""

    name = "lint-params"
    version = __version__
    #: One to a process: it keeps the parsed files of the project.
    linter: ClassVar[Linter | None] = None
    noqa: ClassVar[bool] = True

    def __init__(
        self,
        tree: ast.AST,
        filename: str,
        lines: Sequence[str],
        noqa_line_for: Callable[[int], str | None] | None = None,
    ) -> None:
        self.tree, self.filename, self.lines = tree, filename, lines
        self._noqa_line_for = noqa_line_for

    @staticmethod
    def add_options(manager: OptionManager) -> None:
        for flag, text in (
            ("select", "report these rules of lint-params and no others"),
            ("extend-select", "report these as well (advice, preview)"),
            ("ignore", "never report these"),
        ):
            manager.add_option(
                f"--lint-params-{flag}",
                default=None,
                parse_from_config=True,
                comma_separated_list=True,
                help=f"{text}: codes, beginnings of codes, names or levels",
            )
        manager.add_option(
            "--lint-params-preview",
            action="store_true",
            default=False,
            parse_from_config=True,
            help="preview rules of lint-params too",
        )

    @classmethod
    def parse_options(cls, options: Namespace) -> None:
        """The same configuration as the command's, with flake8's options on top."""
        names = [name for name in options.filenames or ["."] if name != "-"]
        if not names:
            names = [options.stdin_display_name]
        try:
            base = configuration.find([name for name in names if name != "stdin"])
            linter = Linter(
                base.overridden(
                    select=options.lint_params_select,
                    extend_select=options.lint_params_extend_select or (),
                    ignore=options.lint_params_ignore or (),
                    preview=options.lint_params_preview or None,
                ),
                noqa=not options.disable_noqa,
            )
            linter.rules  # noqa: B018 - an unknown rule is an error of use, said at once
        except configuration.ConfigError as error:
            from flake8.exceptions import ExecutionError

            raise ExecutionError(f"lint-params: {error}") from None
        cls.linter, cls.noqa = linter, not options.disable_noqa

    def run(self) -> Iterator[tuple[int, int, str, type[Any]]]:
        linter = type(self).linter or Linter(configuration.Config())
        path = os.path.normpath(self.filename)
        assert isinstance(self.tree, ast.Module)
        text = "".join(self.lines)
        if "torch" not in text or linter.config.excluded(path):
            return
        result = engine.lint_tree(
            path, text, self.tree, linter.rules_for(path), linter.project(), noqa=linter.noqa
        )
        for crash in result.crashes:
            print(f"lint-params: {crash}", file=sys.stderr)
        seen = self._seen_by_flake8(finding.place.line for finding in result.findings)
        for finding in result.findings:
            place = finding.place
            before = seen.get(place.line)
            if before is not None and linter.noqa:
                seen[place.line] = ""  # noqa was applied; flake8 need not guess
            try:
                yield place.line, place.column - 1, first_line(finding), type(self)
            finally:
                if before is not None:
                    seen[place.line] = before

    def _seen_by_flake8(self, lines: Iterable[int]) -> dict[int, str]:
        """What flake8 searches for noqa, by line; it takes a rule's name for a blanket one.

        flake8 6 builds this mapping when first asked for a line. Should another flake8 have
        none, only the names in noqa comments are lost.
        """
        if self._noqa_line_for is None:
            return {}
        for line in lines:
            self._noqa_line_for(line)
        processor = getattr(self._noqa_line_for, "__self__", None)
        mapping = getattr(processor, "_noqa_line_mapping", None)
        return mapping if isinstance(mapping, dict) else {}
