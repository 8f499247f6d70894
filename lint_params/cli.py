"""The command: options in, findings out. What an option needs is imported when it is used."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from argparse import Namespace

CLEAN, FOUND, WRONG = 0, 1, 2
INTERRUPTED = 130


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command; 0 clean, 1 findings, 2 wrong use or a mistake of the linter."""
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="backslashreplace")
    try:
        status = _main(list(sys.argv[1:] if argv is None else argv))
        sys.stdout.flush()
        return status
    except KeyboardInterrupt:
        print("lint-params: interrupted", file=sys.stderr)
        return INTERRUPTED
    except BrokenPipeError:  # `| head` has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return FOUND


def _main(argv: list[str]) -> int:
    from lint_params.options import parser

    options = parser().parse_args(argv)
    from lint_params.config import ConfigError
    from lint_params.registry import RegistryError

    try:
        return _dispatch(options)
    except (ConfigError, RegistryError) as error:
        print(f"lint-params: {error}", file=sys.stderr)
        return WRONG


def _dispatch(options: Namespace) -> int:
    if options.explain is not None:
        from lint_params.pages import explain

        return explain(options.explain)
    if options.list_rules:
        from lint_params.pages import list_rules

        return list_rules(options.output_format)
    if options.shapes is not None or options.why is not None:
        from lint_params.pages import shapes, why

        as_json = options.output_format == "json"
        if options.shapes is not None:
            return shapes(options.shapes, as_json)
        return why(options.why, as_json)
    from lint_params.session import Session

    return Session(options).run()
