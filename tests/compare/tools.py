"""The tools that are compared: pinned, each in an environment of its own, run as its users do.

Nothing is held back from a peer. TorchFix gets all its rules, Ruff those of its rules that look
for mistakes, the type checkers get the torch of the interpreter that runs this, pyrefly its
stubs with shapes, and mypy is told to check functions without annotations too, as nearly all
code for torch is written. The folder that holds the files is on the type checkers' search path.
"""

from __future__ import annotations

import importlib.metadata
import subprocess
import sys
import venv
from collections.abc import Callable
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

from compare import outputs
from compare.clock import Run, run
from compare.outputs import Said

#: An import that only the mended code uses says nothing about the mistake: without F401.
RUFF_RULES = "E9,F,B,PLE,PLW,RUF,NPY"


class CannotRun(Exception):
    """Why a tool could not be installed or did not finish."""


@dataclass(frozen=True)
class Place:
    """Where a tool lies, and what it looks at."""

    bin: Path
    site: Path
    root: Path


@dataclass(frozen=True)
class Tool:
    """``command`` is without the files; ``how`` says it for a reader."""

    title: str
    needs: tuple[str, ...]
    command: Callable[[Place], list[str]]
    read: Callable[[str], list[Said]]
    how: str = ""

    @property
    def version(self) -> str:
        if not self.needs:
            return importlib.metadata.version("lint-params")
        return self.needs[-1].partition("==")[2]


def _torch() -> Path:
    """The folder that holds the torch which type checkers are to see; torch is not imported."""
    found = find_spec("torch")
    if found is None or found.origin is None:
        raise CannotRun("torch is not installed beside lint-params")
    return Path(found.origin).parent.parent


def _lint_params(place: Place) -> list[str]:
    return [sys.executable, "-m", "lint_params", "--isolated", "--no-cache", "--output-format", "json"]


def _flake8(select: str) -> Callable[[Place], list[str]]:
    return lambda place: [str(place.bin / "flake8"), "--isolated", *(["--select", select] if select else [])]


def _flake8_here(place: Place) -> list[str]:
    return [sys.executable, "-m", "flake8", "--isolated"]


def _ruff(*options: str) -> Callable[[Place], list[str]]:
    start = ["check", "--isolated", "--no-cache", "--output-format", "json"]
    return lambda place: [str(place.bin / "ruff"), *start, *options]


def _pyrefly(stubs: bool) -> Callable[[Place], list[str]]:
    def command(place: Place) -> list[str]:
        config = place.bin / "empty.toml"  # an empty file: the default preset
        config.touch()
        options = ["-c", str(config), "--output-format", "json", "--summary", "none"]
        options += ["--python-interpreter-path", sys.executable, "--search-path", str(place.root)]
        for site in ([place.site] if stubs else []) + [_torch()]:
            options += ["--site-package-path", str(site)]
        return [str(place.bin / "pyrefly"), "check", *options]

    return command


def _mypy(place: Place) -> list[str]:
    options = ["--config-file=", "--cache-dir=/dev/null", "--output", "json", "--no-error-summary"]
    options += ["--python-executable", sys.executable, "--check-untyped-defs", "--ignore-missing-imports"]
    return [str(place.bin / "mypy"), *options]


#: The requirement that is shown as the version comes last.
_FLAKE8_PIN = f"flake8=={importlib.metadata.version('flake8')}"
_STUBS = ("pyrefly-shape-extensions==1.4.0", "pyrefly-torch-stubs==1.4.0", "pyrefly==1.4.0")
TOOLS = {
    "lint-params": Tool("lint-params", (), _lint_params, outputs.lint_params, "default rules"),
    "torchfix": Tool(
        "TorchFix", (_FLAKE8_PIN, "torchfix==0.7.0"), _flake8("TOR"), outputs.flake8, "in flake8, all its rules"
    ),
    "ruff": Tool(
        "Ruff",
        ("ruff==0.17.6",),
        _ruff("--preview", "--select", RUFF_RULES, "--ignore", "F401"),
        outputs.ruff,
        f"rules {RUFF_RULES}, without F401",
    ),
    "pyrefly": Tool("pyrefly", ("pyrefly==1.4.0",), _pyrefly(False), outputs.pyrefly, "default preset"),
    "pyrefly-torch-stubs": Tool(
        "pyrefly, torch stubs", _STUBS, _pyrefly(True), outputs.pyrefly, "default preset, pyrefly-torch-stubs"
    ),
    "mypy": Tool("mypy", ("mypy==2.4.1",), _mypy, outputs.mypy, "check-untyped-defs"),
    "flake8": Tool("flake8", (_FLAKE8_PIN,), _flake8(""), outputs.flake8, "default rules"),
    "flake8-lint-params": Tool("flake8, lint-params", (), _flake8_here, outputs.flake8, "default rules"),
    "ruff-default": Tool("Ruff", ("ruff==0.17.6",), _ruff(), outputs.ruff, "default rules"),
}


class Bench:
    """Tools that are installed where ``cache`` says, once."""

    def __init__(self, cache: Path) -> None:
        self.cache = cache

    def bin(self, tool: Tool) -> Path:
        """The commands of a tool's environment, made when first asked for."""
        if not tool.needs:
            return Path(sys.executable).parent
        name = "-".join(need.replace("==", "-") for need in tool.needs)
        folder = self.cache / f"{name}-py{sys.version_info[0]}.{sys.version_info[1]}"
        done = folder / "done"
        if not done.exists():
            venv.create(folder, clear=True, with_pip=True)
            # The stubs depend on torch, and a type checker gets the torch that is here.
            alone = ["--no-deps"] if tool.needs == _STUBS else []
            command = [str(folder / "bin" / "python"), "-m", "pip", "install", "-q", *alone, *tool.needs]
            installed = subprocess.run(command, stderr=subprocess.PIPE, text=True, check=False)
            if installed.returncode:
                raise CannotRun(f"{' '.join(tool.needs)} cannot be installed")
            done.touch()
        return folder / "bin"

    def command(self, tool: Tool, root: Path) -> list[str]:
        folder = self.bin(tool)
        sites = sorted(folder.parent.glob("lib/python*/site-packages"))
        return tool.command(Place(folder, sites[0] if sites else folder, root))

    def run(self, tool: Tool, root: Path, files: list[str], seconds: int = 600) -> Run:
        """Run a tool in ``root``; CannotRun where it ends with neither 0 nor 1, findings or none."""
        done = run([*self.command(tool, root), *files], cwd=root, seconds=seconds)
        if done.status not in (0, 1):
            last = (done.err.strip() or done.out.strip() or "nothing printed").splitlines()[-1]
            raise CannotRun(f"{tool.title} ended with {done.status}: {last[:200]}")
        return done
