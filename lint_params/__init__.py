"""lint-params: finds PyTorch parameters that will not learn and layers that do not fit.

    >>> import lint_params
    >>> lint_params.lint_text("import torch\\n")
    []
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from lint_params.rule import Finding

__version__ = "0.1.0"
__all__ = ["__version__", "lint", "lint_text"]


def lint(
    paths: str | Sequence[str], *, jobs: int | None = 1, cache: bool = False, **options: Any
) -> list[Finding]:
    """The findings in files and folders, sorted; ``options`` are those of ``Config``.

    The configuration of the project is read as by the command. A path that is not there, an
    unknown rule or option raises ``lint_params.config.ConfigError``.
    """
    from lint_params import config, runner

    places = [paths] if isinstance(paths, str) else [str(path) for path in paths]
    settings = config.find(places).overridden(**options)
    return runner.run(places, settings, jobs=jobs, use_cache=cache).findings


def lint_text(text: str, path: str = "<string>", **options: Any) -> list[Finding]:
    """The findings in a text, without any configuration file."""
    from lint_params import config, runner

    settings = config.Config().overridden(**options)
    return runner.Linter(settings).lint(path, text.encode("utf-8", "surrogatepass")).findings
